package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"time"

	"afloat/internal/recorded"
)

// timeline counts a case's seconds from its begin; of its readers, those of the last, which are not whole, are left out.
// Writers come later, where they had to send their form again.
func timeline(reads []read, comments []*comment, t times) recorded.Seconds {
	n := int(t.until.Sub(t.begin).Seconds())
	answers := n
	for _, c := range comments {
		if last := len(c.tries) - 1; !c.acked.IsZero() {
			i, _ := second(c.tries[last].at.Add(c.tries[last].took), t.begin, 0)
			answers = max(answers, i+1)
		}
	}
	s := recorded.Seconds{
		Served: make([]int, n), Failed: make([]int, n), P99: make([]float64, n),
		Direct: make([]int, answers), Outbox: make([]int, answers), Refused: make([]int, answers),
		TwinServed: make([]int, n), TwinFailed: make([]int, n),
	}
	slow := make([][]time.Duration, n)
	for _, r := range reads {
		i, ok := second(r.due, t.begin, n)
		switch {
		case !ok:
			continue
		case r.kind == twinReads:
			*count(r.failed(), &s.TwinFailed[i], &s.TwinServed[i])++
			continue
		}
		*count(r.failed(), &s.Failed[i], &s.Served[i])++
		slow[i] = append(slow[i], r.Latency)
	}
	for i, all := range slow {
		if len(all) > 0 {
			slices.Sort(all)
			s.P99[i] = ms(all[(len(all)*99+99)/100-1])
		}
	}
	for _, c := range comments {
		for k, try := range c.tries {
			i, ok := second(try.at.Add(try.took), t.begin, answers)
			switch acked := !c.acked.IsZero() && k == len(c.tries)-1; {
			case !ok:
			case !acked:
				s.Refused[i]++
			default:
				*count(c.direct, &s.Direct[i], &s.Outbox[i])++
			}
		}
	}
	return s
}

// count chooses between two counters.
func count(first bool, one, other *int) *int {
	if first {
		return one
	}
	return other
}

func second(at, begin time.Time, n int) (int, bool) {
	i := int(at.Sub(begin) / time.Second)
	return i, !at.Before(begin) && i < n
}

// draw writes a case's timeline: its figures over the same seconds, one below the other.
func (r *report) draw(dir string, one result) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	var drawings [][]byte
	for _, f := range r.recorded(one).Figures() {
		drawings = append(drawings, f.Standalone())
	}
	return os.WriteFile(filepath.Join(dir, one.Name+".svg"), stack(drawings...), 0o644)
}

var svgSize = regexp.MustCompile(`^<svg [^>]*\bwidth="([0-9.]+)" height="([0-9.]+)"`)

// stack puts drawings below each other in one, each with its own title and description.
func stack(drawings ...[]byte) []byte {
	var b bytes.Buffer
	width, height := 0.0, 0.0
	for _, d := range drawings {
		size := svgSize.FindSubmatch(d)
		if size == nil {
			continue // a drawing of no size shows nothing
		}
		w, _ := strconv.ParseFloat(string(size[1]), 64) // the pattern lets only numbers through
		h, _ := strconv.ParseFloat(string(size[2]), 64)
		fmt.Fprintf(&b, `<g transform="translate(0 %g)">%s</g>`, height, bytes.TrimSpace(d))
		width, height = max(width, w), height+h
	}
	return fmt.Appendf(nil, `<svg xmlns="http://www.w3.org/2000/svg" width="%g" height="%g" viewBox="0 0 %[1]g %[2]g">%s</svg>`+"\n", width, height, b.Bytes())
}
