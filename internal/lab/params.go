package lab

import (
	"fmt"
	"math"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A Param is one thing of an experiment that can be changed, on its page, in its URL and on the command line.
type Param struct {
	Name    string // in URLs: "trials"
	Label   string // for people
	Unit    string // "runs", "requests/s"; "" for durations and choices
	Kind    ParamKind
	Default string
	Quick   string // for a quick run, as tests make it; "" is Default
	Min     string // inclusive, as a value of this kind; durations as in Go
	Max     string
	Choices []string // of a Choice: any one; of a Set: any number, separated by commas
}

// ParamKind says how a parameter is written.
type ParamKind string

const (
	Int      ParamKind = "int"
	Float    ParamKind = "float"
	Duration ParamKind = "duration"
	Choice   ParamKind = "choice"
	Set      ParamKind = "set"
	Slug     ParamKind = "slug" // of an article; "" is any
)

// SeedParam is the parameter that every experiment with chance in it has.
func SeedParam() Param {
	return Param{Name: "seed", Label: "seed", Kind: Int, Default: "1", Min: "0", Max: "4294967295"}
}

// Values are an experiment's parameters, checked and complete.
type Values map[string]string

// Int returns a parameter's value; like the other getters it panics where the experiment has no such parameter.
func (v Values) Int(name string) int { return int(v.float(name)) }

// Seed returns the seed.
func (v Values) Seed() uint64 { return uint64(v.float("seed")) }

// Float returns a parameter's value.
func (v Values) Float(name string) float64 { return v.float(name) }

// Duration returns a parameter's value.
func (v Values) Duration(name string) time.Duration {
	d, err := time.ParseDuration(v[name])
	if err != nil {
		panic(fmt.Sprintf("lab: parameter %q: %v", name, err))
	}
	return d
}

// Choice returns a parameter's value.
func (v Values) Choice(name string) string {
	c, ok := v[name]
	if !ok {
		panic(fmt.Sprintf("lab: no parameter %q", name))
	}
	return c
}

// Set returns the members of a set, in the order of its choices.
func (v Values) Set(name string) []string {
	if v.Choice(name) == "" {
		return nil
	}
	return strings.Split(v[name], ",")
}

func (v Values) float(name string) float64 {
	f, err := strconv.ParseFloat(v[name], 64)
	if err != nil {
		panic(fmt.Sprintf("lab: parameter %q: %v", name, err))
	}
	return f
}

// Query writes the values as a URL's query, which ParseValues reads.
func (v Values) Query() string {
	q := url.Values{}
	for name, value := range v {
		q.Set(name, value)
	}
	return q.Encode()
}

// ParseValues takes the parameters' values from given, and defaults for what isn't there. Whatever given holds
// besides is ignored. The error is a *BadOrder that names each bad value, its range and its unit.
func ParseValues(params []Param, given url.Values) (Values, error) {
	bad, v := &BadOrder{}, Values{}
	for _, p := range params {
		got := strings.TrimSpace(strings.Join(given[p.Name], ","))
		if got == "" && (p.Kind != Set || !given.Has(p.Name)) {
			got = p.Default
		}
		value, ok := p.parse(got)
		if !ok {
			bad.add(p.Name, p.Range(), p.unit(), excerpt(got))
		}
		v[p.Name] = value
	}
	return v, bad.orNil()
}

// QuickValues are the parameters of a run as tests make it.
func QuickValues(params []Param, seed uint64) Values {
	v := Values{}
	for _, p := range params {
		v[p.Name] = p.Default
		if p.Quick != "" {
			v[p.Name] = p.Quick
		}
	}
	if _, ok := v["seed"]; ok {
		v["seed"] = strconv.FormatUint(seed, 10)
	}
	return v
}

// parse returns a value as it is kept, and whether it is one.
func (p Param) parse(got string) (string, bool) {
	switch p.Kind {
	case Choice:
		return got, slices.Contains(p.Choices, got)
	case Set:
		asked := strings.Split(got, ",")
		var members []string
		for _, c := range p.Choices {
			if slices.Contains(asked, c) {
				members = append(members, c)
			}
		}
		known := func(s string) bool { return s == "" || slices.Contains(p.Choices, s) }
		return strings.Join(members, ","), !slices.ContainsFunc(asked, func(s string) bool { return !known(s) })
	case Slug:
		return got, slugPattern.MatchString(got)
	case Duration:
		d, err := time.ParseDuration(got)
		return got, err == nil && within(d.Seconds(), seconds(p.Min), seconds(p.Max))
	default:
		f, err := strconv.ParseFloat(got, 64)
		whole := p.Kind == Float || f == math.Trunc(f)
		return got, err == nil && whole && within(f, number(p.Min), number(p.Max))
	}
}

var slugPattern = regexp.MustCompile(`^[a-z0-9-]{0,100}$`)

// within is written so that NaN is not.
func within(f, least, most float64) bool { return f >= least && f <= most }

// seconds and number read a parameter's own bounds, which its author wrote: a test reads them all.
func seconds(s string) float64 {
	d, err := time.ParseDuration(s)
	if err != nil {
		panic(fmt.Sprintf("lab: bound %q: %v", s, err))
	}
	return d.Seconds()
}

func number(s string) float64 {
	f, err := strconv.ParseFloat(s, 64)
	if err != nil {
		panic(fmt.Sprintf("lab: bound %q: %v", s, err))
	}
	return f
}

// Range says what the parameter may be.
func (p Param) Range() string {
	switch p.Kind {
	case Choice:
		return "one of " + strings.Join(p.Choices, ", ")
	case Set:
		return "any of " + strings.Join(p.Choices, ", ") + ", separated by commas"
	case Slug:
		return "an article's slug, as in its address, or nothing for all articles"
	case Int:
		return "a whole number from " + p.Min + " to " + p.Max
	default:
		return "from " + p.Min + " to " + p.Max
	}
}

func (p Param) unit() string {
	if p.Kind == Duration {
		return unitDuration
	}
	return p.Unit
}
