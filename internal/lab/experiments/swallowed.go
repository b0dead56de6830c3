package experiments

import (
	"context"
	"errors"
	"fmt"
	"time"

	"afloat/internal/alert"
	"afloat/internal/lab"
	"afloat/internal/load"
)

var (
	ourIsolation = lab.Reference{Text: "internal/resilience/isolate.go", URL: "/source/internal/resilience/isolate.go"}
	ourAlerts    = lab.Reference{Text: "internal/alert/rule.go: the rules of docs/operations.md", URL: "/source/internal/alert/rule.go"}
	sreMonitors  = lab.Reference{Text: "Site Reliability Engineering, chapter 6: Monitoring Distributed Systems", URL: "https://sre.google/sre-book/monitoring-distributed-systems/"}
)

// The servers that are compared. Each differs in one setting from the one before.
var quietRuns = []struct {
	name               string
	isolated, critical bool
}{
	{name: "nothing isolated"},
	{name: "isolated", isolated: true},
	{name: "isolated, the part marked as critical", isolated: true, critical: true},
}

// partOf is the part of an article's page that a link's fault takes away, and no other.
var partOf = map[string]string{"recommendations": "recommendations", "redis": "popular"}

var _ = register(18, &lab.Experiment{
	Name: "swallowed", Title: "What may fail, and who notices",
	Question: "An optional part of every page can't be had any more. The blog isolates it: readers get the article with a gap, and every answer is a 200. When does an alarm that watches the status codes go off?",
	Choices:  []string{"After a minute or two: so many failed calls show", "Never", "When the readers complain"},
	Answer:   1,

	Label: lab.Injected,
	Scale: "the alarms' times are divided by 60: their 5 minutes are 5 s here",
	SetUp: "A process of its own serves the blog, in three ways one after the other: without any protection, with isolation, and with isolation and the part that breaks marked as critical. The same readers come to each, and the same fault takes the link away behind one part: that of the similar articles, or Redis with what is popular now. (The comments have their database in common with the articles, so a fault there is not theirs alone.) Meanwhile the experiment scrapes the server's own /metrics, as Prometheus would, and evaluates the alert rules of docs/operations.md over what it got.",

	Params: []lab.Param{
		lab.SeedParam(),
		{Name: "trials", Label: "trials of each way", Unit: "trials", Kind: lab.Int, Default: "2", Quick: "1", Min: "1", Max: "5"},
		{Name: "link", Label: "link that is taken away", Kind: lab.Choice, Default: "recommendations", Choices: []string{"recommendations", "redis"}},
		{Name: "kind", Label: "fault", Kind: lab.Choice, Default: "refuse", Choices: []string{"refuse", "reset"}},
		{Name: "rate", Label: "readers", Unit: "readers/s", Kind: lab.Float, Default: "20", Min: "10", Max: "50"},
		{Name: "scale", Label: "what the alarms' times are divided by", Unit: "times", Kind: lab.Int, Default: "60", Quick: "150", Min: "30", Max: "300"},
	},
	Faults:   []lab.FaultStep{{At: 6 * time.Second, Order: lab.Order{Link: "recommendations", Kind: "refuse", For: 8 * time.Second}}},
	Load:     lab.Load{Callers: "page readers", Rate: 20, Words: "open loop, Poisson arrivals, articles by Zipf's law; the same seed for each way"},
	Measures: []string{"pages served within a second, and pages that were complete, of those who came during the fault", "calls that failed at the dependency, as the server counts them", "time from the fault until each alarm fires"},

	Expect: []lab.Expectation{
		{Claim: "nothing isolated, and marked as critical: no page is served", Tolerance: "at most 2 %", Source: ourIsolation},
		{Claim: "isolated: every page is served, and none is complete", Tolerance: "at least 99 %; at most 2 %", Source: ourIsolation},
		{Claim: "isolated: the alarm that watches the status codes doesn't fire", Tolerance: "none", Source: ourAlerts},
		{Claim: "isolated: the one that watches parts fires after threshold × window + for, 5.25 s here and 5 min 15 s in earnest", Tolerance: "from for on, to four scrapes and three gaps between readers later", Source: ourAlerts},
		{Claim: "where pages fail, the one that watches the status codes fires after for", Tolerance: "as above", Source: ourAlerts},
	},
	Explain: []string{
		"Without isolation a part's error is the page's error: somebody else's service decides whether there is an article. Isolation makes the failure as small as its cause. The price is that it becomes quiet: whoever counts 5xx sees a blog in the best of health.",
		"So count what isolation swallows. The blog counts each part by its state as readers got it, and an alarm on the share of missing ones goes off however well the page looks. Its time until it fires follows from the rule: the share passes its threshold after threshold × window, and it has to stay there for as long as the rule says.",
		"Which parts may fail is a decision, and not the program's: mark one as critical, and its page fails with it, loudly. Few parts deserve that: a price, a permission, a warning.",
		"Each swallowed error is a line in the log as well, one of each kind in ten seconds with the number of those left out. That is for whoever looks; an alarm is for when nobody does.",
	},
	Hurts: []string{
		"Swallowed errors hide outages: see the second row. All pages were 200, none was whole, and the usual alarm was silent to the end.",
		"The alarm that catches it is slow by design: it waits out what mends itself. Make the wait shorter and it rings for each restart of the dependency.",
		"A stale part isn't a missing one. With copies the gap shows only once they are too old, so watch the stale share, too, or the age of what is served.",
	},
	Sources: []lab.Reference{sreMonitors, ourIsolation, ourAlerts, {Text: "internal/web/parts.go: where a part's failure is settled", URL: "/source/internal/web/parts.go"}, {Text: "internal/metrics/metrics.go: what is counted", URL: "/source/internal/metrics/metrics.go"}},
	Run:     swallowed,
})

// A quietPlan is the readers of one run, and the alarms that watch it.
type quietPlan struct {
	readers     load.Plan
	link, kind  string
	calm, fault time.Duration
	scrape      time.Duration // between two scrapes
	rules       []alert.Rule
}

// quietPlanOf lasts as long as the alarms need. They are scraped every 15 s, as is usual, divided like all their times.
func quietPlanOf(v lab.Values) quietPlan {
	const usual = 15 * time.Second
	scale := v.Int("scale")
	p := quietPlan{link: v.Choice("link"), kind: v.Choice("kind"), scrape: usual / time.Duration(scale)}
	var window, wait time.Duration
	for _, r := range alert.Rules() {
		r = r.Scaled(scale)
		p.rules, window, wait = append(p.rules, r), max(window, r.Window), max(wait, r.For)
	}
	p.calm = window + time.Second // the window is full of what is well, and the readers have come
	p.fault = wait + window/5 + 2*time.Second
	p.readers = load.Plan{Rate: v.Float("rate"), Duration: p.calm + p.fault, Seed: v.Seed(), Timeout: 2 * within}
	return p
}

// Readers are counted who come from a moment after the fault's beginning until a moment before its end: their process takes a
// moment to start, so they come that much later than the fault's schedule says.
const (
	settling = 300 * time.Millisecond
	ending   = 1200 * time.Millisecond
)

func swallowed(ctx context.Context, rig *lab.Rig, v lab.Values, tell func(lab.Progress)) (lab.Result, error) {
	if rig.Custom == nil {
		return lab.Result{}, errors.New("there is nothing here to run a blog with some of the protections: start the blog on its private servers, without DATABASE_URL and REDIS_URL")
	}
	defer rig.Custom.Stop()
	p, trials := quietPlanOf(v), v.Int("trials")
	all := make([]quiet, len(quietRuns))
	for i := range len(quietRuns) * trials {
		run, trial := quietRuns[i/trials], i%trials
		var on, critical []string
		if run.isolated {
			on = []string{"isolation"}
		}
		if run.critical {
			critical = []string{partOf[p.link]}
		}
		p.readers.Seed = v.Seed() + uint64(trial)
		say := fmt.Sprintf("%s, trial %d of %d", run.name, trial+1, trials)
		err := during(tell, stageOf(i, len(quietRuns)*trials, p.readers.Duration, say), func() error {
			url, err := rig.Custom.Serve(ctx, on, critical)
			if err != nil {
				return err
			}
			server := lab.Target{Name: run.name, URL: url}
			if err := rig.Settle(ctx, server); err != nil {
				return err
			}
			return all[i/trials].read(ctx, rig, server, p)
		})
		if err != nil {
			return lab.Result{}, err
		}
	}
	return quietTold(all, p, v), nil
}
