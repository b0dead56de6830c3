package experiments

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"afloat/internal/lab"
	"afloat/internal/load"
	"afloat/internal/policy"
)

func TestRungs(t *testing.T) {
	all := known()
	whole := rungsOf(all, all)
	if len(whole) != 1+2*len(all) {
		t.Fatalf("%d rungs", len(whole))
	}
	if len(whole[0].on) != 0 || !slices.Equal(whole[len(all)].on, all) {
		t.Errorf("from %v to %v; want from nothing to everything", whole[0].on, whole[len(all)].on)
	}
	for i, r := range whole[1:] {
		var on []policy.Protection
		for _, p := range r.on {
			on = append(on, policy.Protection(p))
		}
		table, err := policy.Custom(on...)
		if err != nil {
			t.Errorf("%s: %v", r.name, err)
		}
		if err := table.Validate(); err != nil {
			t.Errorf("%s: %v", r.name, err)
		}
		if i < len(all) {
			if before := whole[i].on; !slices.Equal(r.on[:len(r.on)-1], before) {
				t.Errorf("%s: %v after %v; want one more", r.name, r.on, before)
			}
		} else if left := all[i-len(all)]; len(r.on) != len(all)-1 || slices.Contains(r.on, left) {
			t.Errorf("%s: %v", r.name, r.on)
		}
	}

	few := rungsOf([]string{"stale"}, []string{"breaker"})
	var names []string
	for _, r := range few {
		names = append(names, r.short)
	}
	if got := strings.Join(names, ", "); got != "nothing, + stale, + shedding, without breaker" {
		t.Error(got)
	}
	if got := few[1].on; !slices.Equal(got, []string{"isolation", "deadline", "cache", "stale"}) {
		t.Errorf("the rung of stale copies has %v", got)
	}
}

func TestFaultsInTurn(t *testing.T) {
	steps := inTurn("mixed", "hang", time.Second, 6*time.Second)
	for i, d := range dependencies {
		want := lab.FaultStep{At: time.Second + time.Duration(i)*2*time.Second, Order: lab.Order{Link: d, Kind: "hang", For: 2 * time.Second}}
		if steps[i] != want {
			t.Errorf("%+v, want %+v", steps[i], want)
		}
	}
	if one := inTurn("redis", "slow", 0, time.Second); len(one) != 1 || one[0].Link != "redis" || one[0].For != time.Second {
		t.Errorf("%+v", one)
	}
}

// TestTheLadderIsJudged: what a rung buys is the difference to the one below it, and a whole that fails readers is said
// to.
func TestTheLadderIsJudged(t *testing.T) {
	v := lab.QuickValues(Find("ladder").Params, 1)
	rungs := rungsOf([]string{"stale"}, []string{"stale"})
	served := []int{1, 4, 4, 3}
	for i := range rungs {
		o := lab.Outcome{Bore: map[string]lab.Burden{"postgres": {Attempts: 8}}}
		for n := range 4 {
			s := load.Sample{Due: v.Duration("margin"), Status: 500}
			if n < served[i] {
				s.Status = 200
			}
			o.Samples = append(o.Samples, s)
		}
		rungs[i].got = []lab.Outcome{o}
	}
	got := ladderResult(rungs, v)
	if up, out := got.Tables[0], got.Tables[1]; up.Rows[1][3] != "+75.0 points" || up.Rows[2][3] != "0.0 points" || out.Rows[0][3] != "-25.0 points" || up.Rows[0][7] != "2.00 tries a reader" {
		t.Errorf("%v\n%v", up.Rows, out.Rows)
	}
	if !got.Met() || !strings.Contains(got.Finding, "“+ Stale copies” bought most: from 1 to 4") {
		t.Errorf("%v %s", got.Checks, got.Finding)
	}
	rungs[2].got[0].Samples[0].Latency = within + 1
	if ladderResult(rungs, v).Met() {
		t.Error("a reader who waited for longer than a second counts as served")
	}
}

func TestWithoutAnotherServer(t *testing.T) {
	for _, name := range []string{"ladder", "availability"} {
		e := Find(name)
		if _, err := e.Run(t.Context(), &lab.Rig{}, lab.QuickValues(e.Params, 1), func(lab.Progress) {}); err == nil {
			t.Errorf("%s has a result without a server to measure", name)
		}
		if _, err := e.Run(t.Context(), &lab.Rig{Custom: noServer{}}, lab.QuickValues(e.Params, 1), func(lab.Progress) {}); !errors.Is(err, errNoServer) {
			t.Errorf("%s: %v, want why its server didn't start", name, err)
		}
	}
}

var errNoServer = errors.New("no server starts here")

type noServer struct{}

func (noServer) Serve(context.Context, []string, []string) (string, error) { return "", errNoServer }
func (noServer) Running() (string, []string, []string)                     { return "", nil, nil }
func (noServer) Stop()                                                     {}
