package lab

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"strconv"
	"syscall"
	"time"

	"afloat/internal/fault"
)

// sample is how many exchanges one look at a flaky link makes.
const sample = 20

// A tally counts a flaky link's exchanges since its fault began: a low rate shows in the end.
type tally struct{ failed, made int }

// A sight is what a probe saw.
type sight struct {
	took   time.Duration
	within time.Duration // how long the probe would have waited
	err    error
}

// judge compares what a probe saw with the fault that should be on, and says it in words.
func judge(f fault.Fault, seen sight, counts tally) (verdict, saw string) {
	answered := seen.err == nil
	ok := false
	switch f.Kind {
	case fault.Refuse:
		ok = isRefused(seen.err)
	case fault.Hang:
		ok = isSilent(seen.err)
	case fault.Slow:
		ok = answered && seen.took >= f.Latency-f.Jitter
	case fault.Flaky:
		ok = counts.failed > 0 && (answered || isReset(seen.err))
	case fault.Reset:
		ok = isReset(seen.err)
	default:
		ok = answered
	}
	saw = describe(f.Kind, seen, counts)
	switch {
	case ok:
		return Confirmed, saw
	case f.Kind == "":
		return NotConfirmed, saw + ", and no fault of ours is on"
	default:
		return NotConfirmed, saw
	}
}

// describe never repeats an error's text: it may hold addresses and names that are not for readers.
func describe(kind fault.Kind, seen sight, counts tally) string {
	switch {
	case kind == fault.Flaky && (seen.err == nil || isReset(seen.err)):
		return fmt.Sprintf("%d of %d exchanges failed", counts.failed, counts.made)
	case seen.err == nil && kind == fault.Slow:
		return "answered after " + span(seen.took)
	case seen.err == nil:
		return "answered in " + span(seen.took)
	case isRefused(seen.err):
		return "refused after " + span(seen.took)
	case isReset(seen.err):
		return "connection reset after " + span(seen.took)
	case isSilent(seen.err):
		return "no answer within " + span(seen.within)
	default:
		return "failed after " + span(seen.took)
	}
}

func isRefused(err error) bool { return errors.Is(err, syscall.ECONNREFUSED) }

func isReset(err error) bool {
	return errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)
}

func isSilent(err error) bool {
	return errors.Is(err, context.DeadlineExceeded) || errors.Is(err, os.ErrDeadlineExceeded)
}

// span writes a duration as a reader would: "0.2 ms", "320 ms", "2.01 s".
func span(d time.Duration) string {
	switch ms := d.Seconds() * 1000; {
	case ms < 0.1:
		return strconv.FormatFloat(max(ms, 0.01), 'f', 2, 64) + " ms"
	case ms < 10:
		return strconv.FormatFloat(ms, 'f', 1, 64) + " ms"
	case ms < 1000:
		return strconv.FormatFloat(ms, 'f', 0, 64) + " ms"
	default:
		return strconv.FormatFloat(math.Round(ms/10)/100, 'f', -1, 64) + " s"
	}
}
