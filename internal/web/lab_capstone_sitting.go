package web

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"afloat/internal/capstone"
)

// sittingView is a case that is open, or was.
type sittingView struct {
	Run            string // "" once it is over
	Until          string
	Why            string // why it ended early
	Patient, Other string // the page with its X-ray, and another one, on the patient; "" before it is there
	Blog           string // the page on the protected blog
	Measured       []measuredRow
	Looks          int
	Warm           bool // it ran, and was read, before the link broke
}

// measuredRow is one figure of the patient's page, of the same page on the protected blog and of the patient's other
// page.
type measuredRow struct{ What, Patient, Blog, Beside string }

func (s *Server) viewSitting(r *http.Request, c capstone.Sitting) *sittingView {
	v := &sittingView{Until: c.Until.UTC().Format("15:04:05 UTC"), Looks: len(c.Saw.Patient), Warm: c.Warm}
	if !c.Over {
		v.Run = c.Run
	} else if c.Err != nil {
		v.Why = "It was ended early, and everything is healthy again."
		if !errors.Is(c.Err, context.Canceled) {
			v.Why = c.Err.Error()
		}
	}
	if base, err := url.Parse(c.Patient); err == nil && c.Patient != "" && !c.Over {
		at := strings.TrimSuffix(otherURLOf(r, base.Port()), "/")
		v.Patient, v.Other, v.Blog = at+c.Page+"?xray=1", at+c.Beside+"?xray=1", c.Page+"?xray=1"
	}
	if v.Looks > 0 {
		v.Measured = measuredRows(c.Saw.Evidence())
	}
	return v
}

// measuredRows say what a reader meets, and nothing of what the X-ray says.
func measuredRows(e capstone.Evidence) []measuredRow {
	of := func(what string, figure func(capstone.Summary) string) measuredRow {
		return measuredRow{what, figure(e.Patient), figure(e.Blog), figure(e.Beside)}
	}
	count := func(n func(capstone.Summary) int) func(capstone.Summary) string {
		return func(s capstone.Summary) string { return fmt.Sprintf("%d of %d", n(s), s.Looks) }
	}
	return []measuredRow{
		of("pages that came whole", count(func(s capstone.Summary) int { return s.OK })),
		of("error pages", count(func(s capstone.Summary) int { return s.Errors })),
		of("no page in time", count(func(s capstone.Summary) int { return s.Waiting })),
		of("median time", func(s capstone.Summary) string { return millis(s.Median.Round(100 * time.Microsecond)) }),
		of("longest time", func(s capstone.Summary) string { return millis(s.Longest.Round(100 * time.Microsecond)) }),
	}
}
