package main

import (
	"context"
	"fmt"
	"slices"
	"time"
)

const (
	warmPages    = 20    // the last of the articles, which readers come back to
	warmRate     = 200.0 // readers a second
	uncachedRate = 60.0  // readers a second, each of an article that nobody has read
)

var links = []string{"postgres", "redis", "recommendations"}

// faults measures readers of warm pages under each fault, right after readers
// without one; and readers of uncached pages until the breakers open, and after.
func faults(ctx context.Context, b *bench) error {
	if err := b.restartBlog(ctx); err != nil {
		return err
	}
	if err := taught(ctx, b.recommendations, b.articles); err != nil {
		return err
	}
	warm := func(i int) string { return articlePath(b.articles - 1 - i%warmPages) }
	openLoop(ctx, b.blog.addr, warmRate, time.Second, warm)
	next := 0
	for _, link := range links {
		for _, kind := range b.kinds {
			f := fault{bench: b, link: link, kind: kind, warm: warm, next: next}
			if err := f.measure(ctx); err != nil {
				return fmt.Errorf("%s %s: %w", link, kind, err)
			}
			next = f.next
		}
	}
	return b.judgeFaults()
}

// fault is one measurement. next is the first article that nobody has read.
type fault struct {
	*bench
	link, kind string
	warm       func(i int) string
	next       int
}

func (f *fault) measure(ctx context.Context) error {
	name := f.link + " " + f.kind
	f.addShots("healthy before "+name, "warm-", openLoop(ctx, f.blog.addr, warmRate, f.faultFor, f.warm))
	before, err := f.changes(ctx)
	if err != nil {
		return err
	}
	watching, stop := context.WithTimeout(ctx, f.faultFor)
	defer stop()
	opened := make(chan time.Duration, 1)
	go func() {
		if took, ok := f.untilOpen(watching, f.link, before); ok {
			opened <- took
		}
		close(opened)
	}()
	set := make(chan error, 1)
	go func() { set <- f.setFault(ctx, f.link, f.kind) }()
	first := f.next
	f.next += int(uncachedRate * f.faultFor.Seconds())
	if f.next > f.articles-warmPages {
		return fmt.Errorf("there are too few articles that nobody has read: %d", f.articles)
	}
	shots := openLoop(ctx, f.blog.addr, uncachedRate, f.faultFor, func(i int) string { return articlePath(first + i) })
	if err := <-set; err != nil {
		return err
	}
	f.addUncached(name, shots, opened)
	f.addShots(name, "warm-", openLoop(ctx, f.blog.addr, warmRate, f.faultFor, f.warm))
	if err := f.clearFault(ctx, f.link); err != nil {
		return err
	}
	return f.heal(ctx)
}

// addUncached splits readers of uncached pages at the moment at which the
// breakers opened.
func (f *fault) addUncached(name string, shots []shot, opened <-chan time.Duration) {
	cut := len(shots)
	if took, ok := <-opened; ok {
		f.report.add("faults", name, "breaker-open-ms", ms(took))
		cut = slices.IndexFunc(append(shots, shot{at: patience}), func(s shot) bool { return s.at > took })
	}
	f.report.add("faults", name, "uncached-before-max-ms", percentile(latencies(shots[:cut]), 100))
	if cut < len(shots) {
		f.addShots(name, "uncached-after-", shots[cut:])
	}
}

func (b *bench) addShots(name, prefix string, shots []shot) {
	b.report.add("faults", name, prefix+"p50-ms", percentile(latencies(shots), 50))
	b.report.add("faults", name, prefix+"p99-ms", percentile(latencies(shots), 99))
	failed := 0
	for _, s := range shots {
		if !s.answered {
			failed++
		}
	}
	if failed > 0 {
		b.report.add("faults", name, prefix+"failed-%", 100*float64(failed)/float64(len(shots)))
	}
}

// heal gives the breakers and pools the two seconds they need.
func (f *fault) heal(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(2 * time.Second):
	}
	openLoop(ctx, f.blog.addr, warmRate, time.Second/2, f.warm)
	return nil
}

// judgeFaults sets the worst of each kind beside its aim. A single healthy
// round is as noisy as what it is compared with, so their median stands for it.
func (b *bench) judgeFaults() error {
	var healthy []float64
	var warm, before, after float64
	bars := []bar{}
	for _, link := range links {
		for _, kind := range b.kinds {
			name := link + " " + kind
			healthy = append(healthy, b.report.value("faults", "healthy before "+name, "warm-p99-ms"))
			p99 := b.report.value("faults", name, "warm-p99-ms")
			bars = append(bars, bar{name, p99})
			warm = max(warm, p99)
			before = max(before, b.report.value("faults", name, "uncached-before-max-ms"))
			after = max(after, b.report.value("faults", name, "uncached-after-p99-ms"))
		}
	}
	base := median(healthy)
	bars = append([]bar{{"healthy", base}}, bars...)
	b.report.aim("warm pages, p99 under the worst fault: at most 1.5 × healthy", warm/base, atMost(1.5), "×")
	b.report.aim("uncached pages, slowest until the breaker opens: at most 300 ms", before, atMost(300), "ms")
	b.report.aim("uncached pages, p99 of the worst fault once it is open: at most 10 ms", after, atMost(10), "ms")
	b.report.charts["faults.svg"] = barChart(fmt.Sprintf("Warm pages: the worst fault makes the p99 %s times the healthy one", number(warm/base)), "p99, ms", bars)
	return nil
}
