package experiments

import (
	"context"
	"errors"
	"fmt"
	"time"

	"afloat/internal/lab"
	"afloat/internal/resilience"
)

var (
	collapseSimulation = lab.Reference{Text: "Marc Brooker: collapse simulation", URL: "https://github.com/mbrooker/simulator_example/blob/HEAD/simple_collapse_sim/sim.py"}
	metastableHotOS    = lab.Reference{Text: "Bronson et al.: Metastable Failures in Distributed Systems (HotOS'21)", URL: "https://sigops.org/s/conferences/hotos/2021/papers/hotos21-s11-bronson.pdf"}
	metastableOSDI     = lab.Reference{Text: "Huang et al.: Metastable Failures in the Wild (OSDI'22)", URL: "https://www.usenix.org/conference/osdi22/presentation/huang-lexiang"}
)

// What callers do when an attempt has timed out; the values of the parameter "retries".
const (
	atOnce   = "at-once"
	backsOff = "backoff"
	budgeted = "budget"
)

var retrying = map[string]string{
	atOnce:   "at once",
	backsOff: "with backoff and full jitter",
	budgeted: "at once, within a retry budget",
}

var _ = register(50, &lab.Experiment{
	Name: "metastable", Code: "E5", Title: "Why is it still down?",
	Question: "A server answers 400 calls a second with ease. For half a second it gets 800. Callers wait 0.3 s and try up to three times. What becomes of the server when the spike is over?",
	Choices: []string{
		"It recovers as soon as the spike is over",
		"It recovers a little later, when what has piled up is worked off",
		"As a rule it stays down, at the load that it bore with ease before",
	},
	Answer: 2,

	Label: lab.Injected, Scale: "time divided by 10",
	SetUp: "A real server, the recommendations service's /lab/work, takes 100 ms and 1 ms more for each request in flight. It doesn't notice that nobody waits any more: a request counts until it is done. Callers reach it over the recommendations link, with 10 ms on average for each way, exponentially distributed. The same callers come, at the same moments, with three ways to try again; the server is empty before each. The callers' protections are the blog's own: resilience.Call with a policy.",

	Params: []lab.Param{
		lab.SeedParam(),
		{Name: "trials", Label: "trials of each way to try again", Unit: "trials", Kind: lab.Int, Default: "10", Quick: "2", Min: "1", Max: "30"},
		{Name: "retries", Label: "ways to try again", Kind: lab.Set, Default: "at-once,backoff,budget", Quick: "at-once,backoff", Choices: []string{atOnce, backsOff, budgeted}},
		{Name: "rate", Label: "callers", Unit: "calls/s", Kind: lab.Float, Default: "400", Min: "50", Max: "1000"},
		{Name: "peak", Label: "callers during the spike", Unit: "calls/s", Kind: lab.Float, Default: "800", Min: "50", Max: "1000"},
		{Name: "before", Label: "time before the spike", Kind: lab.Duration, Default: "1s", Quick: "200ms", Min: "200ms", Max: "5s"},
		{Name: "spike", Label: "length of the spike", Kind: lab.Duration, Default: "500ms", Quick: "700ms", Min: "100ms", Max: "2s"},
		{Name: "settle", Label: "time from the end of the spike until it counts", Kind: lab.Duration, Default: "3.5s", Quick: "700ms", Min: "500ms", Max: "10s"},
		{Name: "watch", Label: "time that counts: down is who answers nothing in it", Kind: lab.Duration, Default: "1s", Quick: "200ms", Min: "200ms", Max: "10s"},
		{Name: "timeout", Label: "timeout of an attempt", Kind: lab.Duration, Default: "300ms", Min: "150ms", Max: "3s"},
		{Name: "attempts", Label: "attempts of a call, the first included", Unit: "attempts", Kind: lab.Int, Default: "3", Min: "1", Max: "3"},
		{Name: "backoff", Label: "longest wait before the first retry, doubled before the second", Kind: lab.Duration, Default: "2s", Quick: "4s", Min: "10ms", Max: "10s"},
		{Name: "budget", Label: "retry budget", Unit: "retries a call", Kind: lab.Float, Default: "0.1", Min: "0.01", Max: "1"},
		{Name: "base", Label: "server's latency with nothing in flight", Kind: lab.Duration, Default: "100ms", Min: "1ms", Max: "500ms"},
		{Name: "slope", Label: "more for each request in flight", Kind: lab.Duration, Default: "1ms", Min: "0s", Max: "3ms"},
		{Name: "delay", Label: "mean of one way through the network", Kind: lab.Duration, Default: "10ms", Min: "0s", Max: "100ms"},
	},
	Load:     lab.Load{Callers: "callers of the recommendations link", Rate: 400, For: 6 * time.Second, Words: "open loop, Poisson arrivals; 800 calls/s for half a second, one second after the start"},
	Measures: []string{"calls answered in time", "attempts sent, and requests that reached the server", "how many trials of all stay down"},

	Expect: []lab.Expectation{
		{Claim: "tried again at once: most trials stay down (in the simulation 24 of 30)", Tolerance: "at least 40 % of the trials: a busy machine, which is slower, can only make it more", Source: collapseSimulation},
		{Claim: "with backoff and full jitter: none stays down (in the simulation 0 of 30)", Tolerance: "at most a tenth of the trials", Source: collapseSimulation},
		{Claim: "tried again within a retry budget of 10 %: none stays down", Tolerance: "at most a tenth of the trials", Source: fixingRetries},
		{Claim: "while it is down, each call is made three times: about 1,200 attempts/s of 400 calls/s", Tolerance: "± 0.1 attempts, of the calls that ended in that time", Source: collapseSimulation},
	},
	Explain: []string{
		"At 400 calls/s about 67 requests are in flight, and each takes 167 ms. The spike lifts that above 200 in flight, and so the latency above the timeout. From then on each answer comes too late, each call is made three times, and 1,200 attempts/s keep the latency where it is. The spike was the trigger; what sustains the failure is the retries. Throughput is high, and goodput is nothing: the server works all the time for callers who have left.",
		"It does not happen each time. Whether the spike tips the server over depends on who comes when, so how often counts, and not one run.",
		"Backoff with full jitter spreads the retries over several times the spike's length. Meanwhile the server has little more than the first attempts to bear, and works off what has piled up. A retry budget does it in another way: when all fails, retries are at most a tenth of the calls.",
	},
	Hurts: []string{
		"Backoff only puts retries off. If the overload lasts longer than the waits, they come due in the middle of it, and the server stays down with backoff, too: set the spike to 1 s and see. A budget, or no retries at all, reduces the work itself.",
		"The waits needed here are long: up to 2 s and 4 s for a call that should take 0.2 s. Few readers wait for that; most of those retries are for nobody.",
		"Once a server is down like this, waiting doesn't help. It takes less load: shed it, or stop the retries.",
	},
	Sources: []lab.Reference{collapseSimulation, metastableHotOS, metastableOSDI, whatIsBackoffFor, fixingRetries, {Text: "internal/resilience/budget.go", URL: "/source/internal/resilience/budget.go"}, {Text: "internal/sim/metastable.go", URL: "/source/internal/sim/metastable.go"}},
	Run:     metastable,
})

// spiked is the course that each trial is to take.
type spiked struct{ before, spike, settle, watch time.Duration }

func (s spiked) length() time.Duration { return s.before + s.spike + s.settle + s.watch }

// end is what a trial came to in the time that counts.
func (s spiked) end(c *course) slot { return c.sum(s.length()-s.watch, s.length()) }

// down reports whether calls were offered in the time that counts, and none was answered.
func (s spiked) down(c *course) bool {
	end := s.end(c)
	return end.offered > 0 && end.answered == 0
}

func metastable(ctx context.Context, rig *lab.Rig, v lab.Values, tell func(lab.Progress)) (lab.Result, error) {
	if rig.Services == "" || rig.Service == nil {
		return lab.Result{}, errors.New("there is no recommendations service: start the blog with RECOMMENDATIONS_URL set, or let it start its own")
	}
	ways := v.Set("retries")
	if len(ways) == 0 {
		return lab.Result{}, errors.New("no way to try again is chosen: choose at least one")
	}
	server := &slowServer{rig, v.Duration("base"), v.Duration("slope"), v.Duration("delay")}
	times := spiked{v.Duration("before"), v.Duration("spike"), v.Duration("settle"), v.Duration("watch")}
	trials := make([]map[string]*course, v.Int("trials"))
	for i := range trials {
		at, err := arrivals(v.Seed()<<8+uint64(i), span{v.Float("rate"), times.before}, span{v.Float("peak"), times.spike}, span{v.Float("rate"), times.settle + times.watch})
		if err != nil {
			return lab.Result{}, err
		}
		trials[i] = map[string]*course{}
		for j, way := range ways {
			say := fmt.Sprintf("trial %d of %d: tried again %s", i+1, len(trials), retrying[way])
			err := during(tell, stageOf(i*len(ways)+j, len(trials)*len(ways), times.length(), say), func() (err error) {
				trials[i][way], err = server.try(ctx, retryPolicy(way, v), at, times.length())
				return err
			})
			if err != nil {
				return lab.Result{}, err
			}
		}
	}
	simulated, checks, err := simulateCollapse(ctx, v.Seed())
	if err != nil {
		return lab.Result{}, err
	}
	r := told(ways, trials, times)
	r.Tables, r.Checks, r.Trials = append(r.Tables, simulated), append(r.Checks, checks...), len(trials)
	return r, nil
}

// retryPolicy is what protects a call; the three differ in one thing.
func retryPolicy(way string, v lab.Values) resilience.Policy {
	p := resilience.Policy{
		Name: "metastable", Idempotent: true, AttemptDeadline: v.Duration("timeout"),
		Retry: resilience.RetryPolicy{Attempts: v.Int("attempts")},
	}
	switch way {
	case backsOff:
		first := v.Duration("backoff")
		p.Retry.Backoff = resilience.Backoff{Base: first, Cap: 2 * first, Jitter: resilience.FullJitter}
	case budgeted:
		p.Budget = resilience.BudgetPolicy{Ratio: v.Float("budget"), Burst: 10}
	}
	return p
}
