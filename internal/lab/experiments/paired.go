package experiments

import (
	"context"
	"errors"
	"fmt"
	"time"

	"afloat/internal/chart"
	"afloat/internal/lab"
	"afloat/internal/load"
)

var (
	openVersusClosed = lab.Reference{Text: "Schroeder et al.: Open Versus Closed (NSDI'06)", URL: "https://www.usenix.org/legacy/event/nsdi06/tech/schroeder/schroeder.pdf"}
	bothTables       = lab.Reference{Text: "internal/policy/policy.go: both tables", URL: "/source/internal/policy/policy.go"}
)

var _ = register(10, &lab.Experiment{
	Name: "paired", Title: "Protected and naive, at the same moment",
	Question: "The same readers open the same articles on two blogs that differ only in their table of policies, and the same dependency breaks under both. What do the readers get, and what does the dependency have to bear?",
	Choices:  []string{"Both fail alike: without its database there is no blog", "The protected one serves all, at about its usual speed", "The protected one serves all, and each page takes as long as its timeouts"},
	Answer:   1,

	Label: lab.Injected,
	SetUp: "The protected blog and the naive twin run as processes of their own, on the same Postgres, Redis and recommendations service. The fault goes into the links of both. First both are read together; then, since two blogs on one machine disturb each other, each alone.",

	Params: []lab.Param{
		{Name: "post", Label: "article", Kind: lab.Slug},
		{Name: "link", Label: "dependency", Kind: lab.Choice, Default: "postgres", Choices: []string{"postgres", "redis", "recommendations", "all"}},
		{Name: "kind", Label: "fault", Kind: lab.Choice, Default: "hang", Choices: []string{"refuse", "hang", "slow", "flaky", "reset"}},
		{Name: "rate", Label: "readers", Unit: "readers/s", Kind: lab.Float, Default: "20", Min: "1", Max: "100"},
		{Name: "for", Label: "how long the fault lasts", Kind: lab.Duration, Default: "10s", Quick: "4s", Min: "2s", Max: "2m"},
		{Name: "margin", Label: "readers before and after it", Kind: lab.Duration, Default: "2s", Quick: "1s", Min: "1s", Max: "10s"},
		{Name: "patience", Label: "longest wait of a reader", Kind: lab.Duration, Default: "5s", Quick: "2s", Min: "1s", Max: "30s"},
		lab.SeedParam(),
	},
	Load:     lab.Load{Callers: "page readers", Rate: 20, Words: "open loop, Poisson arrivals, articles by Zipf's law; the same seed for both"},
	Measures: []string{"readers who came during the fault: answered 200, answered with every part, latency", "tries at each dependency, calls that failed, and calls that were still waiting at the end"},
	Expect: []lab.Expectation{
		{Claim: "the protected blog serves every reader an article within a second", Tolerance: "none", Source: bothTables},
		{Claim: "with Postgres refusing, hanging or resetting, the naive twin serves fewer than half within a second", Tolerance: "none", Source: bothTables},
	},
	Explain: []string{
		"The naive twin asks for every part on every page, and waits for each. One part that fails or hangs takes the page with it, and the readers who wait hold connections that the next ones need.",
		"The protected blog has the article in memory, Redis or its snapshot; a reader who could have an old copy waits 50 ms for a newer one at most, and nobody waits once the breaker is open. Optional parts are missing or stale, and say so.",
	},
	Hurts: []string{
		"What is served is older than what was written. A shop that shows a price, or a page that decides who may see it, can't do that.",
		"The protected blog makes an outage quiet. Without the warning in its log, and the stale count in its metrics, nobody would mend it.",
	},
	Sources: []lab.Reference{openVersusClosed, bothTables},
	Run:     paired,
})

// within is how soon a page must be there for a reader to have got it.
const within = time.Second

func paired(ctx context.Context, rig *lab.Rig, v lab.Values, tell func(lab.Progress)) (lab.Result, error) {
	if rig.Naive == "" {
		return lab.Result{}, errors.New("there is no naive twin here: start the blog without -twin, or with the twin's port")
	}
	margin, fault := v.Duration("margin"), v.Duration("for")
	plan := load.Plan{Rate: v.Float("rate"), Duration: fault + 2*margin, Seed: v.Seed(), Timeout: v.Duration("patience")}
	if post := v.Choice("post"); post != "" {
		plan.Paths = []string{"/posts/" + post}
	}
	faults := []lab.FaultStep{{At: margin, Order: lab.Order{Link: v.Choice("link"), Kind: v.Choice("kind"), For: fault}}}
	blog, naive := lab.Target{Name: "protected", URL: rig.Blog}, lab.Target{Name: "naive", URL: rig.Naive}
	runs := []struct {
		how     string
		targets []lab.Target
		got     []lab.Outcome
	}{
		{how: "together", targets: []lab.Target{blog, naive}}, {how: "protected alone", targets: []lab.Target{blog}}, {how: "naive alone", targets: []lab.Target{naive}},
	}
	for i := range runs {
		run := &runs[i]
		err := during(tell, stageOf(i, len(runs), plan.Duration, "reading "+run.how), func() (err error) {
			if err = rig.Settle(ctx, run.targets...); err == nil {
				run.got, err = rig.Measure(ctx, plan, faults, run.targets...)
			}
			return err
		})
		if err != nil {
			return lab.Result{}, err
		}
	}

	table := lab.Table{Caption: "Readers who came during the fault, and the load of the whole run", Head: []string{"measured", "blog", "readers", "success", "complete", "p50", "p99", "slowest", "postgres", "redis", "recommendations"}}
	for _, run := range runs {
		for _, o := range run.got {
			table.Rows = append(table.Rows, pairedRow(run.how, o, lab.Summarise(came(o.Samples, margin, margin+fault), 0)))
		}
	}
	together := runs[0].got
	protected := lab.Summarise(came(together[0].Samples, margin, margin+fault), within)
	bare := lab.Summarise(came(together[1].Samples, margin, margin+fault), within)
	link, kind := v.Choice("link"), v.Choice("kind")
	result := lab.Result{
		Finding: fmt.Sprintf("In %s with %s %s: protected %d of %d served within a second, p99 %s, %s; naive %d of %d, p99 %s, %s.",
			fault, brokenName(link), doing[kind], protected.OK, protected.Readers, short(protected.P99), bore(together[0], link),
			bare.OK, bare.Readers, short(bare.P99), bore(together[1], link)),
		Tables: []lab.Table{table}, Trials: 1,
		Figures: []lab.Figure{servedFigure("paired-served", together, plan, margin, fault, kind), slowFigure("paired-slow", together, plan, margin, fault, kind)},
		Checks: []lab.Check{{
			Claim: "protected: served within a second", Want: fmt.Sprintf("%d of %d", protected.Readers, protected.Readers),
			Got: fmt.Sprintf("%d of %d", protected.OK, protected.Readers), Met: protected.OK == protected.Readers, Source: bothTables,
		}},
	}
	if kills := kind == "refuse" || kind == "hang" || kind == "reset"; kills && (link == "postgres" || link == "all") {
		result.Checks = append(result.Checks, lab.Check{
			Claim: "naive: served within a second", Want: fmt.Sprintf("fewer than half of %d", bare.Readers),
			Got: fmt.Sprint(bare.OK), Met: 2*bare.OK < bare.Readers, Source: bothTables,
		})
	}
	return result, nil
}

func pairedRow(how string, o lab.Outcome, s lab.Summary) []string {
	row := []string{how, o.Name, fmt.Sprint(s.Readers), percent(s.OK, s.Readers), percent(s.Complete, s.Readers), short(s.P50), short(s.P99), short(s.Max)}
	for _, link := range []string{"postgres", "redis", "recommendations"} {
		row = append(row, bore(o, link))
	}
	return row
}

// bore says what a dependency had to bear.
func bore(o lab.Outcome, link string) string {
	var b lab.Burden
	for name, burden := range o.Bore {
		if name == link || link == "all" {
			b.Attempts, b.Waiting = b.Attempts+burden.Attempts, b.Waiting+burden.Waiting
		}
	}
	said := fmt.Sprintf("%d tries", b.Attempts)
	if b.Attempts == 1 {
		said = "1 try"
	}
	if b.Waiting > 0 {
		said += fmt.Sprintf(", %d calls waiting", b.Waiting)
	}
	return said
}

// came picks the readers who came in a span of the load.
func came(samples []load.Sample, from, to time.Duration) []load.Sample {
	var in []load.Sample
	for _, s := range samples {
		if s.Due >= from && s.Due < to {
			in = append(in, s)
		}
	}
	return in
}

func servedFigure(id string, got []lab.Outcome, plan load.Plan, at, long time.Duration, kind string) lab.Figure {
	lines := perSecond(got, plan.Duration, func(s lab.Summary) float64 { return float64(s.OK) })
	return chart.Figure{
		ID: id, Title: "Who was served, second by second",
		Desc:  fmt.Sprintf("Readers who arrived in each second and got the article, of about %g who arrived.", plan.Rate),
		X:     chart.Axis{Label: "time of arrival", Unit: "s", Max: plan.Duration.Seconds()},
		Y:     chart.Axis{Label: "served", Unit: "/s", Max: plan.Rate},
		Marks: []chart.Mark{{At: at.Seconds(), For: long.Seconds(), Label: kind}}, Plot: chart.Lines(lines),
	}
}

func slowFigure(id string, got []lab.Outcome, plan load.Plan, at, long time.Duration, kind string) lab.Figure {
	lines := perSecond(got, plan.Duration, func(s lab.Summary) float64 { return float64(s.P99.Milliseconds()) })
	return chart.Figure{
		ID: id, Title: "How long they waited, second by second",
		Desc:  "The 99th percentile of the waits of all who arrived in each second, served or not.",
		X:     chart.Axis{Label: "time of arrival", Unit: "s", Max: plan.Duration.Seconds()},
		Y:     chart.Axis{Label: "p99", Unit: "ms"},
		Marks: []chart.Mark{{At: at.Seconds(), For: long.Seconds(), Label: kind}}, Plot: chart.Lines(lines),
	}
}

// perSecond draws a line for each target.
func perSecond(got []lab.Outcome, long time.Duration, value func(lab.Summary) float64) []chart.Series {
	var lines []chart.Series
	for _, o := range got {
		line := chart.Series{Name: o.Name}
		for at := time.Duration(0); at < long; at += time.Second {
			line.Points = append(line.Points, chart.Point{X: at.Seconds(), Y: value(lab.Summarise(came(o.Samples, at, at+time.Second), 0))})
		}
		lines = append(lines, line)
	}
	return lines
}

var doing = map[string]string{"refuse": "refusing", "hang": "hanging", "slow": "slow", "flaky": "flaky", "reset": "resetting"}

func brokenName(link string) string {
	names := map[string]string{"postgres": "Postgres", "redis": "Redis", "recommendations": "recommendations", "all": "everything"}
	return names[link]
}

// short writes a wait in milliseconds, or in seconds from one second on.
func short(d time.Duration) string {
	if d >= time.Second {
		return fmt.Sprintf("%.1f\u00a0s", d.Seconds())
	}
	return fmt.Sprintf("%.0f\u00a0ms", float64(d)/float64(time.Millisecond))
}
