package lab

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
)

// A Burden is what one server asked of one dependency during a measurement.
type Burden struct {
	Attempts uint64 // tries that were made
	Failures uint64 // calls that failed in spite of them
	Waiting  int64  // calls begun and not ended when the last reader was gone or had given up
}

// reading is a server's /lab/status, as far as it is needed here.
type reading struct {
	Policies []struct {
		Name     string            `json:"name"`
		Link     string            `json:"link"`
		Attempts uint64            `json:"attempts"`
		Failures map[string]uint64 `json:"failures"`
		InFlight int64             `json:"in_flight"`
	} `json:"policies"`
}

func read(ctx context.Context, t Target) (r reading, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, t.URL+"/lab/status", nil)
	if err != nil {
		return r, err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return r, fmt.Errorf("what %s asks of its dependencies can't be read: %w", t.Name, err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return r, fmt.Errorf("what %s asks of its dependencies can't be read: %s", t.Name, res.Status)
	}
	return r, json.NewDecoder(io.LimitReader(res.Body, maxState)).Decode(&r)
}

// since is what was asked between two readings.
func (r reading) since(before reading) map[string]Burden {
	bore := map[string]Burden{}
	add := func(from reading, sign uint64) {
		for _, p := range from.Policies {
			b := bore[p.Link]
			b.Attempts += sign * p.Attempts
			for _, n := range p.Failures {
				b.Failures += sign * n
			}
			bore[p.Link] = b
		}
	}
	add(r, 1)
	add(before, ^uint64(0)) // minus one: unsigned numbers wrap around
	for _, p := range r.Policies {
		b := bore[p.Link]
		b.Waiting += p.InFlight
		bore[p.Link] = b
	}
	return bore
}
