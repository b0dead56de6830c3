package lab

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"
	"time"

	"afloat/internal/fault"
)

const (
	form  = "application/x-www-form-urlencoded"
	jsonT = "application/json; charset=utf-8"
)

// parser is a switchboard that only parses: it needs no probes.
func parser() *Switchboard {
	s := &Switchboard{limits: testLimits}
	for _, name := range []string{"postgres", "redis"} {
		s.lines = append(s.lines, &line{Wire: Wire{Link: fault.NewLink(name)}})
	}
	return s
}

func post(contentType, body string) *http.Request {
	r := httptest.NewRequest(http.MethodPost, "/lab/faults?link=ignored", strings.NewReader(body))
	r.Header.Set("Content-Type", contentType)
	return r
}

func TestParseOrder(t *testing.T) {
	for _, test := range []struct {
		contentType, body string
		want              Order
	}{
		{form, "link=redis&kind=hang", Order{Link: "redis", Kind: "hang", For: 2 * time.Minute}},
		{form, "link=all&kind=healthy", Order{Link: "all", Kind: "healthy", For: 2 * time.Minute}},
		{form, "link=redis&kind=slow&latency=+2s+&jitter=300ms&for=1m30s&back=%2F",
			Order{Link: "redis", Kind: "slow", Latency: 2 * time.Second, Jitter: 300 * time.Millisecond, For: 90 * time.Second}},
		{form, "link=redis&kind=slow&latency=&jitter=0s&for=", Order{Link: "redis", Kind: "slow", Latency: 2 * time.Second, For: 2 * time.Minute}},
		{form, "link=redis&kind=flaky", Order{Link: "redis", Kind: "flaky", Rate: 0.3, For: 2 * time.Minute}},
		{form, "link=redis&kind=refuse&latency=2s&jitter=1s&rate=0.5", Order{Link: "redis", Kind: "refuse", For: 2 * time.Minute}},
		{jsonT, `{"link": "postgres", "kind": "flaky", "rate": 0.25, "for": "30m"}`, Order{Link: "postgres", Kind: "flaky", Rate: 0.25, For: 30 * time.Minute}},
		{jsonT, `{"link": "postgres", "kind": "flaky", "rate": "1"}`, Order{Link: "postgres", Kind: "flaky", Rate: 1, For: 2 * time.Minute}},
	} {
		if got, err := parser().ParseOrder(post(test.contentType, test.body)); err != nil || got != test.want {
			t.Errorf("%s: got %+v, %v; want %+v", test.body, got, err, test.want)
		}
	}
}

func TestParseOrderNamesWhatIsWrong(t *testing.T) {
	const (
		links = "one of postgres, redis, all"
		all   = "one of healthy, refuse, hang, slow, flaky, reset"
		fors  = "above 0s, at most 30m0s"
		lates = "above 0s, at most 30s"
	)
	for _, test := range []struct {
		contentType, body string
		want              []BadField
	}{
		{form, "", []BadField{{"link", links, "", ""}, {"kind", all, "", ""}}},
		{form, "link=mysql&kind=explode&for=5", []BadField{{"for", fors, unitDuration, "5"}, {"link", links, "", "mysql"}, {"kind", all, "", "explode"}}},
		{form, "link=redis&kind=hang&for=31m", []BadField{{"for", fors, unitDuration, "31m0s"}}},
		{form, "link=redis&kind=hang&for=-1s", []BadField{{"for", fors, unitDuration, "-1s"}}},
		{form, "link=redis&kind=hang&for=0s", []BadField{{"for", fors, unitDuration, "0s"}}},
		{form, "link=redis&kind=slow&latency=31s", []BadField{{"latency", lates, unitDuration, "31s"}}},
		{form, "link=redis&kind=slow&latency=0", []BadField{{"latency", lates, unitDuration, "0"}}},
		{form, "link=redis&kind=slow&latency=1s&jitter=2s", []BadField{{"jitter", jitterRange, unitDuration, "2s"}}},
		{form, "link=redis&kind=slow&jitter=-1s", []BadField{{"jitter", jitterRange, unitDuration, "-1s"}}},
		{form, "link=redis&kind=flaky&rate=0", []BadField{{"rate", rateRange, unitRate, "0"}}},
		{form, "link=redis&kind=flaky&rate=1.5", []BadField{{"rate", rateRange, unitRate, "1.5"}}},
		{form, "link=redis&kind=flaky&rate=NaN", []BadField{{"rate", rateRange, unitRate, "NaN"}}},
		{form, "link=redis&kind=flaky&rate=30%25", []BadField{{"rate", rateRange, unitRate, "30%"}}},
		{form, "link=%zz", []BadField{{"body", "a form such as link=redis&kind=hang", "", "link=%zz"}}},
		{jsonT, `{"link": "redis", "kind": "hang", "for": 120}`, []BadField{{"for", fors, unitDuration, "120"}}},
		{jsonT, `{"link": ["redis"], "kind": "hang", "until": "never"}`, []BadField{
			{"link", "a string or a number", "", "another type"},
			{"until", "no other field than link, kind, latency, jitter, rate, for", "", "until"}}},
		{jsonT, `{"link": "redis"} {}`, []BadField{{"body", `one JSON object such as {"link": "redis", "kind": "hang"}`, "", `{"link": "redis"} {}`}}},
		{"text/plain", "link=redis", []BadField{{"Content-Type", form + " or application/json", "", "text/plain"}}},
		{form, "link=" + strings.Repeat("x", maxBody), []BadField{{"body", "at most 65536", "bytes", "more"}}},
	} {
		_, err := parser().ParseOrder(post(test.contentType, test.body))
		if bad := new(BadOrder); !errors.As(err, &bad) || !reflect.DeepEqual(bad.Fields, test.want) {
			t.Errorf("%.60s:\ngot  %+v\nwant %+v", test.body, err, test.want)
		}
	}
	_, err := parser().ParseOrder(post(form, "link=redis&kind=hang&for=5"))
	if want := `for: want above 0s, at most 30m0s, a duration such as "300ms" or "2s"; got "5"`; err.Error() != want {
		t.Errorf("got %q, want %q", err, want)
	}
}

func FuzzParseOrder(f *testing.F) {
	f.Add(true, `{"link": "redis", "kind": "slow", "latency": "2s", "rate": 0.5}`)
	f.Add(false, "link=redis&kind=flaky&rate=0.5&for=1h")
	s := parser()
	f.Fuzz(func(t *testing.T, asJSON bool, body string) {
		contentType := form
		if asJSON {
			contentType = jsonT
		}
		o, err := s.ParseOrder(post(contentType, body))
		if err != nil {
			if bad := new(BadOrder); !errors.As(err, &bad) || len(bad.Fields) == 0 {
				t.Fatalf("got %v, want a *BadOrder with its fields", err)
			}
			return
		}
		bad := &BadOrder{}
		if again := s.check(o, bad); again != o || len(bad.Fields) > 0 {
			t.Fatalf("%+v was accepted, but becomes %+v, %v", o, again, bad)
		}
	})
}
