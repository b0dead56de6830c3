package alert

import (
	"bufio"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
)

// A Scrape is what a server told of its metrics at one moment.
type Scrape struct {
	At     time.Time
	Series []Series
}

// A Series is one line of it.
type Series struct {
	Metric string
	Labels map[string]string
	Value  float64
}

// is reports whether two lines are of the same series.
func (s Series) is(o Series) bool {
	if s.Metric != o.Metric || len(s.Labels) != len(o.Labels) {
		return false
	}
	for name, value := range s.Labels {
		if o.Labels[name] != value {
			return false
		}
	}
	return true
}

// Read takes the named metrics from Prometheus's text format, and leaves the
// others alone. Its error names the line that it can't read.
func Read(text io.Reader, at time.Time, metrics ...string) (Scrape, error) {
	s := Scrape{At: at}
	lines := bufio.NewScanner(text)
	for lines.Scan() {
		line := lines.Text()
		for _, metric := range metrics {
			rest, ok := strings.CutPrefix(line, metric)
			if !ok || rest == "" || rest[0] != '{' && rest[0] != ' ' {
				continue
			}
			series, err := read(metric, rest)
			if err != nil {
				return s, fmt.Errorf("metrics: %q: %w", line, err)
			}
			s.Series = append(s.Series, series)
		}
	}
	return s, lines.Err()
}

// read takes the labels and the value that follow a metric's name.
func read(metric, rest string) (Series, error) {
	s := Series{Metric: metric, Labels: map[string]string{}}
	if strings.HasPrefix(rest, "{") {
		rest = rest[1:]
		for !strings.HasPrefix(rest, "}") {
			name, after, ok := strings.Cut(strings.TrimPrefix(rest, ","), "=")
			quoted, err := strconv.QuotedPrefix(after)
			if !ok || err != nil {
				return s, fmt.Errorf("no label at %q", rest)
			}
			value, err := strconv.Unquote(quoted)
			if err != nil {
				return s, err
			}
			s.Labels[name], rest = value, after[len(quoted):]
		}
		rest = rest[1:]
	}
	value, _, _ := strings.Cut(strings.TrimSpace(rest), " ") // a time may follow
	var err error
	s.Value, err = strconv.ParseFloat(value, 64)
	return s, err
}
