package examples_test

import (
	"errors"
	"fmt"
	"time"

	"github.com/failsafe-go/failsafe-go"
	"github.com/failsafe-go/failsafe-go/fallback"
)

// Stale-if-error, made of a fallback: each answer is kept, and the last one
// stands in for an error while it is not too old.
func Example_staleIfError() {
	source, kept := &origin{now: time.Unix(0, 0)}, page{}
	oldCopy := fallback.NewWithFunc(func(e failsafe.Execution[page]) (page, error) {
		if kept.text == "" || source.now.Sub(kept.made) > 24*time.Hour {
			return page{}, e.LastError() // there is nothing that may still be shown
		}
		return kept, nil
	})
	read := failsafe.With(oldCopy).OnSuccess(func(e failsafe.ExecutionDoneEvent[page]) { kept = e.Result })
	for _, later := range []time.Duration{0, 23 * time.Hour, 2 * time.Hour} {
		source.now = source.now.Add(later)
		p, err := read.Get(source.get)
		fmt.Printf("%s, %v\n", p.at(source.now), err)
		source.down = true
	}
	// Output:
	// an article, 0s old, <nil>
	// an article, 23h0m0s old, <nil>
	// nothing, the database is gone
}

type page struct {
	text string
	made time.Time
}

func (p page) at(now time.Time) string {
	if p.text == "" {
		return "nothing"
	}
	return fmt.Sprintf("%s, %v old", p.text, now.Sub(p.made))
}

type origin struct {
	now  time.Time
	down bool
}

func (o *origin) get() (page, error) {
	if o.down {
		return page{}, errors.New("the database is gone")
	}
	return page{"an article", o.now}, nil
}
