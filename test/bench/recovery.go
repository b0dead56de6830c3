package main

import (
	"context"
	"fmt"
	"time"
)

// bucket is how finely the time is divided.
const bucket = 250 * time.Millisecond

// recovery measures readers of uncached pages while PostgreSQL hangs, and for
// how long after that they still wait: the tail of whatever has piled up.
func recovery(ctx context.Context, b *bench) error {
	var lines []line
	tails := map[string]float64{}
	for _, name := range []string{"blog", "twin"} {
		if err := b.restartBlog(ctx); err != nil {
			return err
		}
		if err := taught(ctx, b.recommendations, b.articles); err != nil {
			return err
		}
		p := b.blog
		if name == "twin" {
			p = b.twin
		}
		l, tail, err := b.throughHang(ctx, p)
		if err != nil {
			return err
		}
		l.name = name
		lines, tails[name] = append(lines, l), tail
		b.report.add("recovery", name, "tail-ms", tail)
	}
	b.report.aim("backlog tail after a hang: none (within one bucket of 250 ms)", tails["blog"], atMost(ms(bucket)), "ms")
	b.report.charts["recovery.svg"] = lineChart(
		fmt.Sprintf("Once PostgreSQL answers again, the blog's readers wait on for %s ms, the twin's for %s ms", number(tails["blog"]), number(tails["twin"])),
		"s", "slowest reader, ms", lines, b.hangs[0].Seconds(), (b.hangs[0] + b.hangs[1]).Seconds())
	return nil
}

// throughHang sends readers before, during and after a hang. The tail lasts
// from its end until readers are as fast again as nine in ten were before.
func (b *bench) throughHang(ctx context.Context, p *process) (line, float64, error) {
	before, hang, after := b.hangs[0], b.hangs[1], b.hangs[2]
	total := before + hang + after
	rate := float64(b.articles) / total.Seconds() // so that no article is read twice
	moved := make(chan error, 1)
	began := time.Now()
	var healed time.Duration
	go func() {
		moved <- func() error {
			time.Sleep(before)
			set := make(chan error, 1)
			go func() { set <- b.setFault(ctx, "postgres", "hang") }() // answers once it is verified
			time.Sleep(hang)
			if err := <-set; err != nil {
				return err
			}
			healed = time.Since(began)
			return b.clearFault(ctx, "postgres")
		}()
	}()
	shots := openLoop(ctx, p.addr, rate, total, articlePath)
	if err := <-moved; err != nil {
		return line{}, 0, err
	}
	slowest := map[time.Duration]time.Duration{}
	var healthy []time.Duration
	for _, s := range shots {
		at := s.at.Truncate(bucket)
		slowest[at] = max(slowest[at], s.latency)
		if s.at < before {
			healthy = append(healthy, s.latency)
		}
	}
	const noise = 20.0 // ms; a busy machine takes that now and then
	calm := max(noise, 2*percentile(healthy, 100))
	var l line
	tail := 0.0
	for at := time.Duration(0); at < total; at += bucket {
		l.points = append(l.points, point{at.Seconds(), ms(slowest[at])})
		if at >= healed && ms(slowest[at]) > calm {
			tail = ms(at + bucket - healed)
		}
	}
	b.report.add("recovery", p.name, "slowest-healthy-ms", percentile(healthy, 100))
	return l, tail, nil
}
