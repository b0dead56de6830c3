package lab

import (
	"context"
	"errors"
	"net/url"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"afloat/internal/load"
)

// trial is an experiment that takes ten seconds, with a fault on Redis all the while.
func trial() *Experiment {
	return &Experiment{
		Name: "trial", Title: "A trial", Params: []Param{SeedParam()},
		Run: func(ctx context.Context, rig *Rig, v Values, tell func(Progress)) (Result, error) {
			for i := range 10 {
				tell(Progress{Done: float64(i) / 10, Say: "second " + v.Choice("seed")})
				if err := rig.Links.Order(Order{Link: "redis", Kind: "hang"}); err != nil {
					return Result{}, err
				}
				select {
				case <-time.After(time.Second):
				case <-ctx.Done():
					return Result{}, context.Cause(ctx)
				}
			}
			return Result{Finding: "it ended", Trials: 1}, nil
		},
	}
}

// bench is a runner on a switchboard with two links, in a synctest bubble.
type bench struct {
	*Runner
	mu    sync.Mutex
	notes []string
}

func newBench(t *testing.T) *bench {
	links := newSwitchboard(t, newDependency().wire("redis", "Redis"), newDependency().wire("postgres", "Postgres"))
	b := &bench{}
	b.Runner = NewRunner(&Rig{Links: links}, func(s string) {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.notes = append(b.notes, s)
	}, quiet)
	t.Cleanup(b.Close)
	synctest.Wait()
	return b
}

func (b *bench) kinds() string {
	var all []string
	for _, s := range b.rig.Links.Status().Faults {
		all = append(all, s.Kind)
	}
	return strings.Join(all, " ")
}

func (b *bench) start(t *testing.T, e *Experiment) Run {
	t.Helper()
	run, err := b.Start(e, Values{"seed": "7"})
	if err != nil {
		t.Fatal(err)
	}
	return run
}

func busyWith(t *testing.T, err error, what string, until time.Time) {
	t.Helper()
	busy := (*Busy)(nil)
	if !errors.As(err, &busy) || !strings.Contains(err.Error(), what) || !busy.Until.Equal(until) {
		t.Errorf("got %v (%+v), want it busy with %s until %v", err, busy, what, until)
	}
}

func TestOneExperimentAtATime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		if _, err := b.Apply(t.Context(), Order{Link: "postgres", Kind: "refuse"}); err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		run := b.start(t, trial())
		_, err := b.Start(trial(), Values{"seed": "8"})
		busyWith(t, err, "“A trial”", time.Time{})
		time.Sleep(5500 * time.Millisecond)
		if got := b.kinds(); got != "hang healthy" {
			t.Errorf("links %s: an experiment begins on healthy ones and breaks its own", got)
		}
		_, err = b.Start(trial(), Values{"seed": "8"})
		busyWith(t, err, "“A trial”", began.Add(11*time.Second)) // half is done after 5.5 s
		now, on := b.Current()
		if !on || now.ID != run.ID || now.Progress != (Progress{0.5, "second 7"}) || now.Over() {
			t.Errorf("current: %+v, %v", now, on)
		}
		if _, ok := b.Last("trial"); ok {
			t.Error("a run that has not ended is the last one")
		}

		run, err = b.Wait(t.Context(), run.ID)
		if err != nil || !run.Over() || run.Err != nil || run.Result.Finding != "it ended" || run.Ended.Sub(began) != 10*time.Second {
			t.Errorf("%+v, %v", run, err)
		}
		if got := b.kinds(); got != "healthy healthy" {
			t.Errorf("links %s when it is over", got)
		}
		if last, ok := b.Last("trial"); !ok || last.ID != run.ID {
			t.Errorf("last: %+v, %v", last, ok)
		}
		if err := b.Busy(); err != nil {
			t.Error(err)
		}
		if got := strings.Join(b.notes, ", "); got != "experiment trial began, experiment trial ended" {
			t.Error(got)
		}
	})
}

func TestCancelHealsTheLinks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		if b.Cancel() {
			t.Error("something was cancelled before anything began")
		}
		run := b.start(t, trial())
		time.Sleep(2500 * time.Millisecond)
		if got := b.kinds(); got != "hang healthy" {
			t.Fatalf("links %s, so the test would see nothing", got)
		}
		if !b.Cancel() || b.kinds() != "healthy healthy" {
			t.Errorf("links %s after the end", b.kinds())
		}
		got, ok := b.Find(run.ID)
		if !ok || !got.Over() || !errors.Is(got.Err, context.Canceled) {
			t.Errorf("%+v, %v", got, ok)
		}
		if _, ok := b.Last("trial"); ok {
			t.Error("a cancelled run is the last with a result")
		}
		b.start(t, trial())
	})
}

func TestAPanicEndsItsExperimentOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		e := trial()
		e.Run = func(_ context.Context, rig *Rig, _ Values, _ func(Progress)) (Result, error) {
			_ = rig.Links.Order(Order{Link: All, Kind: "hang"})
			panic("oh no")
		}
		run, err := b.Wait(t.Context(), b.start(t, e).ID)
		if err != nil || run.Err == nil || !strings.Contains(run.Err.Error(), "oh no") {
			t.Errorf("%+v, %v", run, err)
		}
		if got := b.kinds(); got != "healthy healthy" {
			t.Errorf("links %s", got)
		}
		b.start(t, trial())
	})
}

func TestFaultsAreRefusedWhileAnExperimentRuns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		run := b.start(t, trial())
		time.Sleep(1500 * time.Millisecond)
		for _, o := range []Order{{Link: "postgres", Kind: "hang"}, {Link: All, Kind: "reset"}, {Link: "redis", Kind: Healthy}} {
			_, err := b.Apply(t.Context(), o)
			busyWith(t, err, "A trial", run.Began.Add(15*time.Second))
		}
		if got := b.kinds(); got != "hang healthy" {
			t.Errorf("links %s: a refused order had an effect", got)
		}
		statuses, err := b.Apply(t.Context(), Order{Link: All, Kind: Healthy})
		if err != nil || len(statuses) != 2 || !statuses[0].Confirmed || b.kinds() != "healthy healthy" {
			t.Errorf("%+v, %v", statuses, err)
		}
		if _, on := b.Current(); on {
			t.Error("the experiment goes on in a lab that was restored")
		}
		got, err := b.Apply(t.Context(), Order{Link: "postgres", Kind: "hang"})
		if err != nil || len(got) != 1 || !got[0].Confirmed {
			t.Errorf("%+v, %v", got, err)
		}
		bad := (*BadOrder)(nil)
		if _, err := b.Apply(t.Context(), Order{Link: "postgres", Kind: "melt"}); !errors.As(err, &bad) {
			t.Errorf("%v, want a BadOrder", err)
		}
	})
}

func TestNothingBeginsAfterClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		run := b.start(t, trial())
		b.Close()
		if got, _ := b.Find(run.ID); !errors.Is(got.Err, context.Canceled) {
			t.Errorf("%+v", got)
		}
		if _, err := b.Start(trial(), Values{}); !errors.Is(err, ErrStopping) {
			t.Error(err)
		}
		if _, err := b.Apply(t.Context(), Order{Link: "redis", Kind: "hang"}); !errors.Is(err, ErrStopping) {
			t.Error(err)
		}
	})
}

// crowd stands in for load.Run: a reader a second, who gets the whole page, a page with a part missing, or nothing.
func crowd(ctx context.Context, p load.Plan) error {
	fates := []load.Sample{{Status: 200, Complete: true}, {Status: 200}, {Error: "timeout"}}
	for i := range int(p.Duration / time.Second) {
		select {
		case <-time.After(time.Second):
			p.Each(fates[i%len(fates)])
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

var readersPlan = load.Plan{Target: "http://127.0.0.1:1", Rate: 20, Duration: 2 * time.Minute, Timeout: time.Minute}

func newReaders(b *bench, send func(context.Context, load.Plan) error) *Readers {
	return NewReaders(b.Runner, readersPlan, send, quiet)
}

func (r *Readers) begin(t *testing.T, query string) error {
	t.Helper()
	given, err := url.ParseQuery(query)
	if err != nil {
		t.Fatal(err)
	}
	v, err := ParseValues(r.Params(), given)
	if err != nil {
		t.Fatal(err)
	}
	return r.Start(v)
}

func TestReadersEndByThemselves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		var sent load.Plan
		r := newReaders(b, func(ctx context.Context, p load.Plan) error { sent = p; return crowd(ctx, p) })
		if err := r.begin(t, "rate=30&for=9s&seed=5"); err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		time.Sleep(4500 * time.Millisecond)
		want := ReadersStatus{On: true, Rate: 30, Began: began, Until: began.Add(9 * time.Second), Readers: 4, OK: 3, Complete: 2}
		if got := r.Status(); got != want {
			t.Errorf("%+v, want %+v", got, want)
		}
		if sent.Target != readersPlan.Target || sent.Timeout != time.Minute || sent.Rate != 30 || sent.Duration != 9*time.Second || sent.Seed != 5 {
			t.Errorf("sent %+v", sent)
		}
		busyWith(t, r.begin(t, ""), "a load of 30 readers a second", want.Until)
		time.Sleep(time.Minute)
		want.On, want.Readers, want.OK, want.Complete = false, 9, 6, 3
		if got := r.Status(); got != want {
			t.Errorf("%+v, want %+v", got, want)
		}
		if r.Stop() {
			t.Error("what has ended was stopped")
		}
	})
}

func TestReadersStop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		r := newReaders(b, crowd)
		for what, stop := range map[string]func(){
			"Stop":          func() { r.Stop() },
			"Restore":       b.Restore,
			"an experiment": func() { b.start(t, trial()); synctest.Wait() },
		} {
			if err := r.begin(t, ""); err != nil {
				t.Fatal(err)
			}
			time.Sleep(2500 * time.Millisecond)
			stop()
			if got := r.Status(); got.On || got.Readers != 2 || got.Err != nil {
				t.Errorf("after %s: %+v", what, got)
			}
			if what == "an experiment" {
				busyWith(t, r.begin(t, ""), "A trial", time.Time{})
				b.Cancel()
			}
		}
	})
}

func TestReadersTellWhyTheyEnded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		why := errors.New("no articles found")
		r := newReaders(b, func(context.Context, load.Plan) error { return why })
		if err := r.begin(t, ""); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if got := r.Status(); got.On || !errors.Is(got.Err, why) {
			t.Errorf("%+v", got)
		}
	})
}

func TestReadersLimits(t *testing.T) {
	r := newReaders(&bench{Runner: NewRunner(&Rig{}, nil, quiet)}, crowd)
	for query, want := range map[string]string{
		"rate=201": "rate: want from 0.1 to 200, readers/s", "rate=0": "rate", "rate=NaN": "rate", "rate=1e9": "rate",
		"for=11m": "for: want from 1s to 10m0s", "for=5": "for", "seed=-1": "seed: want a whole number",
	} {
		given, err := url.ParseQuery(query)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := ParseValues(r.Params(), given); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", query, err, want)
		}
	}
}
