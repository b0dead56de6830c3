package experiments

import (
	"context"
	"errors"
	"fmt"
	"time"

	"afloat/internal/chart"
	"afloat/internal/lab"
	"afloat/internal/resilience"
)

var (
	sreThrottling = lab.Reference{Text: "Site Reliability Engineering, chapter 21: Client-Side Throttling, equation 21-1", URL: "https://sre.google/sre-book/handling-overload/#eq2101"}
	ourShedder    = lab.Reference{Text: "internal/resilience/shed.go", URL: "/source/internal/resilience/shed.go"}
	ourBusyServer = lab.Reference{Text: "internal/lab/experiments/shedding_server.go", URL: "/source/internal/lab/experiments/shedding_server.go"}
)

// The limit has room for five times the workers: who is admitted last waits for four requests before his own.
const placesAWorker = 5

// limits is what the shedder is given: a half is open to all, and a quarter for what matters most alone.
func limits(workers int) resilience.ShedPolicy {
	return resilience.ShedPolicy{Limit: placesAWorker * workers, Normal: 0.75, Low: 0.5}
}

var _ = register(110, &lab.Experiment{
	Name: "shedding", Code: "E7", Title: "Too much traffic",
	Question: "A server can do 200 requests a second, and 600 a second come. It queues them all, first come, first served, and callers wait for a quarter of a second at most. How many get an answer in time?",
	Choices:  []string{"200 a second: it does what it can, and the others wait in vain", "Next to none, though it works all the time", "All of them, later"},
	Answer:   1,

	Label: lab.Injected,
	SetUp: "A small HTTP server in this process, on an address that nobody else knows, has four workers who take 20 ms for a request. Real callers come to it in an open loop, at several multiples of what it can do, each with a patience of 250 ms. The same callers come, at the same moments and with the same priorities, to a server whose queue has no bound, and to one with the blog's own resilience.Shedder before its queue. Counted are those who come in the second half of a run. Beside it, simulated: clients that refuse by themselves what the backend would refuse (adaptive throttling).",

	Params: []lab.Param{
		lab.SeedParam(),
		{Name: "loads", Label: "loads, in percent of what the server can do", Unit: "%", Kind: lab.Set, Default: "50,100,150,200,300", Quick: "50,300", Choices: []string{"50", "100", "150", "200", "300"}},
		{Name: "trials", Label: "trials of each load, and of the simulation", Unit: "trials", Kind: lab.Int, Default: "3", Quick: "1", Min: "1", Max: "20"},
		{Name: "for", Label: "time of each run; its second half counts", Kind: lab.Duration, Default: "2s", Quick: "1s", Min: "1s", Max: "20s"},
		{Name: "workers", Label: "workers; five times as many requests are admitted", Unit: "workers", Kind: lab.Int, Default: "4", Min: "1", Max: "8"},
		{Name: "work", Label: "time of a request", Kind: lab.Duration, Default: "20ms", Min: "10ms", Max: "40ms"},
		{Name: "patience", Label: "longest wait of a caller", Kind: lab.Duration, Default: "250ms", Quick: "500ms", Min: "250ms", Max: "2s"},
		{Name: "check", Label: "time between two health checks", Kind: lab.Duration, Default: "50ms", Min: "10ms", Max: "1s"},
		{Name: "k", Label: "K of the simulated throttle", Unit: "requests for each accepted one", Kind: lab.Set, Default: "1.1,1.5,2,3", Quick: "1.1,2", Choices: []string{"1.1", "1.5", "2", "3"}},
	},
	Load:     lab.Load{Callers: "callers of a server of the experiment's own", Rate: 600, For: 2 * time.Second, Words: "open loop, Poisson arrivals at 50 to 300 % of 200/s; 30 % of high priority, 40 % normal, 30 % low; nobody tries again"},
	Measures: []string{"calls answered 200 within the callers' patience (goodput), refused, and given up, by priority", "requests in the server at the most, and what its workers could have done", "health checks answered 200", "simulated: requests that reach the backend for each that it accepts"},

	Expect: []lab.Expectation{
		{Claim: "a queue without a bound, once its wait (load − 1) × time is above the callers' patience: nobody is answered in time", Tolerance: "at most 10 % of what the server can do; where the formula's wait is at least one and a half times the patience", Source: ourBusyServer},
		{Claim: "with shedding, at 150 % and more: as many as the server can do", Tolerance: "at least 80 % of what its workers could do, as it was measured", Source: ourShedder},
		{Claim: "with shedding, at the highest load: the least important are refused first", Tolerance: "in this order; and of high priority at most half of the share refused in all", Source: ourShedder},
		{Claim: "the health check is answered 200 all the time, on both", Tolerance: "exact", Source: ourBusyServer},
		{Claim: "simulated: under overload the backend gets K requests for each that it accepts, about 2 with K = 2", Tolerance: "± 5 %", Source: sreThrottling},
		{Claim: "simulated: clients go on refusing after the overload, for longer than their window", Tolerance: "at K = 2, more than two minutes", Source: lab.Reference{Text: "internal/sim/throttle.go", URL: "/source/internal/sim/throttle.go"}},
	},
	Explain: []string{
		"What can't be done doesn't go away: it queues. At twice the load that a server can bear, the queue grows by a second of waiting for each second that passes. Soon everybody in it has waited for longer than they wanted to, and the server works, at full speed, for those who have left. Throughput is as high as ever, and goodput is nothing.",
		"A shedder counts the requests that are in the server, and refuses at once whatever is over its limit. That costs next to nothing. With 5 places for each worker, and 20 ms a request, whoever is admitted is answered after about 100 ms at the latest. The limit says how long a wait is still of use: places = workers × longest wait ÷ time of a request.",
		"Something will be refused, so say what. Here low priority is admitted while fewer than half of the places are taken, normal priority while fewer than three quarters are, and high priority as long as there is one. The blog does it so: searches go first, then lists, and articles last.",
		"Refusing costs something, too, and at many times the load it may be all that a server does. So Google's clients refuse by themselves: each remembers two minutes, and beyond K requests for each accepted one it refuses with probability (requests − K × accepts) ÷ (requests + 1), and asks nobody. The backend then gets K for each that it accepts, however many there are. K = 2 wastes half of what it gets, and its clients learn sooner that it is well again; K = 1.1 suits a backend for which refusing costs as much as serving.",
	},
	Hurts: []string{
		"Cheap health checks pass while readers are shed. The check here asks for nothing, was asked all the while, and was answered 200 each time: see the last column. A balancer that looks at it alone sends on as before, and nobody is woken. Count refusals, and raise an alarm on their share.",
		"A throttle outlasts its overload. The window remembers the refused requests, so clients refuse for minutes what an idle backend could do: see the last column of the simulation. Clients with few requests hardly learn anything at all.",
		"Whoever is refused and tries again at once turns shedding into more load. Say when to come back (Retry-After), and give the callers a retry budget.",
		"A limit that was set for 20 ms is wrong when a request takes 200: then the wait is ten times as long as it was meant to be.",
	},
	Sources: []lab.Reference{sreThrottling, sreOverload, ourShedder, ourBusyServer, {Text: "internal/sim/throttle.go", URL: "/source/internal/sim/throttle.go"}},
	Run:     shedding,
})

// The two servers that are compared; they differ in their shedder alone.
var busyServers = [2]string{"queue without a bound", "shedding"}

// atLoad is both servers at one load, in percent.
type atLoad struct {
	percent string
	offered float64 // calls a second
	servers [2]rush
}

func shedding(ctx context.Context, _ *lab.Rig, v lab.Values, tell func(lab.Progress)) (lab.Result, error) {
	loads, ks := v.Set("loads"), v.Set("k")
	if len(loads) == 0 || len(ks) == 0 {
		return lab.Result{}, errors.New("no load or no K is chosen: choose at least one of each")
	}
	workers, length, trials := v.Int("workers"), v.Duration("for"), v.Int("trials")
	can := float64(workers) / v.Duration("work").Seconds()
	all := make([]atLoad, len(loads))
	for i, load := range loads {
		all[i] = atLoad{percent: load, offered: can * fraction(load)}
		for trial := range trials {
			seed := v.Seed()<<8 + uint64(trial)
			at, err := arrivals(seed, span{all[i].offered, length})
			if err != nil {
				return lab.Result{}, err
			}
			for j, name := range busyServers {
				server := &busyServer{work: v.Duration("work"), workers: make(chan struct{}, workers)}
				if j == 1 {
					if server.shedder, err = resilience.NewShedder(limits(workers)); err != nil {
						return lab.Result{}, err
					}
				}
				plan := rushPlan{at: at, seed: seed, length: length, patience: v.Duration("patience"), check: v.Duration("check")}
				step := stageOf((i*trials+trial)*2+j, len(loads)*trials*2, length, fmt.Sprintf("%s at %s %%, trial %d of %d", name, load, trial+1, trials))
				step.from, step.to = 0.9*step.from, 0.9*step.to
				if err := during(tell, step, func() error { return all[i].servers[j].bear(ctx, server, plan) }); err != nil {
					return lab.Result{}, err
				}
			}
		}
	}
	r := rushesTold(all, v)
	err := during(tell, stage{0.9, 1, 0, "simulating clients that refuse by themselves"}, func() error { return throttleTold(ctx, &r, ks, v) })
	return r, err
}

// goodputFigure draws what both servers did, over what was offered.
func goodputFigure(all []atLoad) chart.Figure {
	lines := make(chart.Lines, len(busyServers))
	for j, name := range busyServers {
		lines[j].Name = name
		for _, load := range all {
			mean, _ := spread(load.servers[j].goodput)
			lines[j].Points = append(lines[j].Points, chart.Point{X: load.offered, Y: mean})
		}
	}
	worst := all[len(all)-1]
	queue, _ := spread(worst.servers[0].goodput)
	shed, _ := spread(worst.servers[1].goodput)
	can, _ := spread(worst.servers[1].capacity)
	return chart.Figure{
		ID: "shedding-goodput", Title: fmt.Sprintf("At %.0f calls/s a queue without a bound answers %.0f/s in time, and a server that sheds %.0f/s", worst.offered, queue, shed),
		Desc: "Calls answered within the callers' patience, over calls offered; means of the trials. Injected.",
		X:    chart.Axis{Label: "offered", Unit: "/s"}, Y: chart.Axis{Label: "answered in time", Unit: "/s"},
		Reference: chart.Reference{Label: "what its workers can do", Value: can}, Plot: lines,
	}
}
