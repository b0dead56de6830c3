package experiments

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"time"

	"afloat/internal/alert"
	"afloat/internal/lab"
	"afloat/internal/load"
	"afloat/internal/policy"
)

// A quiet is what the readers of one way got, and what the alarms made of it, over all trials.
type quiet struct {
	came, served, complete int
	failed                 float64       // calls of the dependency, as the server counts them
	last                   []load.Sample // of the last trial
	trials                 []quietAlarms // of each
}

// A quietAlarms is when each rule fired, in the order of the plan's rules; the zero value of one that didn't.
type quietAlarms struct {
	began   time.Time // the first scrape that shows the fault
	firings []alert.Firing
}

// after is how long after the fault a rule fired.
func (a quietAlarms) after(rule int) (time.Duration, bool) {
	f := a.firings[rule]
	return f.At.Sub(a.began), !f.At.IsZero()
}

// read lets the readers come, breaks the link, and scrapes the server all the while.
func (q *quiet) read(ctx context.Context, rig *lab.Rig, server lab.Target, p quietPlan) error {
	scraping, enough := context.WithCancel(ctx)
	defer enough()
	var scrapes []alert.Scrape
	var unread error
	var watching sync.WaitGroup
	watching.Go(func() {
		for unread == nil && scraping.Err() == nil {
			var s alert.Scrape
			if s, unread = scrapeOf(ctx, server.URL); unread == nil {
				scrapes = append(scrapes, s)
			}
			_ = sleep(scraping, p.scrape) // its error ends the loop
		}
	})
	outcomes, err := rig.Measure(ctx, p.readers, []lab.FaultStep{{At: p.calm, Order: lab.Order{Link: p.link, Kind: p.kind, For: p.fault}}}, server)
	enough()
	watching.Wait()
	if err != nil {
		return err
	}
	if unread != nil {
		return fmt.Errorf("metrics of %s: %w", server.Name, unread)
	}
	alarms := quietAlarms{began: broken(scrapes, p.link)}
	if alarms.began.IsZero() {
		return fmt.Errorf("%s never had the fault on its link %s", server.Name, p.link)
	}
	for _, r := range p.rules {
		firing, _ := r.Watch(scrapes)
		alarms.firings = append(alarms.firings, firing)
	}
	q.trials = append(q.trials, alarms)
	q.last = outcomes[0].Samples
	got := lab.Summarise(came(q.last, p.calm+settling, p.calm+p.fault-ending), within)
	q.came, q.served, q.complete = q.came+got.Readers, q.served+got.OK, q.complete+got.Complete
	q.failed += counter(scrapes[len(scrapes)-1], p.link) - counter(scrapes[0], p.link)
	return nil
}

const (
	faultMetric    = "afloat_fault"
	failuresMetric = "afloat_failures_total"
)

// scrapeOf asks a server for its metrics.
func scrapeOf(ctx context.Context, base string) (s alert.Scrape, err error) {
	ctx, cancel := context.WithTimeout(ctx, policy.LabRig().Patience)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, base+"/metrics", nil)
	if err != nil {
		return s, err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return s, err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return s, fmt.Errorf("%w: %s", errStatus, res.Status)
	}
	names := []string{faultMetric, failuresMetric}
	for _, r := range alert.Rules() {
		names = append(names, r.Metric)
	}
	return alert.Read(res.Body, time.Now(), names...)
}

// broken is when a scrape first showed a fault on the link.
func broken(scrapes []alert.Scrape, link string) time.Time {
	for _, scrape := range scrapes {
		for _, s := range scrape.Series {
			if s.Metric == faultMetric && s.Labels["link"] == link && s.Value == 1 {
				return scrape.At
			}
		}
	}
	return time.Time{}
}

// counter is how many calls of a link's policies have failed.
func counter(scrape alert.Scrape, link string) (failed float64) {
	links := policy.Afloat().Links()
	for _, s := range scrape.Series {
		if s.Metric == failuresMetric && links[s.Labels["policy"]] == link {
			failed += s.Value
		}
	}
	return failed
}
