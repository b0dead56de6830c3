package lab

import (
	"errors"
	"net/url"
	"strings"
	"testing"
	"time"
)

var testParams = []Param{
	SeedParam(),
	{Name: "clients", Label: "clients", Unit: "clients", Kind: Int, Default: "100", Quick: "5", Min: "1", Max: "200"},
	{Name: "rate", Label: "rate", Unit: "requests/s", Kind: Float, Default: "0.5", Min: "0", Max: "1"},
	{Name: "for", Label: "for", Kind: Duration, Default: "30s", Quick: "1s", Min: "100ms", Max: "1m"},
	{Name: "jitter", Label: "jitter", Kind: Choice, Default: "full", Choices: []string{"none", "full"}},
	{Name: "parts", Label: "parts", Kind: Set, Default: "a,b", Choices: []string{"a", "b", "c"}},
}

func TestParseValues(t *testing.T) {
	for query, want := range map[string]string{
		"": "clients=100&for=30s&jitter=full&parts=a%2Cb&rate=0.5&seed=1",
		"clients=7&for=100ms&rate=1&jitter=none&seed=9&page=2": "clients=7&for=100ms&jitter=none&parts=a%2Cb&rate=1&seed=9",
		"parts=c&parts=a":                "clients=100&for=30s&jitter=full&parts=a%2Cc&rate=0.5&seed=1", // as boxes that are ticked
		"parts=":                         "clients=100&for=30s&jitter=full&parts=&rate=0.5&seed=1",      // none of them
		"clients=+7+&jitter=&for=&rate=": "clients=7&for=30s&jitter=full&parts=a%2Cb&rate=0.5&seed=1",
	} {
		given, err := url.ParseQuery(query)
		if err != nil {
			t.Fatal(err)
		}
		v, err := ParseValues(testParams, given)
		if err != nil || v.Query() != want {
			t.Errorf("%q: %s, %v; want %s", query, v.Query(), err, want)
			continue
		}
		again, _ := url.ParseQuery(v.Query())
		if w, err := ParseValues(testParams, again); err != nil || w.Query() != v.Query() {
			t.Errorf("%s reads back as %s, %v", v.Query(), w.Query(), err)
		}
	}
	v, _ := ParseValues(testParams, url.Values{"parts": {"c,a"}, "for": {"1m"}})
	if v.Int("clients") != 100 || v.Float("rate") != 0.5 || v.Duration("for") != time.Minute || v.Choice("jitter") != "full" ||
		v.Seed() != 1 || strings.Join(v.Set("parts"), " ") != "a c" {
		t.Errorf("%v", v)
	}
	if v, _ := ParseValues(testParams, url.Values{"parts": {""}}); len(v.Set("parts")) != 0 {
		t.Errorf("no parts are %q", v.Set("parts"))
	}
	if got := QuickValues(testParams, 3).Query(); got != "clients=5&for=1s&jitter=full&parts=a%2Cb&rate=0.5&seed=3" {
		t.Error(got)
	}
}

func TestParseValuesRefuses(t *testing.T) {
	for query, want := range map[string]string{
		"clients=0":         `clients: want a whole number from 1 to 200, clients; got "0"`,
		"clients=1.5":       "clients: want a whole number",
		"clients=NaN":       "clients",
		"clients=1e400":     "clients",
		"clients=many":      "clients",
		"rate=1.01":         `rate: want from 0 to 1, requests/s; got "1.01"`,
		"rate=NaN":          "rate",
		"rate=Inf":          "rate",
		"for=61s":           `for: want from 100ms to 1m, a duration such as`,
		"for=5":             "for",
		"for=-1s":           "for",
		"jitter=some":       `jitter: want one of none, full; got "some"`,
		"parts=a,d":         `parts: want any of a, b, c, separated by commas; got "a,d"`,
		"seed=-1":           "seed",
		"seed=99999999999":  "seed",
		"rate=2&clients=no": "clients: ",
	} {
		given, err := url.ParseQuery(query)
		if err != nil {
			t.Fatal(err)
		}
		_, err = ParseValues(testParams, given)
		bad := (*BadOrder)(nil)
		if !errors.As(err, &bad) || !strings.Contains(err.Error(), want) || len(bad.Fields) != len(given) {
			t.Errorf("%s: %v, want %q", query, err, want)
		}
	}
}
