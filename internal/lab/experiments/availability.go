package experiments

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"afloat/internal/availability"
	"afloat/internal/lab"
	"afloat/internal/load"
)

var (
	hystrixWiki = lab.Reference{Text: "Hystrix wiki: What problem does Hystrix solve?", URL: "https://github.com/Netflix/Hystrix/wiki"}
	ourSeries   = lab.Reference{Text: "internal/availability/series.go", URL: "/source/internal/availability/series.go"}
	ourInterval = lab.Reference{Text: "internal/availability/interval.go: the interval, and what it covers", URL: "/source/internal/availability/interval.go"}
)

var _ = register(15, &lab.Experiment{
	Name: "availability", Code: "E1", Title: "How available is this page?",
	Question: "Three dependencies are each up for nine tenths of the time, and fail independently. How often does a reader get the page, if it needs all three?",
	Choices:  []string{"Nine times in ten: it is as good as its parts", "About seven times in ten: the shares multiply", "Half the time: each failure lasts longer for the page"},
	Answer:   1,

	Label: lab.Injected, Scale: "outages of a tenth of a second where real ones last minutes, so that there are many",
	SetUp: "Each dependency's link is refused at random times that a seed draws, for the share of time that its uptime leaves. Naive here is the blog without any protection, and without the retries that libraries make by themselves, since the formula knows of none. The protected blog is read at the same moment. Then a blog with isolation and deadlines only, and without any copies, is read under the same outages by the same arrivals.",

	Params: []lab.Param{
		{Name: "postgres", Label: "uptime of Postgres", Unit: "of the time", Kind: lab.Float, Default: "0.9", Min: "0.5", Max: "1"},
		{Name: "redis", Label: "uptime of Redis", Unit: "of the time", Kind: lab.Float, Default: "0.9", Min: "0.5", Max: "1"},
		{Name: "recommendations", Label: "uptime of recommendations", Unit: "of the time", Kind: lab.Float, Default: "0.9", Min: "0.5", Max: "1"},
		{Name: "critical", Label: "critical, besides the post", Kind: lab.Set, Default: "recommendations", Choices: []string{"comments", "recommendations", "popular", "counts"}},
		{Name: "covered", Label: "reads with a copy to fall back on, in the formula", Unit: "of the reads", Kind: lab.Float, Default: "1", Min: "0", Max: "1"},
		{Name: "correlated", Label: "one cause for all outages", Kind: lab.Choice, Default: "off", Choices: []string{"off", "on"}},
		{Name: "rate", Label: "readers", Unit: "readers/s", Kind: lab.Float, Default: "40", Quick: "30", Min: "10", Max: "100"},
		{Name: "cycle", Label: "mean time from one outage to the next", Kind: lab.Duration, Default: "1s", Min: "300ms", Max: "1m"},
		{Name: "for", Label: "how long it is measured, for each seed", Kind: lab.Duration, Default: "20s", Quick: "15s", Min: "5s", Max: "10m"},
		{Name: "patience", Label: "longest wait of a reader", Kind: lab.Duration, Default: "2s", Min: "1s", Max: "30s"},
		{Name: "seeds", Label: "seeds, from the first on", Unit: "seeds", Kind: lab.Int, Default: "1", Min: "1", Max: "20"},
		lab.SeedParam(),
	},
	Load:     lab.Load{Callers: "page readers", Rate: 40, For: 20 * time.Second, Words: "open loop, Poisson arrivals, articles by Zipf's law; the same seed for all servers"},
	Measures: []string{"readers who got a 200 within a second, of all who came", "tries at each dependency a reader"},
	Expect: []lab.Expectation{
		{Claim: "naive: the product of the uptimes lies within the interval of what was measured", Tolerance: "95 % interval; 17 of 20 seeds, 1 of 1", Source: hystrixWiki},
		{Claim: "protected: more available than its best single dependency", Tolerance: "none", Source: lab.Reference{Text: "internal/resilience/stale.go", URL: "/source/internal/resilience/stale.go"}},
		{Claim: "with one cause for all outages: naive is nearer to its worst dependency than to the product", Tolerance: "none", Source: ourSeries},
	},
	Explain: []string{
		"What needs all its parts is up when all are up. Where they fail independently, that is the product of their shares: 0.9 × 0.9 × 0.9 = 72.9 %; thirty parts of 99.99 % make 99.7 %, two hours a month. So the first step is to need less: an optional part that fails alone is no factor.",
		"The second is to have something to show meanwhile. With a copy of every article a dependency's outage doesn't reach the reader at all, and the page is more available than anything it is made from.",
		"Readers of one outage fail together, so their number says little about how sure the figure is. The interval comes from resampling whole stretches of time, each as long as a mean cycle (block bootstrap). The one beside it takes readers for independent, as most dashboards do: it is too narrow.",
	},
	Hurts: []string{
		"Failures are seldom independent: one power supply, one network, one deployment. Switch the common cause on: the product is then too low, and what counts on a second copy, which fails with the first, has an availability far below its formula's.",
		"A deadline without a copy behind it gives up what patience would have got: after each outage all readers want a new connection at once, and isolated turns away who waits longer than 70 ms. It serves less than its formula, the more so the busier the machine.",
		"Availability counts answers, not their worth. A protected page may be old or incomplete in all of the time that the formula takes off for the naive one.",
	},
	Sources: []lab.Reference{hystrixWiki, ourSeries, ourInterval, {Text: "internal/availability/outages.go: how outages are drawn", URL: "/source/internal/availability/outages.go"}},
	Run:     measureAvailability,
})

// An availabilityReading is one server under one seed's outages.
type availabilityReading struct {
	seed     uint64
	forecast Forecast
	estimate availability.Estimate
	alone    availability.Estimate // as if readers were independent
	exact    float64               // what the drawn outages leave, before copies
	readers  int
	outcome  lab.Outcome
}

func measureAvailability(ctx context.Context, rig *lab.Rig, v lab.Values, tell func(lab.Progress)) (lab.Result, error) {
	if rig.Custom == nil {
		return lab.Result{}, errors.New("there is nothing here to run a blog with fewer protections: start the blog on its private servers, without DATABASE_URL and REDIS_URL")
	}
	schedule := availability.Schedule{Cycle: v.Duration("cycle"), Correlated: v.Choice("correlated") == "on"}
	uptime := map[string]float64{}
	for _, d := range dependencies {
		uptime[d] = v.Float(d)
		schedule.Uptime = append(schedule.Uptime, uptime[d])
	}
	plan := load.Plan{Rate: v.Float("rate"), Duration: v.Duration("for"), Timeout: v.Duration("patience")}
	if least := availability.MinBlocks * schedule.Cycle; plan.Duration < least {
		return lab.Result{}, fmt.Errorf("%s are too short for outages every %s: measure for %s at least, since an interval takes %d cycles", plan.Duration, schedule.Cycle, least, availability.MinBlocks)
	}
	forecasts := Predict(uptime, v.Set("critical"), v.Float("covered"))
	blog := lab.Target{Name: "protected", URL: rig.Blog}
	defer rig.Custom.Stop()

	var naive, protected []availabilityReading
	seeds := v.Int("seeds")
	read := func(i int, say string, serve func() ([]lab.Target, error)) (got []availabilityReading, err error) {
		seed := v.Seed() + uint64(i%seeds)
		down := schedule.Draw(plan.Duration, seed)
		p := plan
		p.Seed = seed
		err = during(tell, stageOf(i, seeds+1, plan.Duration, say), func() error {
			targets, err := serve()
			if err != nil {
				return err
			}
			if err := rig.Settle(ctx, targets...); err != nil {
				return err
			}
			outcomes, err := rig.Measure(ctx, p, refusals(down), targets...)
			for _, o := range outcomes {
				r, failed := readAvailability(o, forecasts, down, plan.Duration, schedule.Cycle, seed)
				err = errors.Join(err, failed)
				got = append(got, r)
			}
			return err
		})
		return got, err
	}
	bare := ""
	for i := range seeds {
		got, err := read(i, fmt.Sprintf("reading naive and protected, seed %d", v.Seed()+uint64(i)), func() (_ []lab.Target, err error) {
			if bare == "" {
				bare, err = rig.Custom.Serve(ctx, nil, nil)
			}
			return []lab.Target{{Name: "naive", URL: bare}, blog}, err
		})
		if err != nil {
			return lab.Result{}, err
		}
		naive, protected = append(naive, got[0]), append(protected, got[1])
	}
	isolated, err := read(seeds, "reading isolated", func() ([]lab.Target, error) {
		url, err := rig.Custom.Serve(ctx, []string{"isolation", "deadline"}, v.Set("critical"))
		return []lab.Target{{Name: "isolated", URL: url}}, err
	})
	if err != nil {
		return lab.Result{}, err
	}
	return availabilityResult(forecasts, uptime, schedule, naive, isolated, protected), nil
}

// refusals order each link's outages.
func refusals(down [][]availability.Span) []lab.FaultStep {
	var steps []lab.FaultStep
	for i, outages := range down {
		for _, o := range outages {
			steps = append(steps, lab.FaultStep{At: o.From, Order: lab.Order{Link: dependencies[i], Kind: "refuse", For: o.To - o.From}})
		}
	}
	return steps
}

// readAvailability makes an estimate of what one server's readers got.
func readAvailability(o lab.Outcome, forecasts []Forecast, down [][]availability.Span, horizon, cycle time.Duration, seed uint64) (availabilityReading, error) {
	forecast := forecasts[slices.IndexFunc(forecasts, func(f Forecast) bool { return f.Server == o.Name })]
	var needed [][]availability.Span
	for i, d := range dependencies {
		if slices.Contains(forecast.Needs, d) {
			needed = append(needed, down[i])
		}
	}
	var requests []availability.Request
	for _, s := range o.Samples {
		requests = append(requests, availability.Request{At: s.Due, OK: s.OK(within)})
	}
	estimate, err := availability.Interval(availability.Blocks(requests, horizon, cycle), level, resamples, seed)
	if err != nil {
		return availabilityReading{}, fmt.Errorf("%s: %w", o.Name, err)
	}
	got := lab.Summarise(o.Samples, within)
	return availabilityReading{
		seed: seed, forecast: forecast, estimate: estimate, alone: availability.Wilson(got.OK, got.Readers, level),
		exact: availability.ExactUptime(availability.Union(needed...), horizon), readers: got.Readers, outcome: o,
	}, nil
}

const (
	level     = 0.95
	resamples = 2000
)
