package lab

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// maxBody bounds the body of an order, in bytes.
const maxBody = 64 << 10

// fieldNames are the fields of an order, in a form and in JSON.
var fieldNames = []string{"link", "kind", "latency", "jitter", "rate", "for"}

// ParseOrder reads an order from the body of a POST, a form or JSON as its Content-Type says: link, kind, latency,
// jitter, rate, for. Durations are written as in Go ("300ms"), never as plain numbers; an empty value is an absent
// one. Unknown form fields are ignored, since a page adds its own; unknown JSON fields are refused. The error is a
// *BadOrder.
func (s *Switchboard) ParseOrder(r *http.Request) (Order, error) {
	bad := &BadOrder{}
	fields := readFields(r, bad)
	if err := bad.orNil(); err != nil {
		return Order{}, err
	}
	o := Order{
		Link:    fields["link"],
		Kind:    fields["kind"],
		Latency: readDuration(fields, "latency", false, s.limits.latencyRange(), bad),
		Jitter:  readDuration(fields, "jitter", true, jitterRange, bad),
		For:     readDuration(fields, "for", false, s.limits.forRange(), bad),
	}
	if got := fields["rate"]; got != "" {
		rate, err := strconv.ParseFloat(got, 64)
		if err != nil || rate == 0 {
			bad.add("rate", rateRange, unitRate, got)
		}
		o.Rate = rate
	}
	o = s.check(o, bad)
	if err := bad.orNil(); err != nil {
		return Order{}, err
	}
	return o, nil
}

// readDuration returns a field's duration, or 0 where the field is absent or bad. A zero sent on purpose is bad
// unless zeroOK, since in an Order it means the default.
func readDuration(fields map[string]string, name string, zeroOK bool, allowed string, bad *BadOrder) time.Duration {
	got := fields[name]
	if got == "" {
		return 0
	}
	d, err := time.ParseDuration(got)
	if _, plain := strconv.ParseFloat(got, 64); err != nil || plain == nil || d == 0 && !zeroOK {
		bad.add(name, allowed, unitDuration, got)
		return 0
	}
	return d
}

// readFields returns the body's values by field name.
func readFields(r *http.Request, bad *BadOrder) map[string]string {
	body, err := io.ReadAll(http.MaxBytesReader(nil, r.Body, maxBody))
	if tooLong := new(http.MaxBytesError); errors.As(err, &tooLong) {
		bad.add("body", "at most "+strconv.Itoa(maxBody), "bytes", "more")
		return nil
	} else if err != nil {
		bad.add("body", "a whole body", "", "a part of it")
		return nil
	}
	contentType := r.Header.Get("Content-Type")
	switch media, _, _ := mime.ParseMediaType(contentType); media {
	case "application/x-www-form-urlencoded":
		return readForm(string(body), bad)
	case "application/json":
		return readJSON(body, bad)
	default:
		bad.add("Content-Type", "application/x-www-form-urlencoded or application/json", "", contentType)
		return nil
	}
}

func readForm(body string, bad *BadOrder) map[string]string {
	form, err := url.ParseQuery(body)
	if err != nil {
		bad.add("body", "a form such as link=redis&kind=hang", "", excerpt(body))
		return nil
	}
	fields := map[string]string{}
	for _, name := range fieldNames {
		fields[name] = strings.TrimSpace(form.Get(name))
	}
	return fields
}

func readJSON(body []byte, bad *BadOrder) map[string]string {
	var object map[string]any
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.UseNumber() // so that an error repeats a number as it came
	if err := decoder.Decode(&object); err != nil || decoder.Decode(new(any)) != io.EOF {
		bad.add("body", `one JSON object such as {"link": "redis", "kind": "hang"}`, "", excerpt(string(body)))
		return nil
	}
	fields := map[string]string{}
	for name, value := range object {
		if !slices.Contains(fieldNames, name) {
			bad.add(excerpt(name), "no other field than "+strings.Join(fieldNames, ", "), "", excerpt(name))
			continue
		}
		switch value := value.(type) {
		case string:
			fields[name] = strings.TrimSpace(value)
		case json.Number:
			fields[name] = value.String()
		default:
			bad.add(name, "a string or a number", "", "another type")
		}
	}
	slices.SortFunc(bad.Fields, func(a, b BadField) int { return strings.Compare(a.Field, b.Field) })
	return fields
}

// excerpt is as much of s as an error message should repeat.
func excerpt(s string) string {
	const most = 80
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "…"
}
