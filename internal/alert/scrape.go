package alert

import (
	"fmt"
	"io"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
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

// Read takes the named counters and gauges from Prometheus's text format. Its error names
// the line that can't be read.
func Read(text io.Reader, at time.Time, metrics ...string) (Scrape, error) {
	s := Scrape{At: at}
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(text)
	if err != nil {
		return s, fmt.Errorf("metrics: %w", err)
	}
	for _, metric := range metrics {
		for _, m := range families[metric].GetMetric() {
			s.Series = append(s.Series, Series{Metric: metric, Labels: labelsOf(m), Value: value(m)})
		}
	}
	return s, nil
}

func labelsOf(m *dto.Metric) map[string]string {
	labels := map[string]string{}
	for _, l := range m.GetLabel() {
		labels[l.GetName()] = l.GetValue()
	}
	return labels
}

// value is a counter's or a gauge's, or that of a line whose type is not told.
func value(m *dto.Metric) float64 {
	switch {
	case m.Counter != nil:
		return m.GetCounter().GetValue()
	case m.Gauge != nil:
		return m.GetGauge().GetValue()
	}
	return m.GetUntyped().GetValue()
}
