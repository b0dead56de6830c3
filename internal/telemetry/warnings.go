package telemetry

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"afloat/internal/resilience"
)

// maxWarnings bounds the pairs of part and error class that are limited one
// by one; the pairs beyond share one limit.
const maxWarnings = 128

// Warnings logs the parts of pages that were degraded: one WARN a part and
// error class in each interval, with the number of those left out. An outage
// fails every request; a line for each would make the log the next bottleneck.
// It is safe for concurrent use, and starts no goroutine.
type Warnings struct {
	log          *slog.Logger
	every        time.Duration
	dependencies map[string]string

	mu   sync.Mutex
	said map[warning]*history
}

type warning struct{ part, class string }

type history struct {
	at         time.Time // when it was last logged
	suppressed int       // how often it was left out since
}

// NewWarnings logs each kind of warning to log at most once in every; 0 logs
// them all. dependencies names the dependency behind each policy, such as
// "postgres" behind "post reads"; a policy that it lacks goes by its own name.
func NewWarnings(log *slog.Logger, every time.Duration, dependencies map[string]string) *Warnings {
	return &Warnings{log: log, every: every, dependencies: dependencies, said: map[warning]*history{}}
}

// Part logs "part degraded" if p is degraded, with what failed, what was
// served instead and what it took. A client that went away is no failure, and
// is not logged. The count of lines left out is told by the next line of the
// same kind, whenever that is.
func (w *Warnings) Part(ctx context.Context, part, policy string, p resilience.Provenance) {
	if !p.State.Degraded() || errors.Is(p.Err, context.Canceled) || errors.Is(ctx.Err(), context.Canceled) {
		return
	}
	class := resilience.ErrClass(p.Err)
	suppressed, due := w.due(warning{part, class})
	if !due {
		return
	}
	dependency, ok := w.dependencies[policy]
	if !ok {
		dependency = policy
	}
	text := ""
	if p.Err != nil {
		text = p.Err.Error()
	}
	w.log.LogAttrs(ctx, slog.LevelWarn, "part degraded",
		slog.String("part", part),
		slog.String("dependency", dependency),
		slog.String("policy", policy),
		slog.String("state", string(p.State)),
		slog.String("source", string(p.Source)), // of what was served instead
		slog.Int("attempts", p.Attempts),
		slog.Duration("duration", p.Took),
		slog.String("breaker", string(p.Breaker)),
		slog.String("error_class", class),
		slog.String("error", text),
		slog.Int("suppressed", suppressed),
	)
}

// due reports whether a warning may be logged now, and how many of its kind
// were left out since the last.
func (w *Warnings) due(kind warning) (suppressed int, ok bool) {
	now := time.Now()
	w.mu.Lock()
	defer w.mu.Unlock()
	h, known := w.said[kind]
	if !known && len(w.said) >= maxWarnings {
		kind = warning{} // no part is nameless, so this key is free
		h, known = w.said[kind]
	}
	if !known {
		w.said[kind] = &history{at: now}
		return 0, true
	}
	if now.Sub(h.at) < w.every {
		h.suppressed++
		return 0, false
	}
	suppressed = h.suppressed
	*h = history{at: now}
	return suppressed, true
}
