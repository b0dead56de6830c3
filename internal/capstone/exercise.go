package capstone

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"

	"afloat/internal/fault"
	"afloat/internal/lab"
	"afloat/internal/load"
	"afloat/internal/policy"
)

// An Exercise opens cases, one at a time, as experiments are run: whoever has
// one open has the lab to itself, and one click on "make everything healthy"
// ends it. It is safe for concurrent use.
type Exercise struct {
	runner *lab.Runner
	times  policy.Capstone

	mu     sync.Mutex
	latest *Sitting // nil: no case was opened yet
}

// A Sitting is one case that was opened: what readers may know of it.
type Sitting struct {
	Seed    uint64
	Run     string // the lab's ID of it
	Until   time.Time
	Over    bool
	Err     error  // why it ended early; context.Canceled where somebody ended it
	Patient string // base URL, as this machine reaches it; "" until the patient is there
	Page    string // path of the page that is looked at
	Beside  string // path of the patient's other page
	Warm    bool   // the patient ran, and was read, before the link broke
	Saw     Measured
}

// Measured are looks at the case's page on the patient, at the same page on the protected blog and at another page of
// the patient, at the same moments.
type Measured struct{ Patient, Blog, Beside []Look }

// Evidence adds the looks up.
func (m Measured) Evidence() Evidence {
	return Evidence{Summarise(m.Patient), Summarise(m.Blog), Summarise(m.Beside)}
}

// New returns an exercise whose cases run on runner.
func New(runner *lab.Runner, times policy.Capstone) *Exercise {
	return &Exercise{runner: runner, times: times}
}

// Page is where the lab shows the case of a seed.
func Page(seed uint64) string { return "/lab/capstone?seed=" + strconv.FormatUint(seed, 10) }

// Open begins the case of a seed and returns at once. The error is a *lab.Busy
// while another case or an experiment is under way.
func (x *Exercise) Open(seed uint64) error {
	s := &Sitting{Seed: seed, Until: time.Now().Add(x.times.For)}
	x.mu.Lock() // before it is the latest, it has its run
	defer x.mu.Unlock()
	run, err := x.runner.Start(&lab.Experiment{
		Name: "capstone", Title: "What is broken?", Page: Page(seed),
		Run: func(ctx context.Context, rig *lab.Rig, _ lab.Values, tell func(lab.Progress)) (_ lab.Result, err error) {
			defer func() { x.change(func() { s.Over, s.Err = true, cmp.Or(ctx.Err(), err) }) }()
			err = x.carryOut(ctx, rig, s, tell)
			return lab.Result{Finding: "The case is over."}, err
		},
	}, lab.Values{"seed": strconv.FormatUint(seed, 10)})
	if err != nil {
		return err
	}
	s.Run, x.latest = run.ID, s
	return nil
}

// Latest is the case that is open, or was open last; false before the first.
func (x *Exercise) Latest() (Sitting, bool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.latest == nil {
		return Sitting{}, false
	}
	s := *x.latest
	s.Saw = Measured{slices.Clone(s.Saw.Patient), slices.Clone(s.Saw.Blog), slices.Clone(s.Saw.Beside)}
	return s, true
}

func (x *Exercise) change(do func()) {
	x.mu.Lock()
	defer x.mu.Unlock()
	do()
}

// carryOut breaks the link, starts the patient and looks at both until
// the time is over or ctx ends.
func (x *Exercise) carryOut(ctx context.Context, rig *lab.Rig, s *Sitting, tell func(lab.Progress)) error {
	if rig.Custom == nil {
		return errors.New("there is nothing here to run a patient: start the blog on its private servers, without DATABASE_URL and REDIS_URL")
	}
	open, cancel := context.WithDeadline(ctx, s.Until)
	defer cancel()
	client := &http.Client{}
	defer client.CloseIdleConnections()
	defer rig.Custom.Stop() // before the link is healed, or its page would say what it lacks
	tell(lab.Progress{Done: 0.01, Say: "the patient is being prepared"})
	patient, err := x.prepare(open, client, rig, s)
	if err != nil {
		return err
	}
	x.change(func() { s.Patient = patient })
	for open.Err() == nil {
		x.look(open, client, s, patient, rig.Blog)
		left := time.Until(s.Until)
		tell(lab.Progress{Done: max(0.01, 1-left.Seconds()/x.times.For.Seconds()), Say: "a hidden fault is on; the case closes by itself in " + left.Round(time.Second).String()})
		select {
		case <-time.After(x.times.Every):
		case <-open.Done():
		}
	}
	return ctx.Err()
}

// prepare breaks the link of the case, for as long as it is open, and starts the patient: on a link that is broken
// already, or where the case says so on a healthy one, which breaks when it has been read.
func (x *Exercise) prepare(ctx context.Context, client *http.Client, rig *lab.Rig, s *Sitting) (patient string, err error) {
	c := Of(s.Seed)
	paths, err := load.Discover(ctx, client, rig.Blog)
	if err != nil {
		return "", err
	}
	page, beside := "/", paths[s.Seed%uint64(len(paths))]
	if c.Page == articlePage {
		page, beside = beside, page
	}
	x.change(func() { s.Page, s.Beside, s.Warm = page, beside, c.Warm })
	x.warm(ctx, client, rig.Blog+page)
	broken := c.Fault
	broken.Hidden, broken.For = true, x.times.For+x.times.Every
	veil := lab.Order{Link: broken.Link, Kind: string(fault.Slow), Latency: time.Nanosecond, Hidden: true, For: broken.For} // breaks nothing, and hides what the patient lacks
	first := broken
	if c.Warm {
		first = veil
	}
	if err := rig.Links.Order(first); err != nil {
		return "", err
	}
	if patient, err = rig.Custom.Serve(ctx, allBut(c.Lacks), nil); err != nil {
		return "", fmt.Errorf("the patient did not start: %w", err)
	}
	if c.Warm {
		x.warm(ctx, client, patient+page)
		x.warm(ctx, client, rig.Blog+page)
		err = rig.Links.Order(broken)
	}
	return patient, err
}

// allBut are all protections but one, by name.
func allBut(lacks policy.Protection) (on []string) {
	for _, p := range policy.Protections() {
		if p.Protection != lacks {
			on = append(on, string(p.Protection))
		}
	}
	return on
}
