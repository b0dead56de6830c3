package capstone

import (
	"context"
	"net/http"
	"sync"
	"time"
)

// warm reads a page of the protected blog until all its parts are there, or
// for as long as the patience: a blog that nobody has read has no copies that
// could serve when the link breaks.
func (x *Exercise) warm(ctx context.Context, client *http.Client, page string) {
	ctx, cancel := context.WithTimeout(ctx, x.times.Patience)
	defer cancel()
	for ctx.Err() == nil {
		if l := lookAt(ctx, client, page, x.times.Patience); l.Status == http.StatusOK && l.whole() {
			return
		}
		select {
		case <-time.After(x.times.Patience / 10):
		case <-ctx.Done():
		}
	}
}

func (l Look) whole() bool {
	for _, seen := range l.Parts {
		if !well(seen.State) {
			return false
		}
	}
	return true
}

// look looks at all three at the same moment, and keeps what it saw if the case is still open.
func (x *Exercise) look(ctx context.Context, client *http.Client, s *Sitting, patient, blog string) {
	pages := []string{patient + s.Page, blog + s.Page, patient + s.Beside}
	looks := make([]Look, len(pages))
	var all sync.WaitGroup
	for i, page := range pages {
		all.Go(func() { looks[i] = lookAt(ctx, client, page+"?xray=1", x.times.Patience) })
	}
	all.Wait()
	if ctx.Err() != nil {
		return // cut off: it tells of the end of the case only
	}
	x.change(func() {
		for i, kept := range []*[]Look{&s.Saw.Patient, &s.Saw.Blog, &s.Saw.Beside} {
			*kept = last(append(*kept, looks[i]), x.times.Looks)
		}
	})
}

func last(looks []Look, n int) []Look { return looks[max(0, len(looks)-n):] }
