package lab

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"afloat/internal/fault"
)

const (
	// Healthy is the kind of a link without a fault, and of an order that clears.
	Healthy = "healthy"
	// All is the link of an order that means every link.
	All = "all"
	// Hidden is the kind of every link in a Masked state while one of them has a hidden fault.
	Hidden = "hidden"
)

// Limits bounds what an order may ask for, fills in what it leaves out, and times the probes. Each must be above 0.
type Limits struct {
	DefaultFor     time.Duration // how long a fault lasts
	MaxFor         time.Duration
	DefaultLatency time.Duration // of a slow link
	MaxLatency     time.Duration
	DefaultRate    float64       // of a flaky link, up to 1
	ProbeTimeout   time.Duration // a probe that takes longer saw no answer; a slow link's latency comes on top
	ProbeEvery     time.Duration // from the end of a probe to the next
	ConfirmWait    time.Duration // how long Apply waits for a fault to be verified
}

func (l Limits) validate() error {
	if min(l.DefaultFor, l.MaxFor, l.DefaultLatency, l.MaxLatency, l.ProbeTimeout, l.ProbeEvery, l.ConfirmWait) <= 0 ||
		l.DefaultFor > l.MaxFor || l.DefaultLatency > l.MaxLatency || !(l.DefaultRate > 0 && l.DefaultRate <= 1) {
		return fmt.Errorf("switchboard: every limit must be above 0, and no default above its maximum: %+v", l)
	}
	return nil
}

// An Order asks for one fault on one link, or on all. Zero durations and rate mean the Limits' defaults.
type Order struct {
	Link    string        // a link's name, or All
	Kind    string        // one of fault.Kinds, or Healthy
	Latency time.Duration // slow only
	Jitter  time.Duration // slow only
	Rate    float64       // flaky only: above 0, at most 1
	For     time.Duration // how long the fault lasts
	Hidden  bool          // nobody is told which fault it is while it is on; no form can ask for it
}

// A BadOrder lists everything that is wrong with an order, for the 400 that answers it.
type BadOrder struct {
	Fields []BadField `json:"fields"`
}

// A BadField is one bad value: what was allowed, in which unit, and what came.
type BadField struct {
	Field string `json:"field"`
	Range string `json:"range"`
	Unit  string `json:"unit,omitempty"`
	Got   string `json:"got"`
}

// Error says what to send instead, field by field.
func (b *BadOrder) Error() string {
	said := make([]string, len(b.Fields))
	for i, f := range b.Fields {
		said[i] = f.Field + ": want " + f.Range
		if f.Unit != "" {
			said[i] += ", " + f.Unit
		}
		said[i] += fmt.Sprintf("; got %q", f.Got)
	}
	return strings.Join(said, "\n")
}

// add notes a bad field; the first complaint about a field is the one that counts.
func (b *BadOrder) add(field, allowed, unit, got string) {
	if !slices.ContainsFunc(b.Fields, func(f BadField) bool { return f.Field == field }) {
		b.Fields = append(b.Fields, BadField{field, allowed, unit, got})
	}
}

// orNil avoids the typed nil that is not nil.
func (b *BadOrder) orNil() error {
	if len(b.Fields) == 0 {
		return nil
	}
	return b
}

const (
	unitDuration = `a duration such as "300ms" or "2s"`
	unitRate     = "the share of exchanges that fail"
	rateRange    = "above 0, at most 1"
	jitterRange  = "from 0s to the latency"
)

func (l Limits) forRange() string     { return "above 0s, at most " + l.MaxFor.String() }
func (l Limits) latencyRange() string { return "above 0s, at most " + l.MaxLatency.String() }

// check fills in o's defaults, drops what its kind has no use for, and adds to bad what is out of range.
func (s *Switchboard) check(o Order, bad *BadOrder) Order {
	if o.Link != All && s.find(o.Link) == nil {
		bad.add("link", "one of "+s.names(), "", o.Link)
	}
	kind := fault.Kind(o.Kind)
	if o.Kind != Healthy && !slices.Contains(fault.Kinds, kind) {
		bad.add("kind", "one of "+kinds(), "", o.Kind)
	}
	if o.For == 0 {
		o.For = s.limits.DefaultFor
	}
	if o.For < 0 || o.For > s.limits.MaxFor {
		bad.add("for", s.limits.forRange(), unitDuration, o.For.String())
	}
	if kind != fault.Slow {
		o.Latency, o.Jitter = 0, 0
	} else if o.Latency == 0 {
		o.Latency = s.limits.DefaultLatency
	}
	if o.Latency < 0 || o.Latency > s.limits.MaxLatency {
		bad.add("latency", s.limits.latencyRange(), unitDuration, o.Latency.String())
	}
	if o.Jitter < 0 || o.Jitter > o.Latency {
		bad.add("jitter", jitterRange, unitDuration, o.Jitter.String())
	}
	if kind != fault.Flaky {
		o.Rate = 0
	} else if o.Rate == 0 {
		o.Rate = s.limits.DefaultRate
	}
	if o.Rate < 0 || o.Rate > 1 || math.IsNaN(o.Rate) {
		bad.add("rate", rateRange, unitRate, strconv.FormatFloat(o.Rate, 'g', -1, 64))
	}
	return o
}

// kinds lists what an order's kind may be.
func kinds() string {
	said := Healthy
	for _, k := range fault.Kinds {
		said += ", " + string(k)
	}
	return said
}
