package telemetry

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"reflect"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"afloat/internal/resilience"
)

var degraded = resilience.Provenance{
	Source: resilience.FromMemory, State: resilience.Stale, Attempts: 3, Took: 212 * time.Millisecond,
	Breaker: resilience.Open, Err: io.ErrUnexpectedEOF,
}

func newWarnings(every time.Duration) (*Warnings, func() []map[string]any) {
	var b bytes.Buffer
	w := NewWarnings(slog.New(slog.NewJSONHandler(&b, nil)), every, map[string]string{"comment reads": "postgres"})
	return w, func() (lines []map[string]any) {
		for line := range strings.Lines(b.String()) {
			var m map[string]any
			if err := json.Unmarshal([]byte(line), &m); err != nil {
				panic(err)
			}
			delete(m, "time")
			lines = append(lines, m)
		}
		b.Reset()
		return lines
	}
}

func TestWarningSaysWhatHappened(t *testing.T) {
	w, lines := newWarnings(time.Minute)
	w.Part(t.Context(), "comments", "comment reads", degraded)
	w.Part(t.Context(), "popular", "popular", resilience.Provenance{Source: resilience.FromPlaceholder, State: resilience.Missing})
	want := []map[string]any{{
		"level": "WARN", "msg": "part degraded", "part": "comments", "dependency": "postgres", "policy": "comment reads",
		"state": "stale", "source": "memory", "attempts": 3.0, "duration": 212e6, "breaker": "open",
		"error_class": "closed", "error": "unexpected EOF", "suppressed": 0.0,
	}, {
		"level": "WARN", "msg": "part degraded", "part": "popular", "dependency": "popular", "policy": "popular",
		"state": "missing", "source": "placeholder", "attempts": 0.0, "duration": 0.0, "breaker": "",
		"error_class": "", "error": "", "suppressed": 0.0,
	}}
	if got := lines(); !reflect.DeepEqual(got, want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
}

func TestWarningsAreLimitedAndCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, lines := newWarnings(10 * time.Second)
		other := degraded
		other.Err = fmt.Errorf("query: %w", context.DeadlineExceeded)
		for range 100 {
			w.Part(t.Context(), "comments", "comment reads", degraded)
			w.Part(t.Context(), "comments", "comment reads", other)
			w.Part(t.Context(), "counts", "comment counts", degraded)
		}
		if got := lines(); len(got) != 3 {
			t.Fatalf("%d lines, want one for each of 3 kinds: %v", len(got), got)
		}
		time.Sleep(10*time.Second - 1)
		w.Part(t.Context(), "comments", "comment reads", degraded)
		if got := lines(); got != nil {
			t.Fatalf("logged before the interval was over: %v", got)
		}
		time.Sleep(time.Nanosecond)
		for range 2 {
			w.Part(t.Context(), "comments", "comment reads", degraded)
		}
		if got := lines(); len(got) != 1 || got[0]["suppressed"] != 100.0 {
			t.Fatalf("got %v, want one line with 100 suppressed", got)
		}
		time.Sleep(time.Hour)
		w.Part(t.Context(), "comments", "comment reads", degraded)
		if got := lines(); len(got) != 1 || got[0]["suppressed"] != 1.0 {
			t.Fatalf("got %v, want one line with 1 suppressed", got)
		}
	})
}

func TestNoWarningWithoutFailure(t *testing.T) {
	w, lines := newWarnings(0)
	for _, state := range []resilience.State{resilience.Fresh, resilience.Cached} {
		w.Part(t.Context(), "comments", "comment reads", resilience.Provenance{State: state})
	}
	gone := degraded
	gone.Err = fmt.Errorf("query: %w", context.Canceled)
	w.Part(t.Context(), "comments", "comment reads", gone)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	w.Part(ctx, "comments", "comment reads", degraded)
	if got := lines(); got != nil {
		t.Errorf("logged %v", got)
	}

	// A client that waited until its deadline met a failure.
	ctx, cancel = context.WithDeadline(t.Context(), time.Unix(0, 0))
	defer cancel()
	w.Part(ctx, "comments", "comment reads", degraded)
	w.Part(ctx, "comments", "comment reads", degraded)
	if got := lines(); len(got) != 2 {
		t.Errorf("logged %v, want both", got)
	}
}

func TestWarningsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, lines := newWarnings(time.Minute)
		for i := range 10 * maxWarnings {
			p := degraded
			p.Err = sqlError{fmt.Sprintf("%05d", i)}
			w.Part(t.Context(), "comments", "comment reads", p)
		}
		if got := len(lines()); got != maxWarnings+1 {
			t.Errorf("%d lines, want %d", got, maxWarnings+1)
		}
		if got := len(w.said); got != maxWarnings+1 {
			t.Errorf("%d kinds are kept, want %d", got, maxWarnings+1)
		}
		time.Sleep(time.Minute)
		p := degraded
		p.Err = errors.New("new")
		w.Part(t.Context(), "comments", "comment reads", p)
		if got := lines(); len(got) != 1 || got[0]["suppressed"] != 9.0*maxWarnings-1 {
			t.Errorf("got %v, want one line that counts all the others", got)
		}
	})
}

func TestWarningsAreConcurrent(t *testing.T) {
	w, lines := newWarnings(time.Hour)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 100 {
				w.Part(t.Context(), "comments", "comment reads", degraded)
			}
		})
	}
	wg.Wait()
	if got := lines(); len(got) != 1 {
		t.Errorf("%d lines, want 1", len(got))
	}
	if got := w.said[warning{"comments", "closed"}].suppressed; got != 799 {
		t.Errorf("%d suppressed, want 799", got)
	}
}
