package lab

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"time"

	"afloat/internal/load"
)

// A Target is a server that is measured.
type Target struct {
	Name string // for people: "protected"
	URL  string // its base
}

// An Outcome is what one target's readers got, and what the dependencies had to bear for it.
type Outcome struct {
	Target
	Samples []load.Sample
	Bore    map[string]Burden // by link
}

// Measure sends the same readers to each target at the same moment, under the same faults, which it clears at the
// end. The plan's Target is ignored. Targets that share a machine disturb each other: measure each alone, too.
func (r *Rig) Measure(ctx context.Context, plan load.Plan, faults []FaultStep, targets ...Target) ([]Outcome, error) {
	outcomes := make([]Outcome, len(targets))
	before := make([]reading, len(targets))
	for i, t := range targets {
		var err error
		if before[i], err = read(ctx, t); err != nil {
			return nil, err
		}
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	scheduled := make(chan struct{})
	go func() {
		defer close(scheduled)
		if err := r.schedule(ctx, faults); err != nil {
			cancel(err)
		}
	}()
	var group sync.WaitGroup
	for i, t := range targets {
		group.Go(func() {
			p := plan
			p.Target = t.URL
			samples, err := r.Readers(ctx, p)
			if err != nil {
				cancel(fmt.Errorf("readers of %s: %w", t.Name, err))
			}
			outcomes[i] = Outcome{Target: t, Samples: samples}
		})
	}
	group.Wait()
	if ctx.Err() != nil {
		<-scheduled
		return nil, context.Cause(ctx)
	}
	for i, t := range targets {
		after, err := read(ctx, t)
		if err != nil {
			return nil, err
		}
		outcomes[i].Bore = after.since(before[i])
	}
	cancel(nil)
	<-scheduled
	return outcomes, nil
}

// schedule orders the faults, each at its time, and clears them all when ctx ends.
func (r *Rig) schedule(ctx context.Context, faults []FaultStep) error {
	defer func() { _ = r.Links.Clear(All) }() // All is a link that there always is
	began := time.Now()
	faults = slices.SortedStableFunc(slices.Values(faults), func(a, b FaultStep) int { return int(a.At - b.At) })
	for _, f := range faults {
		select {
		case <-time.After(time.Until(began.Add(f.At))):
		case <-ctx.Done():
			return nil
		}
		if err := r.Links.Order(f.Order); err != nil {
			return err
		}
	}
	<-ctx.Done()
	return nil
}

// Order sets what o asks for without waiting until it is verified. The error is a *BadOrder.
func (s *Switchboard) Order(o Order) error {
	now, over := context.WithCancel(context.Background())
	over()
	_, err := s.Apply(now, o)
	return err
}

// Summary is what readers got, in numbers.
type Summary struct {
	Readers, OK, Complete int
	P50, P99, Max         time.Duration
}

// Summarise counts a 200 within the bound as success; 0 is no bound.
func Summarise(samples []load.Sample, within time.Duration) Summary {
	s := Summary{Readers: len(samples)}
	var latencies []time.Duration
	for _, x := range samples {
		latencies = append(latencies, x.Latency)
		if x.Status == http.StatusOK && (within == 0 || x.Latency <= within) {
			s.OK++
			if x.Complete {
				s.Complete++
			}
		}
	}
	if len(latencies) == 0 {
		return s
	}
	slices.Sort(latencies)
	rank := func(percent int) time.Duration { return latencies[max(1, (len(latencies)*percent+99)/100)-1] }
	s.P50, s.P99, s.Max = rank(50), rank(99), latencies[len(latencies)-1]
	return s
}

// Settle waits until each target answers its home page three times in a row, as it may only a while after an outage.
func (r *Rig) Settle(ctx context.Context, targets ...Target) error {
	for _, t := range targets {
		for good := 0; good < 3; {
			if err := answers(ctx, t); err == nil {
				good++
				continue
			}
			good = 0
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			select {
			case <-time.After(r.Ask):
			case <-ctx.Done():
			}
		}
	}
	return nil
}

func answers(ctx context.Context, t Target) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, t.URL+"/", nil)
	if err != nil {
		return err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answers %s", t.Name, res.Status)
	}
	return nil
}
