package lab

import (
	"context"
	"encoding/json"
	"reflect"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"afloat/internal/fault"
)

// mergeLimits leave the probes out of it.
var mergeLimits = func() Limits {
	l := testLimits
	l.ProbeEvery = 24 * time.Hour
	return l
}()

var mergeLinks = []string{"postgres", "redis", "recommendations"}

func newMember(tb interface{ Fatal(...any) }, name string) *Switchboard {
	var wires []Wire
	for _, link := range mergeLinks {
		wires = append(wires, Wire{Link: fault.NewLink(link), Label: link, Probe: func(context.Context) error { return nil }})
	}
	s, err := NewSwitchboard(wires, mergeLimits, quiet)
	if err != nil {
		tb.Fatal(err)
	}
	s.Name(name)
	return s
}

// agreed is what all servers must have in common.
type agreed struct {
	Kinds    []string
	Untils   []time.Time
	Stamps   []Stamp
	Critical Marks
	OnLinks  []fault.Kind // what is really on them
}

func (s *Switchboard) agreed() agreed {
	state := s.Status()
	a := agreed{Critical: state.Critical}
	a.Critical.Until = a.Critical.Until.Round(0).UTC()
	for i, st := range state.Faults {
		on, _ := s.lines[i].Link.Current()
		a.Kinds, a.Untils = append(a.Kinds, st.Kind), append(a.Untils, st.Until.Round(0).UTC())
		a.Stamps, a.OnLinks = append(a.Stamps, st.Stamp), append(a.OnLinks, on.Kind)
	}
	return a
}

// sent is a state as it arrives, some time later.
func sent(t *rapid.T, s *Switchboard) State {
	b, err := json.Marshal(s.Status())
	if err != nil {
		t.Fatal(err)
	}
	var state State
	if err := json.Unmarshal(b, &state); err != nil {
		t.Fatal(err)
	}
	return state
}

// TestServersConverge: whoever was asked for what, whatever got lost, came late, twice or in another order, and whoever
// restarted: once each has heard of each other, all hold the same faults and marks, and the next order reaches all.
func TestServersConverge(t *testing.T) {
	names := []string{"blog1", "blog2", "blog3"}
	rapid.Check(t, func(t *rapid.T) {
		members := make([]*Switchboard, len(names))
		future := time.Now().Add(time.Hour).UnixMicro() // so that stamps are counted up from there, and coincide
		for i, name := range names {
			members[i] = newMember(t, name)
			members[i].clock = future + rapid.Int64Range(0, 3).Draw(t, "ahead")
		}
		defer func() {
			for _, m := range members {
				m.Close()
			}
		}()
		var late []State // states that are still on their way
		pick := func() int { return rapid.IntRange(0, len(members)-1).Draw(t, "server") }
		link := func() string { return rapid.SampledFrom(append(slices.Clone(mergeLinks), All)).Draw(t, "link") }
		ordered := func(i int, was agreed) {
			for j, stamp := range members[i].agreed().Stamps {
				if stamp != was.Stamps[j] && !was.Stamps[j].before(stamp) {
					t.Fatalf("an order that %s gave is stamped %v, and it had seen %v", names[i], stamp, was.Stamps[j])
				}
			}
		}
		t.Repeat(map[string]func(*rapid.T){
			"break": func(*rapid.T) {
				i := pick()
				was := members[i].agreed()
				kind := rapid.SampledFrom(fault.Kinds).Draw(t, "kind")
				if err := members[i].Order(Order{Link: link(), Kind: string(kind), For: time.Minute}); err != nil {
					t.Fatal(err)
				}
				ordered(i, was)
			},
			"clear": func(*rapid.T) {
				i := pick()
				was := members[i].agreed()
				_ = members[i].Clear(link())
				ordered(i, was)
			},
			"mark": func(*rapid.T) {
				parts := rapid.SliceOfN(rapid.SampledFrom([]string{"comments", "popular"}), 0, 2).Draw(t, "parts")
				members[pick()].MarkCritical(parts, time.Minute)
			},
			"send":   func(*rapid.T) { late = append(late, sent(t, members[pick()])) },
			"arrive": func(*rapid.T) { arrive(t, members[pick()], late) },
			"restart": func(*rapid.T) {
				i := pick()
				members[i].Close()
				members[i] = newMember(t, names[i])
			},
		})
		meet := func() {
			for range members { // news may have to go by way of another
				for i, to := range members {
					for j, from := range members {
						if i != j {
							to.Merge(sent(t, from))
						}
					}
				}
			}
		}
		meet()
		for i, m := range members[1:] {
			if got, want := m.agreed(), members[0].agreed(); !reflect.DeepEqual(got, want) {
				t.Fatalf("%s holds\n%+v\nand %s\n%+v", names[i+1], got, names[0], want)
			}
		}
		members[0].verified(t.Context(), All) // a probe's verdict is news of another sort
		rev := members[0].Status().Rev
		meet()
		if members[0].Status().Rev != rev {
			t.Fatal("old news wakes the peers: they would ask each other for ever")
		}
		_ = members[pick()].Clear(All)
		meet()
		for i, m := range members {
			for j, kind := range m.agreed().OnLinks {
				if kind != "" {
					t.Fatalf("all was cleared, and on %s %s has the fault %s", names[i], mergeLinks[j], kind)
				}
			}
		}
	})
}

// TestARestartedServerRepeatsNoStamp, though it counts up from where it did before, since the others' clocks are ahead.
func TestARestartedServerRepeatsNoStamp(t *testing.T) {
	a, b := newMember(t, "blog1"), newMember(t, "blog2")
	defer a.Close()
	a.clock = time.Now().Add(time.Hour).UnixMicro()
	a.MarkCritical(nil, time.Minute)
	early := a.Status()
	b.Merge(early)
	b.MarkCritical([]string{"comments"}, time.Minute)
	a.Merge(b.Status())
	b.Close()
	b = newMember(t, "blog2")
	defer b.Close()
	b.Merge(early)
	b.MarkCritical([]string{"popular"}, time.Minute)
	if old, new := a.Status().Critical.Stamp, b.Status().Critical.Stamp; old == new || old.At != new.At {
		t.Fatalf("the orders are stamped %v and %v; want one moment and different stamps", old, new)
	}
	a.Merge(b.Status())
	b.Merge(a.Status())
	if !reflect.DeepEqual(a.agreed().Critical, b.agreed().Critical) {
		t.Errorf("blog1 holds %+v and blog2 %+v", a.agreed().Critical, b.agreed().Critical)
	}
}

// arrive delivers a state that was sent some time ago; it may arrive again.
func arrive(t *rapid.T, to *Switchboard, late []State) {
	if len(late) > 0 {
		to.Merge(rapid.SampledFrom(late).Draw(t, "state"))
	}
}

func TestMergeRefusesWhatItDoesNotKnow(t *testing.T) {
	s := newMember(t, "blog1")
	defer s.Close()
	later := Stamp{At: time.Now().Add(time.Hour).UnixMicro(), By: "blog2"}
	until := time.Now().Add(time.Hour)
	s.Merge(State{Faults: []Status{
		{Link: "mysql", Kind: "hang", Until: until, Stamp: later}, {Link: "redis", Kind: "explode", Until: until, Stamp: later},
		{Link: "postgres", Kind: "hang", Stamp: later}, {Link: "recommendations", Kind: "hang", Until: until}, // without a stamp it is no order
	}})
	for _, st := range s.Status().Faults {
		if st.Kind != Healthy || st.Stamp != (Stamp{}) {
			t.Errorf("got %+v", st)
		}
	}
}

// TestWhatEndedOnTheWay: an order for a fault that is over still replaces the one before it.
func TestWhatEndedOnTheWay(t *testing.T) {
	s := newMember(t, "blog1")
	defer s.Close()
	if err := s.Order(Order{Link: "redis", Kind: "hang"}); err != nil {
		t.Fatal(err)
	}
	later := Stamp{At: time.Now().Add(time.Hour).UnixMicro(), By: "blog2"}
	s.Merge(State{Faults: []Status{{Link: "redis", Kind: "reset", Until: time.Now().Add(-time.Second), Stamp: later}}})
	if st := s.Status().Faults[1]; st.Kind != Healthy || st.Stamp != later {
		t.Errorf("got %+v", st)
	}
}

// TestTheEndOfAServerIsNoOrder: what it clears when it closes stays on elsewhere.
func TestTheEndOfAServerIsNoOrder(t *testing.T) {
	a, b := newMember(t, "blog1"), newMember(t, "blog2")
	defer b.Close()
	if err := a.Order(Order{Link: All, Kind: "hang"}); err != nil {
		t.Fatal(err)
	}
	b.Merge(a.Status())
	a.Close()
	b.Merge(a.Status())
	if got := b.agreed().OnLinks; !slices.Equal(got, []fault.Kind{"hang", "hang", "hang"}) {
		t.Errorf("got %q", got)
	}
}
