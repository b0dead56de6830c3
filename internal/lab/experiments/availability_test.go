package experiments

import (
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"afloat/internal/availability"
	"afloat/internal/lab"
	"afloat/internal/load"
)

func TestPredict(t *testing.T) {
	uptime := map[string]float64{"postgres": 0.9, "redis": 0.8, "recommendations": 0.5}
	for _, c := range []struct {
		name                       string
		critical                   []string
		covered                    float64
		naive, isolated, protected float64
		needs                      []string
	}{
		{"the post alone", nil, 1, 0.36, 0.9, 1, []string{"postgres"}},
		{"a part of the same dependency is no further factor", []string{"comments", "counts"}, 0, 0.36, 0.9, 0.9, []string{"postgres"}},
		{"each other dependency is one", []string{"recommendations", "popular"}, 0.5, 0.36, 0.36, 0.95 * 0.9 * 0.75, []string{"postgres", "redis", "recommendations"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := Predict(uptime, c.critical, c.covered)
			for i, want := range []float64{c.naive, c.isolated, c.protected} {
				if math.Abs(got[i].Share-want) > 1e-12 {
					t.Errorf("%s: %v, want %v", got[i].Server, got[i].Share, want)
				}
			}
			if !slices.Equal(got[1].Needs, c.needs) {
				t.Errorf("needs %v, want %v", got[1].Needs, c.needs)
			}
		})
	}
	if got := Predict(nil, nil, 1)[0].Share; got != 1 {
		t.Errorf("what is always up is up for %v of the time", got)
	}
}

func TestForecastInWords(t *testing.T) {
	for _, c := range []struct {
		share                 float64
		percent, nines, month string
	}{
		{0.729, "72.9 %", "0.57 nines", "11707 min a month (195 h)"},
		{availability.Series(0.9999, 0.9999), "99.98 %", "3.70 nines", "8.6 min a month"},
		{math.Pow(0.9999, 30), "99.7 %", "2.52 nines", "129 min a month"},
		{1, "100.0 %", "no end of nines", "0.0 min a month"},
	} {
		f := Forecast{Share: c.share}
		if f.Percent() != c.percent || f.Nines() != c.nines || f.Month() != c.month {
			t.Errorf("%v: %s, %s, %s; want %+v", c.share, f.Percent(), f.Nines(), f.Month(), c)
		}
	}
}

// TestAReadingIsWhatTheFormulaSays: readers whom the drawn outages alone turn away are as many as the formula says, in
// at least 17 of 20 intervals; and it fails where all outages have one cause.
func TestAReadingIsWhatTheFormulaSays(t *testing.T) {
	const horizon, cycle = 20 * time.Second, time.Second
	uptime := map[string]float64{"postgres": 0.9, "redis": 0.9, "recommendations": 0.9}
	forecasts := Predict(uptime, nil, 1)
	read := func(seed uint64, correlated bool) availabilityReading {
		down := availability.Schedule{Uptime: []float64{0.9, 0.9, 0.9}, Cycle: cycle, Correlated: correlated}.Draw(horizon, seed)
		came, err := arrivals(seed, span{40, horizon})
		if err != nil {
			t.Fatal(err)
		}
		naive := lab.Outcome{Target: lab.Target{Name: "naive"}}
		for _, at := range came {
			s := load.Sample{Due: at, Status: 200}
			for _, o := range availability.Union(down...) {
				if o.From <= at && at < o.To {
					s.Status = 500
				}
			}
			naive.Samples = append(naive.Samples, s)
		}
		r, err := readAvailability(naive, forecasts, down, horizon, cycle, seed)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	var apart, together []availabilityReading
	inside := 0
	for seed := range uint64(20) {
		r := read(seed+1, false)
		if math.Abs(r.estimate.Mean-r.exact) > 0.05 {
			t.Errorf("seed %d: %v served where the outages leave %v", r.seed, r.estimate.Mean, r.exact)
		}
		if r.estimate.Contains(forecasts[0].Share) {
			inside++
		}
		apart, together = append(apart, r), append(together, read(seed+1, true))
	}
	if inside < 17 {
		t.Errorf("%d of 20 intervals contain the formula's value", inside)
	}
	t.Logf("%d of 20 intervals contain the formula's value", inside)
	if c := commonCause(together, forecasts[0].Share, 0.9); !c.Met {
		t.Errorf("%+v", c)
	}
	if c := commonCause(apart, forecasts[0].Share, 0.9); c.Met {
		t.Errorf("independent outages pass for one cause: %+v", c)
	}
}

func TestRefusalsAreTheOutages(t *testing.T) {
	steps := refusals([][]availability.Span{nil, {{From: time.Second, To: 3 * time.Second}}})
	want := lab.FaultStep{At: time.Second, Order: lab.Order{Link: "redis", Kind: "refuse", For: 2 * time.Second}}
	if len(steps) != 1 || steps[0] != want {
		t.Errorf("%+v", steps)
	}
}

func TestTooFewCyclesAreRefused(t *testing.T) {
	e := Find("availability")
	v := lab.QuickValues(e.Params, 1)
	v["cycle"], v["for"] = "1s", "5s"
	_, err := e.Run(t.Context(), &lab.Rig{Custom: noServer{}}, v, func(lab.Progress) {})
	if err == nil || !strings.Contains(err.Error(), "measure for 8s at least") {
		t.Errorf("%v, want how long to measure", err)
	}
}
