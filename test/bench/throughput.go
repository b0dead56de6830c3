package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"
)

const (
	hotConns  = 16
	coldConns = 8 // beyond a dozen, readers of one server queue for its bulkheads, as they are meant to
)

// hot measures one article's page that many readers ask for, against peers
// that send the same bytes.
func hot(ctx context.Context, b *bench) error {
	page, err := capture(ctx, b.blog.addr, articlePath(0))
	if err != nil {
		return err
	}
	bare, err := b.startBare(ctx, page)
	if err != nil {
		return err
	}
	defer bare.stop()
	servers := []*process{b.blog, bare, b.twin}
	nginx, err := b.startNginx(ctx, page)
	switch {
	case err != nil:
		return err
	case nginx == nil:
		b.note("nginx is not installed, so it is not compared with; on Debian and Ubuntu: apt-get install nginx-light")
	default:
		defer nginx.stop()
		servers = append(servers, nginx)
	}
	b.note(fmt.Sprintf("the hot page is %d bytes compressed, over %d keep-alive connections", len(page.Body), hotConns))
	for range b.rounds {
		for _, p := range servers {
			if err := b.hotRound(ctx, p); err != nil {
				return fmt.Errorf("%s: %w", p.name, err)
			}
		}
	}
	b.report.aim("hot: at least 0.85 of bare net/http", b.report.ratio("hot", "req/s", "blog", "bare net/http"), atLeast(0.85), "×")
	if nginx != nil {
		b.report.aim("hot: about 0.45 of nginx", b.report.ratio("hot", "req/s", "blog", "nginx"), atLeast(0.45), "×")
	}
	var bars []bar
	for _, p := range servers {
		bars = append(bars, bar{p.name, b.report.value("hot", p.name, "req/s")})
	}
	b.report.charts["hot.svg"] = barChart(fmt.Sprintf("One core sends a hot page %s times a second, bare net/http %s times", number(bars[0].value), number(bars[1].value)), "requests a second", bars)
	return nil
}

func (b *bench) hotRound(ctx context.Context, p *process) error {
	request := getRequest(p.addr, articlePath(0))
	if _, err := closedLoop(ctx, p.addr, hotConns, false, forTime(b.round/5, request)); err != nil { // to warm up
		return err
	}
	used := p.cpu()
	s, err := closedLoop(ctx, p.addr, hotConns, false, forTime(b.round, request))
	if err != nil {
		return err
	}
	if s.failed > 0 {
		return fmt.Errorf("%d of %d answers were not 200", s.failed, s.requests)
	}
	b.addThroughput("hot", p.name, s, p.cpu()-used)
	if p == b.blog {
		b.addMemory("memory", "blog after hot load", p)
	}
	return nil
}

func (b *bench) addThroughput(section, name string, s sample, cpu time.Duration) {
	b.report.add(section, name, "req/s", s.perSecond())
	b.report.add(section, name, "p50-ms", percentile(s.latencies, 50))
	b.report.add(section, name, "p99-ms", percentile(s.latencies, 99))
	if cpu > 0 {
		b.report.add(section, name, "CPU-µs/req", float64(cpu.Microseconds())/float64(s.requests))
		b.report.add(section, name, "req/CPU-s", float64(s.requests)/cpu.Seconds())
		b.report.add(section, name, "load-busy-%", 100*s.busy.Seconds()/s.elapsed.Seconds())
	}
}

// addMemory tells what is resident, and which part of it is what: memory of the
// process's own, and the pages of the program's file that it has touched, which
// every process of the same program shares.
func (b *bench) addMemory(section, name string, p *process) {
	b.report.add(section, name, "MB", p.memory("VmRSS"))
	b.report.add(section, name, "own-MB", p.memory("RssAnon"))
	b.report.add(section, name, "program-MB", p.memory("RssFile"))
}

// cold measures many articles that no cache holds, each asked for once. Redis
// is flushed and the blog restarted before each round; the twin has no caches.
func cold(ctx context.Context, b *bench) error {
	random := rand.New(rand.NewPCG(2, 2))
	for range b.rounds {
		order := random.Perm(b.articles)
		if err := b.restartBlog(ctx); err != nil {
			return err
		}
		if err := taught(ctx, b.recommendations, b.articles); err != nil {
			return err
		}
		for _, p := range []*process{b.blog, b.twin} {
			var requests [][]byte
			for _, i := range order {
				requests = append(requests, getRequest(p.addr, articlePath(i)))
			}
			warm := requests[b.cold : b.cold+b.articles/10] // others, so that pools have filled
			if _, err := closedLoop(ctx, p.addr, coldConns, false, onceEach(warm)); err != nil {
				return fmt.Errorf("%s: %w", p.name, err)
			}
			used := p.cpu()
			s, err := closedLoop(ctx, p.addr, coldConns, true, onceEach(requests[:b.cold]))
			if err != nil {
				return fmt.Errorf("%s: %w", p.name, err)
			}
			b.addThroughput("cold", p.name, s, p.cpu()-used)
			b.report.add("cold", p.name, "incomplete-%", 100*float64(s.failed+s.degraded)/float64(s.requests))
		}
	}
	b.addMemory("memory", "blog after cold load", b.blog)
	b.report.aim("every cache missing: at least 3,000/s a core (of the blog's own processor time)", b.report.value("cold", "blog", "req/CPU-s"), atLeast(3000), "/s")
	b.report.aim("memory: at most 40 MB resident after load", max(b.report.value("memory", "blog after hot load", "MB"), b.report.value("memory", "blog after cold load", "MB")), atMost(40), "MB")
	return nil
}

// taught waits until a recommendations service knows all n articles, so that
// pages are complete.
func taught(ctx context.Context, service *process, n int) error {
	return waitFor(ctx, "the recommendations", time.Minute, func() bool {
		_, err := fetch(ctx, "http://"+service.addr+"/similar/"+slug(n-1))
		return err == nil
	})
}
