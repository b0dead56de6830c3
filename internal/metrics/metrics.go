// Package metrics tells Prometheus what the blog did, and what became of its
// parts.
//
// Every label's values are bounded: routes are patterns, never paths; methods,
// states, policies and links are known at start; error classes are bounded by
// telemetry.Recorder. Whoever sends strange requests makes no new series.
package metrics

import (
	"net/http"
	"runtime"
	"runtime/debug"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"afloat/internal/resilience"
)

// Metrics counts what readers got, and collects the rest when it is scraped. It
// implements web.Meter, and is safe for concurrent use.
type Metrics struct {
	registry *prometheus.Registry
	requests *prometheus.CounterVec
	took     *prometheus.HistogramVec
	parts    *prometheus.CounterVec
	postAge  prometheus.Histogram
}

// New makes the metrics of one server, in a registry of its own: the library's
// global one would be shared by all servers of a process, as in a test.
func New(s Sources) (*Metrics, error) {
	m := &Metrics{
		registry: prometheus.NewRegistry(),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "afloat_http_requests_total",
			Help: "Answers by pattern of the route, method and class of the status; none: the reader left before one was sent.",
		}, []string{"route", "method", "outcome"}),
		took: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "afloat_http_request_duration_seconds",
			Help:    "How long answers took, from the first line of the handler to its last byte.",
			Buckets: []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .2, .3, .5, 1, 2.5, 5, 10}, // finest around the page's budget of 0.3
		}, []string{"route"}),
		parts: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "afloat_parts_total",
			Help: "Parts of pages as readers got them, by part, state and the source they came from.",
		}, []string{"part", "state", "source"}),
		postAge: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name:    "afloat_post_age_seconds",
			Help:    "How long ago the served articles had been read from their origin.",
			Buckets: []float64{.1, 1, 2, 5, 15, 60, 300, 1800, 7200, 43200, 86400},
		}),
	}
	build := prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "afloat_build_info", Help: "Always 1; the labels say what was built.",
		ConstLabels: prometheus.Labels{"revision": revision(), "go_version": runtime.Version()},
	})
	build.Set(1)
	for _, c := range []prometheus.Collector{
		m.requests, m.took, m.parts, m.postAge, build, &collector{s},
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
	} {
		if err := m.registry.Register(c); err != nil {
			return nil, err
		}
	}
	return m, nil
}

// Request counts one answer.
func (m *Metrics) Request(route, method string, status int, took time.Duration) {
	m.requests.WithLabelValues(route, method, outcome(status)).Inc()
	m.took.WithLabelValues(route).Observe(took.Seconds())
}

// Part counts one part of a page.
func (m *Metrics) Part(part string, p resilience.Provenance) {
	m.parts.WithLabelValues(part, string(p.State), string(p.Source)).Inc()
	if part == "post" && !p.At.IsZero() {
		m.postAge.Observe(max(0, time.Since(p.At).Seconds()))
	}
}

// Handler answers a scrape. What can't be collected is left out, and the rest
// is answered: half a view is better than none, in an outage most of all.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{ErrorHandling: promhttp.ContinueOnError})
}

func outcome(status int) string {
	if status < 100 || status > 599 {
		return "none"
	}
	return strconv.Itoa(status/100) + "xx"
}

func revision() string {
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" {
				return s.Value
			}
		}
	}
	return "unknown"
}
