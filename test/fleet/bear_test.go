package main

import (
	"testing"
	"time"

	"afloat/internal/load"
)

func TestWhatAMachineBears(t *testing.T) {
	from := time.Unix(100, 0)
	crowd := func(change func(all []read)) []read {
		all := make([]read, 200)
		for i := range all {
			all[i] = read{kind: cachedReads, due: from.Add(time.Duration(i) * time.Millisecond), Sample: load.Sample{Status: 200, Latency: 9 * time.Millisecond}}
		}
		change(all)
		return all
	}
	for name, c := range map[string]struct {
		change func(all []read)
		bears  bool
	}{
		"all is well":           {func([]read) {}, true},
		"one fails":             {func(all []read) { all[7].Status = 503 }, false},
		"one of the twin's":     {func(all []read) { all[7].Status, all[7].kind = 503, twinReads }, true},
		"one failed before":     {func(all []read) { all[7].Status, all[7].due = 503, from.Add(-1) }, true},
		"one in a hundred late": {func(all []read) { all[7].Latency, all[8].Latency = time.Second, time.Second }, true},
		"more than that": {func(all []read) {
			all[7].Latency, all[8].Latency, all[9].Latency = time.Second, time.Second, time.Second
		}, false},
	} {
		if got := bears(crowd(c.change), from); got != c.bears {
			t.Errorf("%s: %v", name, got)
		}
	}
	if bears(nil, from) {
		t.Error("a fleet that nobody reads bears it")
	}
}
