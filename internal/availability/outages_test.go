package availability_test

import (
	"math"
	"slices"
	"testing"
	"time"

	"afloat/internal/availability"
)

const (
	cycle   = 2 * time.Second
	horizon = 2 * time.Minute
	seeds   = 2000
)

// schedules are drawn over and over; the correlated one has links of different uptime, which its shared cause must give.
var schedules = map[string]availability.Schedule{
	"independent": {Uptime: []float64{0.9, 0.6, 0.99}, Cycle: cycle},
	"correlated":  {Uptime: []float64{0.9, 0.6, 0.99}, Cycle: cycle, Correlated: true},
}

// TestExpectedUptime: on average over seeds each link has its uptime, over the whole and at the first instant, and a
// page that needs all links has the product, or with one cause that of the worst link.
func TestExpectedUptime(t *testing.T) {
	for name, s := range schedules {
		mean, first := make([]float64, 3), make([]float64, 3)
		page := 0.0
		for seed := range uint64(seeds) {
			links := s.Draw(horizon, seed)
			for i, outages := range links {
				mean[i] += availability.ExactUptime(outages, horizon) / seeds
				if len(outages) == 0 || outages[0].From > 0 {
					first[i] += 1.0 / seeds
				}
			}
			page += availability.ExactUptime(availability.Union(links...), horizon) / seeds
		}
		for i, q := range s.Uptime {
			if math.Abs(mean[i]-q) > 0.005 {
				t.Errorf("%s: link %d of uptime %v was up for %.4f on average", name, i, q, mean[i])
			}
			if math.Abs(first[i]-q) > 0.04 {
				t.Errorf("%s: link %d of uptime %v was up at the start in %.3f of the draws", name, i, q, first[i])
			}
		}
		want := availability.Series(s.Uptime...)
		if s.Correlated {
			want = slices.Min(s.Uptime)
		}
		if math.Abs(page-want) > 0.005 {
			t.Errorf("%s: the page was up for %.4f on average, want %.4f", name, page, want)
		}
	}
}

// TestMeanCycle: outages of one link start once in a mean cycle.
func TestMeanCycle(t *testing.T) {
	s := availability.Schedule{Uptime: []float64{0.7}, Cycle: cycle}
	const long = 10_000 * cycle
	n := len(s.Draw(long, 1)[0])
	if n < 9_500 || n > 10_500 {
		t.Errorf("%d outages in 10,000 mean cycles", n)
	}
}

func TestOutagesAreApartAndWithin(t *testing.T) {
	for name, s := range schedules {
		for seed := range uint64(200) {
			links := s.Draw(horizon, seed)
			for _, outages := range append(links, availability.Union(links...)) {
				last := time.Duration(-1)
				for _, o := range outages {
					if o.From <= last || o.To <= o.From || o.To > horizon {
						t.Fatalf("%s, seed %d: %v after %v", name, seed, o, last)
					}
					last = o.To
				}
			}
		}
	}
}

// TestCorrelatedOutagesStartTogether: and the better link's are part of the worse link's.
func TestCorrelatedOutagesStartTogether(t *testing.T) {
	s := availability.Schedule{Uptime: []float64{0.6, 0.9}, Cycle: cycle, Correlated: true}
	links := s.Draw(horizon, 3)
	if len(links[1]) < 30 {
		t.Fatalf("only %d outages", len(links[1]))
	}
	for _, better := range links[1] {
		i := slices.IndexFunc(links[0], func(o availability.Span) bool { return o.From == better.From })
		if i < 0 || links[0][i].To < better.To {
			t.Errorf("the better link is down %v, and the worse isn't", better)
		}
	}
}

func TestDrawsDependOnTheSeedAlone(t *testing.T) {
	s := schedules["independent"]
	a, b, other := s.Draw(horizon, 7), s.Draw(horizon, 7), s.Draw(horizon, 8)
	if !slices.Equal(a[0], b[0]) {
		t.Error("the same seed gave other outages")
	}
	if slices.Equal(a[0], other[0]) || slices.Equal(a[0], a[1]) {
		t.Error("another seed, or another link, has the same outages")
	}
	s.Uptime = append(slices.Clone(s.Uptime), 0.5)
	if more := s.Draw(horizon, 7); !slices.Equal(a[0], more[0]) {
		t.Error("one more link has changed the outages of another")
	}
}

func TestAnUptimeOfOneHasNoOutage(t *testing.T) {
	for _, correlated := range []bool{false, true} {
		s := availability.Schedule{Uptime: []float64{1, 0.5}, Cycle: cycle, Correlated: correlated}
		if links := s.Draw(horizon, 1); len(links[0]) != 0 || len(links[1]) == 0 {
			t.Errorf("correlated %v: %d outages of the perfect link, %d of the other", correlated, len(links[0]), len(links[1]))
		}
	}
	perfect := availability.Schedule{Uptime: []float64{1, 1}, Cycle: cycle, Correlated: true}
	if links := perfect.Draw(horizon, 1); len(links[0])+len(links[1]) != 0 {
		t.Errorf("perfect links have outages: %v", links)
	}
}

func TestScheduleRefusesNonsense(t *testing.T) {
	for _, bad := range []availability.Schedule{
		{Uptime: []float64{0}, Cycle: cycle},
		{Uptime: []float64{0.9, 1.1}, Cycle: cycle},
		{Uptime: []float64{math.NaN()}, Cycle: cycle},
		{Uptime: []float64{0.9}},
	} {
		if bad.Check() == nil {
			t.Errorf("%+v passed", bad)
		}
	}
	for name, s := range schedules {
		if err := s.Check(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestUnion(t *testing.T) {
	got := availability.Union(
		[]availability.Span{{From: 5, To: 9}, {From: 20, To: 30}},
		[]availability.Span{{From: 1, To: 5}, {From: 22, To: 24}, {From: 40, To: 41}},
	)
	want := []availability.Span{{From: 1, To: 9}, {From: 20, To: 30}, {From: 40, To: 41}}
	if !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if up := availability.ExactUptime(want, 100); math.Abs(up-0.81) > 1e-9 {
		t.Errorf("uptime %v, want 0.81", up)
	}
}
