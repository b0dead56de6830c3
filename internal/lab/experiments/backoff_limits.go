package experiments

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"afloat/internal/chart"
	"afloat/internal/lab"
	"afloat/internal/resilience"
)

var whatIsBackoffFor = lab.Reference{Text: "Marc Brooker: What is Backoff For? (2022)", URL: "https://brooker.co.za/blog/2022/08/11/backoff.html"}

var _ = register(40, &lab.Experiment{
	Name: "backoff-limits", Code: "E4", Title: "Where backoff stops helping",
	Question: "Half of all tries fail, for a long time, and each call is tried up to four times. Clients begin to wait before they try again. How much less work does the dependency get?",
	Choices:  []string{"About half, whoever calls", "About as much as before, whoever calls", "It depends: half, if a fixed number of clients call one after another; as much as before, if callers keep coming"},
	Answer:   2,

	Label: lab.Injected,
	SetUp: "Callers ask Redis over its link, on which half of all exchanges are reset. Unbounded callers are an open loop: they come when they come. Serial clients are a closed loop: each makes its next call after the last has ended and some time has passed. Both run with and without backoff; nothing else differs, and the arrivals and pauses are drawn from the same seed. Attempts are counted once the longest wait of a call has passed, so that the beginning does not flatter the backoff.",

	Params: []lab.Param{
		lab.SeedParam(),
		{Name: "rate", Label: "unbounded callers", Unit: "calls/s", Kind: lab.Float, Default: "1000", Min: "10", Max: "1500"},
		{Name: "clients", Label: "serial clients", Unit: "clients", Kind: lab.Int, Default: "100", Min: "1", Max: "150"},
		{Name: "think", Label: "mean pause of a serial client between two calls", Kind: lab.Duration, Default: "100ms", Min: "100ms", Max: "10s"},
		{Name: "failing", Label: "share of exchanges that fail", Kind: lab.Float, Default: "0.5", Min: "0.01", Max: "0.99"},
		{Name: "retries", Label: "most retries of a call", Unit: "retries", Kind: lab.Int, Default: "3", Min: "1", Max: "3"},
		{Name: "base", Label: "backoff before the first retry, doubled before each further one", Kind: lab.Duration, Default: "100ms", Quick: "80ms", Min: "1ms", Max: "1s"},
		{Name: "for", Label: "time counted in each of the four runs", Kind: lab.Duration, Default: "5s", Quick: "1200ms", Min: "500ms", Max: "15s"},
	},
	Faults:   []lab.FaultStep{{Order: lab.Order{Link: "redis", Kind: "flaky", Rate: 0.5}}},
	Load:     lab.Load{Callers: "callers of the Redis link", Rate: 1000, Words: "open loop with Poisson arrivals; then 100 clients in a closed loop, with exponential pauses of 100 ms on average"},
	Measures: []string{"calls that succeeded, of those that ended in the time counted", "attempts a second at the link"},

	Expect: []lab.Expectation{
		{Claim: "unbounded callers: backoff changes the attempts a second by less than 10 % (in simulation 1,892 → 1,856)", Tolerance: "under 10 %", Source: whatIsBackoffFor},
		{Claim: "serial clients: backoff takes away more than 40 % of the attempts a second (in simulation 1,721 → 803)", Tolerance: "over 40 %", Source: whatIsBackoffFor},
	},
	Explain: []string{
		"A serial client that waits doesn't call meanwhile. So its waiting takes away first tries, and with them their retries: the dependency gets less work for as long as the waiting lasts.",
		"Callers who keep coming are not slowed by the waiting of those who came before. Each call makes the same number of attempts, only later. In a short spike later is better, because by then the spike is over. In a long overload nothing is gained: the work is the same.",
		"What reduces the attempts of unbounded callers is making fewer of them: a retry budget, a circuit breaker, or load shedding.",
	},
	Hurts: []string{
		"Backoff makes callers wait, and holds what they hold: connections, memory, a reader's patience. With unbounded callers and a long overload that is all it does.",
		"A benchmark with a fixed number of clients is a closed loop. It shows backoff at its best, and tells nothing of a web site, whose readers come anyway.",
	},
	Sources: []lab.Reference{whatIsBackoffFor, {Text: "internal/resilience/backoff.go", URL: "/source/internal/resilience/backoff.go"}, {Text: "internal/resilience/retry.go", URL: "/source/internal/resilience/retry.go"}},
	Run:     backoffLimits,
})

// A pestering is callers who try again on the flaky link, and what is counted of them: from settle on, for counted.
type pestering struct {
	redis           *pings
	retry           resilience.RetryPolicy
	settle, counted time.Duration

	began                     time.Time
	calls, succeeded, attempt atomic.Int64
}

// call is one call with its retries.
func (p *pestering) call(ctx context.Context) {
	_, _, err := resilience.Retry(ctx, p.retry, nil, resilience.DefaultClassifier, func(ctx context.Context) (struct{}, error) {
		if p.counts() {
			p.attempt.Add(1)
		}
		return struct{}{}, p.redis.ping(ctx)
	})
	if p.counts() {
		p.calls.Add(1)
		if err == nil {
			p.succeeded.Add(1)
		}
	}
}

func (p *pestering) counts() bool {
	since := time.Since(p.began)
	return since >= p.settle && since < p.settle+p.counted
}

// begin starts the clock, and returns a context that is cancelled when nothing more is counted. It has no deadline:
// Retry would see it coming, and not begin a wait that it cuts off.
func (p *pestering) begin(ctx context.Context) (context.Context, func()) {
	ending, cancel := context.WithCancel(ctx)
	p.began = time.Now()
	end := time.AfterFunc(p.settle+p.counted, cancel)
	return ending, func() { end.Stop(); cancel() }
}

// unbounded lets callers come at a rate, however many wait.
func (p *pestering) unbounded(ctx context.Context, rate float64, seed uint64) error {
	at, err := arrivals(seed, span{rate, p.settle + p.counted})
	if err != nil {
		return err
	}
	ending, cancel := p.begin(ctx)
	defer cancel()
	sent, _, err := openLoop(ctx, at, func(context.Context, int) { p.call(ending) })
	if err == nil && sent < len(at) {
		err = fmt.Errorf("only %d of %d callers could be sent: this machine is too busy for them; lower the rate", sent, len(at))
	}
	return err
}

// serial lets each client make one call after the other, with pauses between them.
func (p *pestering) serial(ctx context.Context, clients int, think time.Duration, seed uint64) error {
	ending, cancel := p.begin(ctx)
	defer cancel()
	var all sync.WaitGroup
	for client := range clients {
		all.Go(func() {
			random := rand.New(rand.NewPCG(seed, uint64(client)))
			for sleep(ending, seconds(random.ExpFloat64()*think.Seconds())) == nil {
				p.call(ending)
			}
		})
	}
	all.Wait()
	return ctx.Err()
}

func backoffLimits(ctx context.Context, rig *lab.Rig, v lab.Values, tell func(lab.Progress)) (lab.Result, error) {
	redis, err := newPings(rig)
	if err != nil {
		return lab.Result{}, err
	}
	defer redis.close()
	base, retries, counted := v.Duration("base"), v.Int("retries"), v.Duration("for")
	for _, calls := range []float64{v.Float("rate"), float64(v.Int("clients")) / v.Duration("think").Seconds()} {
		if err := bearable(calls, v.Float("failing"), retries); err != nil {
			return lab.Result{}, err
		}
	}
	longest := base<<retries - base // of all waits of one call: base·(2^retries − 1)
	backoff := resilience.Backoff{Base: base, Cap: base << (retries - 1)}

	callers := []struct {
		name string
		run  func(*pestering) error
	}{
		{fmt.Sprintf("unbounded, %g calls/s", v.Float("rate")), func(p *pestering) error { return p.unbounded(ctx, v.Float("rate"), v.Seed()) }},
		{fmt.Sprintf("%d serial clients", v.Int("clients")), func(p *pestering) error { return p.serial(ctx, v.Int("clients"), v.Duration("think"), v.Seed()) }},
	}
	waits := []struct {
		name string
		resilience.Backoff
	}{{"no backoff", resilience.Backoff{}}, {fmt.Sprintf("backoff from %v", base), backoff}}

	table := lab.Table{
		Caption: fmt.Sprintf("Attempts at the Redis link while %g %% of exchanges fail, up to %d retries (injected)", 100*v.Float("failing"), retries),
		Head:    []string{"callers", "backoff", "attempts/s", "calls that ended", "succeeded", "attempts", "time counted"},
	}
	var bars chart.Bars
	perSecond := [2][2]float64{}
	for i, who := range callers {
		for j, wait := range waits {
			p := &pestering{redis: redis, retry: resilience.RetryPolicy{Attempts: retries + 1, Backoff: wait.Backoff}, settle: longest, counted: counted}
			step := stageOf(2*i+j, 4, longest+counted, who.name+", "+wait.name)
			err := under(rig, lab.Order{Link: "redis", Kind: "flaky", Rate: v.Float("failing")}, func() error {
				return during(tell, step, func() error { return who.run(p) })
			})
			if err != nil {
				return lab.Result{}, err
			}
			perSecond[i][j] = float64(p.attempt.Load()) / counted.Seconds()
			table.Rows = append(table.Rows, []string{
				who.name, wait.name, digits(0, perSecond[i][j]), fmt.Sprint(p.calls.Load()),
				percent(int(p.succeeded.Load()), int(p.calls.Load())), fmt.Sprint(p.attempt.Load()), counted.String(),
			})
			bars = append(bars, chart.Row{Group: who.name, Label: wait.name, Value: perSecond[i][j]})
		}
	}
	change := func(i int) float64 { return 100 * (perSecond[i][1]/max(perSecond[i][0], 1) - 1) }
	title := fmt.Sprintf("Backoff changed the attempts of unbounded callers by %s %%, and those of serial clients by %s %%", signed(0, change(0)), signed(0, change(1)))
	return lab.Result{
		Finding: fmt.Sprintf("%s: unbounded %.0f/s without and %.0f/s with backoff, serial %.0f/s and %.0f/s, each counted for %v while %g %% of exchanges failed.",
			title, perSecond[0][0], perSecond[0][1], perSecond[1][0], perSecond[1][1], counted, 100*v.Float("failing")),
		Tables: []lab.Table{table},
		Figures: []lab.Figure{chart.Figure{
			ID: "backoff-limits", Title: title, Desc: "Attempts a second at the Redis link, with and without backoff. Injected.",
			X: chart.Axis{Label: "attempts", Unit: "/s"}, Plot: bars,
		}},
		Checks: []lab.Check{
			{Claim: "backoff hardly changes what unbounded callers ask", Want: "less than 10 % either way", Got: signed(1, change(0)) + " %", Met: change(0) > -10 && change(0) < 10, Source: whatIsBackoffFor},
			{Claim: "backoff relieves a dependency of serial clients", Want: "over 40 % fewer", Got: signed(1, change(1)) + " %", Met: change(1) < -40, Source: whatIsBackoffFor},
		},
		Trials: 1,
		Notes:  []string{"Arrivals and pauses follow the seed. Which exchange fails is drawn anew in each run."},
	}, nil
}
