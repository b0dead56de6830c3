package experiments

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"afloat/internal/chart"
	"afloat/internal/lab"
	"afloat/internal/sim"
)

var (
	backoffAndJitter = lab.Reference{Text: "Marc Brooker, AWS Architecture Blog: Exponential Backoff And Jitter (2015)", URL: "https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/"}
	jitterSimulator  = lab.Reference{Text: "its simulator, aws-samples/aws-arch-backoff-simulator", URL: "https://github.com/aws-samples/aws-arch-backoff-simulator"}
)

var _ = register(20, &lab.Experiment{
	Name: "jitter", Code: "E2", Title: "Why randomness?",
	Question: "A hundred clients change the same row at the same moment; a write that comes too late fails and is made again. What saves writes: waiting twice as long after each failure, or waiting for a random time?",
	Choices:  []string{"Waiting longer: doubling the wait after each failure is enough", "Randomness: without it those that failed together come back together", "Neither: not waiting at all is done first, so it makes the fewest writes"},
	Answer:   1,

	Label: lab.Injected,
	SetUp: "Two parts. Simulated: the published simulator's model with its own parameters, 100 and 20 clients, base 5 ms, cap 2 s, 10 ± 2 ms to the server and as much back. Injected: that many connections to the blog's real Postgres contend for a real row; its link delays each exchange, since without any distance between client and server a read and the write that follows hardly ever let another client in between. The waits there are the blog's own resilience.Backoff, whose first ceiling is the base; the simulator's is twice that. Only the algorithm differs, and the algorithms take turns.",

	Params: []lab.Param{
		lab.SeedParam(),
		{Name: "trials", Label: "trials of the simulation", Unit: "trials", Kind: lab.Int, Default: "200", Quick: "100", Min: "10", Max: "1000"},
		{Name: "repeats", Label: "trials on Postgres", Unit: "trials", Kind: lab.Int, Default: "5", Quick: "4", Min: "1", Max: "20"},
		{Name: "clients", Label: "clients of Postgres", Unit: "clients", Kind: lab.Int, Default: "30", Quick: "20", Min: "2", Max: "30"},
		{Name: "base", Label: "ceiling of the first wait", Kind: lab.Duration, Default: "5ms", Min: "1ms", Max: "50ms"},
		{Name: "cap", Label: "ceiling of every wait", Kind: lab.Duration, Default: "200ms", Quick: "50ms", Min: "50ms", Max: "2s"},
		{Name: "exchange", Label: "delay of an exchange with Postgres, ± a fifth", Kind: lab.Duration, Default: "20ms", Quick: "5ms", Min: "1ms", Max: "100ms"},
	},
	Faults:   []lab.FaultStep{{Order: lab.Order{Link: "postgres", Kind: "slow", Latency: seconds(0.020), Jitter: seconds(0.004)}}},
	Load:     lab.Load{Callers: "clients that contend for one row", Words: "all start at the same moment; each stops after its first write that succeeds, and makes as many tries as that takes"},
	Measures: []string{"seconds until every client's write has succeeded", "writes at the database, those that failed included"},

	Expect: []lab.Expectation{
		{Claim: "simulated: the writes of each of five algorithms, for 100 and 20 clients", Tolerance: "± 5 %", Source: backoffAndJitter},
		{Claim: "simulated, 100 clients: none > exponential > decorrelated > full", Tolerance: "in this order", Source: backoffAndJitter},
		{Claim: "on the real Postgres: no waiting makes more writes than full jitter", Tolerance: "in this order, by the means", Source: backoffAndJitter},
	},
	Explain: []string{
		"Of all clients that have read the same version of the row one succeeds. The others fail together, wait equally long and come back together, to fail together again. Doubling the wait moves the crowd and doesn't thin it: nearly as many writes, and by far the longest time.",
		"A random wait spreads the crowd. A client that comes back alone succeeds. Full jitter, at random from nothing to the ceiling, makes a third of the writes. Decorrelated jitter draws from the base to three times its last wait, and is done about as early; a hundred clients make a quarter more writes with it.",
		"No waiting at all is done first and makes the most work. That is only a bargain where the work costs nothing: here the row bears it, and in an overload the database would be the one that can't.",
	},
	Hurts: []string{
		"Jitter spreads a crowd of clients that each stop when they are done. It takes nothing away from callers who keep coming: see where backoff stops helping.",
		"Random waits make a single client slower than it would have to be, and tests of it hard to repeat, unless the draw is passed in.",
	},
	Sources: []lab.Reference{backoffAndJitter, jitterSimulator, {Text: "internal/resilience/backoff.go", URL: "/source/internal/resilience/backoff.go"}, {Text: "internal/sim/jitter.go", URL: "/source/internal/sim/jitter.go"}},
	Run:     jitter,
})

// publishedJitter is what the published simulator gives, in the order of sim.Algorithms.
var publishedJitter = []struct {
	clients int
	writes  [5]float64
	seconds [5]string
}{
	{100, [5]float64{2423, 1858, 812, 796, 1001}, [5]string{"2.0", "63.6", "6.6", "4.9", "4.5"}},
	{20, [5]float64{153, 150, 108, 100, 101}, [5]string{"–", "–", "–", "–", "–"}},
}

func jitter(ctx context.Context, rig *lab.Rig, v lab.Values, tell func(lab.Progress)) (lab.Result, error) {
	clients := v.Int("clients")
	c, err := newContest(ctx, rig, clients)
	if err != nil {
		return lab.Result{}, err
	}
	defer c.close()
	result, crowd, err := simulateJitter(ctx, v, tell)
	if err != nil {
		return lab.Result{}, err
	}
	measured, err := c.compare(ctx, rig, v, tell)
	if err != nil {
		return lab.Result{}, err
	}
	table := lab.Table{
		Caption: fmt.Sprintf("Injected: %d connections to Postgres contend for a row, %v an exchange; means ± standard deviations (trials: %d)", clients, v.Duration("exchange"), v.Int("repeats")),
		Head:    []string{"wait", "writes", "the model's", "seconds", "the model's"},
	}
	var bars chart.Bars
	var writes [5]float64
	for i, a := range sim.Algorithms {
		p := sim.PublishedJitter(clients, a, v.Int("trials"), v.Seed())
		p.Base, p.Cap, p.Hop, p.HopSD = v.Duration("base"), v.Duration("cap"), v.Duration("exchange")/2, v.Duration("exchange")/10
		var model sim.JitterResult
		step := stage{1, 1, 0, fmt.Sprintf("simulating the same %d clients, %s", clients, a)}
		if err := during(tell, step, func() (err error) { model, err = sim.Jitter(ctx, p); return err }); err != nil {
			return lab.Result{}, err
		}
		mean, sd := spread(measured[i].writes)
		took, tookSD := spread(measured[i].seconds)
		writes[i] = mean
		table.Rows = append(table.Rows, []string{string(a), plusMinus(0, mean, sd), plusMinus(0, model.Calls.Mean, model.Calls.SD), plusMinus(2, took, tookSD), plusMinus(2, model.Time.Mean, model.Time.SD)})
		bars = append(bars, chart.Row{Label: string(a), Value: mean, Low: mean - sd, High: mean + sd, Reference: chart.Reference{Label: "model", Value: model.Calls.Mean}})
	}
	none, expo, full := writes[0], writes[1], writes[3]
	result.Checks = append(result.Checks, lab.Check{
		Claim: fmt.Sprintf("on Postgres, %d clients: no waiting makes more writes than full jitter", clients), Source: backoffAndJitter,
		Want: fmt.Sprintf("more than %.0f", full), Got: digits(0, none), Met: none > full,
	})
	result.Finding = fmt.Sprintf("%s On the real Postgres, %d clients made %.0f, %.0f and %.0f writes (means of %d trials).", result.Finding, clients, none, expo, full, v.Int("repeats"))
	result.Tables = append(result.Tables, table)
	result.Figures = append(result.Figures,
		chart.Figure{
			ID: "jitter-real", Title: fmt.Sprintf("On the real Postgres full jitter makes %.0f writes, doubling alone %.0f, no waiting %.0f", full, expo, none),
			Desc: fmt.Sprintf("Writes until each of %d clients has changed the row once; the whiskers are a standard deviation either way. Injected delays.", clients),
			X:    chart.Axis{Label: "writes"}, Plot: bars,
		},
		herds("jitter-expo", "Doubling alone", crowd[1]), herds("jitter-full", "Full jitter", crowd[3]))
	return result, nil
}

// simulateJitter takes the first quarter of the run's progress. It returns the writes of 100 clients in one trial, too.
func simulateJitter(ctx context.Context, v lab.Values, tell func(lab.Progress)) (result lab.Result, crowd [5][]time.Duration, err error) {
	table := lab.Table{
		Caption: fmt.Sprintf("Simulated with the published parameters; means ± standard deviations (trials: %d)", v.Int("trials")),
		Head:    []string{"clients", "wait", "writes", "published", "seconds", "published"},
	}
	var bars chart.Bars
	var means [2][5]float64
	var times [5]float64
	for i, published := range publishedJitter {
		for j, a := range sim.Algorithms {
			p := sim.PublishedJitter(published.clients, a, v.Int("trials"), v.Seed())
			var r sim.JitterResult
			step := stageOf(i*5+j, 40, 0, fmt.Sprintf("simulating %d clients, %s", p.Clients, a))
			if err := during(tell, step, func() (err error) { r, err = sim.Jitter(ctx, p); return err }); err != nil {
				return result, crowd, err
			}
			want := published.writes[j]
			means[i][j] = r.Calls.Mean
			table.Rows = append(table.Rows, []string{
				strconv.Itoa(p.Clients), string(a), plusMinus(0, r.Calls.Mean, r.Calls.SD), digits(0, want), plusMinus(1, r.Time.Mean, r.Time.SD), published.seconds[j],
			})
			result.Checks = append(result.Checks, near(fmt.Sprintf("simulated, %d clients, %s: writes", p.Clients, a), 0, r.Calls.Mean, want, 0.05*want, backoffAndJitter))
			if i == 0 {
				crowd[j], times[j] = r.Arrivals, r.Time.Mean
				bars = append(bars, chart.Row{Label: string(a), Value: r.Calls.Mean, Reference: chart.Reference{Label: "published", Value: want}})
			}
		}
	}
	none, expo, full, decorrelated := means[0][0], means[0][1], means[0][3], means[0][4]
	result.Checks = append(result.Checks, lab.Check{
		Claim: "simulated, 100 clients: none > exponential > decorrelated > full", Want: "in this order", Source: backoffAndJitter,
		Got: fmt.Sprintf("%.0f, %.0f, %.0f, %.0f", none, expo, decorrelated, full), Met: none > expo && expo > decorrelated && decorrelated > full,
	})
	result.Finding = fmt.Sprintf("Simulated, 100 clients made %.0f writes in %.1f s without waiting, %.0f in %.1f s by doubling alone, and %.0f in %.1f s with full jitter (means of %d trials).",
		none, times[0], expo, times[1], full, times[3], v.Int("trials"))
	result.Tables, result.Trials = []lab.Table{table}, v.Int("trials")
	result.Figures = []lab.Figure{chart.Figure{
		ID: "jitter-simulated", Title: fmt.Sprintf("Full jitter makes %.0f writes, doubling alone %.0f, no waiting %.0f", full, expo, none),
		Desc: "Writes until each of 100 clients has changed the row once, beside the published figures. Simulated.",
		X:    chart.Axis{Label: "writes"}, Plot: bars,
	}}
	return result, crowd, nil
}

// herds draws when the writes of one simulated trial arrived.
func herds(id, algorithm string, at []time.Duration) chart.Figure {
	seconds := make([]float64, len(at))
	for i, t := range at {
		seconds[i] = t.Seconds()
	}
	bins := chart.Count(seconds, 100)
	most, idle := 0.0, 0
	for _, b := range bins {
		most = max(most, b.Count)
		if b.Count == 0 {
			idle++
		}
	}
	return chart.Figure{
		ID:    id,
		Title: fmt.Sprintf("%s: %d writes, up to %.0f of them in %.3g s, and none in %d of %d such spans", algorithm, len(at), most, bins[0].To-bins[0].From, idle, len(bins)),
		Desc:  "When the writes of 100 clients arrived, in the first trial. Simulated.",
		X:     chart.Axis{Label: "time", Unit: "s"}, Y: chart.Axis{Label: "writes"}, Plot: bins,
	}
}
