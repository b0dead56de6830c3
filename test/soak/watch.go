package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"
)

// measures are what is watched, by the name of its metric.
var measures = []struct {
	metric, name string
	unit         float64
}{
	{"process_resident_memory_bytes", "resident MB", 1e6},
	{"go_memstats_heap_inuse_bytes", "heap MB", 1e6},
	{"go_goroutines", "goroutines", 1},
	{"process_open_fds", "open files", 1},
}

// sample is the value of each measure at one time.
type sample struct {
	at     time.Duration // since the start
	values []float64
}

// watch takes a sample at each tick until ctx ends.
func (b *process) watch(ctx context.Context, every time.Duration, out io.Writer) []sample {
	var all []sample
	began := time.Now()
	for pause(ctx, every) {
		s, err := b.sample(ctx)
		if err != nil {
			if ctx.Err() == nil {
				fmt.Fprintf(out, "  no sample: %v\n", err)
			}
			continue
		}
		s.at = time.Since(began)
		all = append(all, s)
		fmt.Fprintf(out, "%6s", s.at.Truncate(time.Second))
		for i, m := range measures {
			fmt.Fprintf(out, "  %s %.1f", m.name, s.values[i])
		}
		fmt.Fprintln(out)
	}
	return all
}

func (b *process) sample(ctx context.Context) (sample, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, b.url+"/metrics", nil)
	if err != nil {
		return sample{}, err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return sample{}, err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		return sample{}, err
	}
	var s sample
	for _, m := range measures {
		_, rest, _ := strings.Cut("\n"+string(text), "\n"+m.metric+" ")
		value, _, _ := strings.Cut(rest, "\n")
		v, err := strconv.ParseFloat(value, 64)
		if err != nil {
			return sample{}, fmt.Errorf("/metrics tells no %s", m.metric)
		}
		s.values = append(s.values, v/m.unit)
	}
	return s, nil
}

// report tells how each measure went. The slope leaves out the first fifth:
// caches that fill are no leak.
func report(out io.Writer, all []sample) error {
	if len(all) < 3 {
		return errors.New("too few samples to say anything: soak for longer, or sample more often")
	}
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(table, "\tfirst\tmin\tmedian\tmax\tlast\tslope an hour\t")
	settled := all[len(all)/5:]
	for i, m := range measures {
		var values []float64
		for _, s := range all {
			values = append(values, s.values[i])
		}
		sorted := slices.Sorted(slices.Values(values))
		fmt.Fprintf(table, "%s\t%.1f\t%.1f\t%.1f\t%.1f\t%.1f\t%+.1f\t\n", m.name,
			values[0], sorted[0], sorted[len(sorted)/2], sorted[len(sorted)-1], values[len(values)-1], slope(settled, i))
	}
	return table.Flush()
}

// slope is the growth of a measure in an hour: least squares, over time.
func slope(all []sample, i int) float64 {
	var n, x, y, xx, xy float64
	for _, s := range all {
		at, v := s.at.Hours(), s.values[i]
		n, x, y, xx, xy = n+1, x+at, y+v, xx+at*at, xy+at*v
	}
	if d := n*xx - x*x; d != 0 {
		return (n*xy - x*y) / d
	}
	return 0
}
