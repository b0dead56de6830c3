package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/url"
	"os"
	"path/filepath"
	"time"
)

// growthSections makes an article of about 200 words: a hundred thousand of
// them are to fit on a small disk.
const growthSections = 2

// growth measures a blog of its own at each size. A size that can't be had is a
// finding, and no reason to lose the others.
func growth(ctx context.Context, b *bench) error {
	var bars []bar
	for i, size := range b.sizes {
		g := grown{bench: b, size: size, name: b.sizeName(i)}
		b.say("growth: %s", g.name)
		if err := g.measure(ctx); ctx.Err() != nil {
			return ctx.Err()
		} else if err != nil {
			b.note(g.name + ": " + err.Error())
		}
		for _, kind := range []string{"list", "search-rare", "search-common"} {
			bars = append(bars, bar{g.name + ", " + kind, b.report.value("growth", g.name, kind+"-p50-ms")})
		}
	}
	memory := func(i int) float64 {
		return b.report.value("growth", b.sizeName(i), "MB")
	}
	least, most := memory(0), memory(len(b.sizes)-1)
	bounded := func(got float64) bool { return least > 0 && most > 0 && got <= 4 }
	b.report.aim(fmt.Sprintf("memory at %s posts: at most 4 × that at %d", number(float64(b.sizes[len(b.sizes)-1])), b.sizes[0]), most/max(least, 1), bounded, "×")
	b.report.charts["growth.svg"] = barChart(fmt.Sprintf("A list of a blog of %s takes %s ms, of one of %s posts %s ms",
		b.sizeName(len(b.sizes)-1), number(bars[len(bars)-3].value), number(float64(b.sizes[0])), number(bars[0].value)), "p50, ms", bars)
	return nil
}

func (b *bench) sizeName(i int) string { return number(float64(b.sizes[i])) + " posts" }

// grown is a blog of some size.
type grown struct {
	*bench
	size int
	name string
	env  []string
}

func (g *grown) add(unit string, value float64) { g.report.add("growth", g.name, unit, value) }

func (g *grown) measure(ctx context.Context) error {
	database, err := g.database(ctx, fmt.Sprintf("grown_%d", g.size))
	if err != nil {
		return err
	}
	articles := filepath.Join(g.dir, fmt.Sprintf("articles-%d", g.size))
	if err := g.library.write(articles, g.size, growthSections); err != nil {
		return err
	}
	done, err := g.publish(ctx, articles, database)
	if err != nil {
		return err
	}
	g.add("publish-s", done.took.Seconds())
	g.add("publish-MB", done.memory)
	again, err := g.publish(ctx, articles, database)
	if err != nil {
		return err
	}
	g.add("republish-s", again.took.Seconds())
	if err := os.RemoveAll(articles); err != nil {
		return err
	}
	if err := execSQL(ctx, database, "vacuum analyze posts"); err != nil {
		return err
	}
	if err := g.flushRedis(ctx); err != nil {
		return err
	}
	service, err := g.recommend()
	if err != nil {
		return err
	}
	defer service.stop()
	data := filepath.Join(g.dir, fmt.Sprintf("data-%d", g.size))
	g.env = []string{"DATABASE_URL=" + database, "REDIS_URL=" + g.redis, "RECOMMENDATIONS_URL=http://" + service.addr, "DATA_DIR=" + data, "LAB=off"}
	if err := g.read(ctx, service, filepath.Join(data, "snapshot.jsonl")); err != nil {
		return err
	}
	for range 3 {
		if err := g.oneStart(ctx, "growth", g.name, g.env); err != nil {
			return err
		}
	}
	return nil
}

// read starts the blog, lets its background work end, and then asks for each
// kind of page.
func (g *grown) read(ctx context.Context, service *process, snapshot string) error {
	addr, err := freeAddr()
	if err != nil {
		return err
	}
	p, err := g.startBlog(addr, g.env)
	if err != nil {
		return err
	}
	defer p.stop()
	if _, err := p.until200(ctx, articlePath(0)); err != nil {
		return err
	}
	if err := waitFor(ctx, "the snapshot", 2*time.Minute, func() bool { _, err := os.Stat(snapshot); return err == nil }); err != nil {
		g.note(g.name + ": " + err.Error())
	}
	if err := taught(ctx, service, g.size); err != nil {
		g.note(g.name + ": " + err.Error())
	}
	random := rand.New(rand.NewPCG(3, uint64(g.size)))
	word := func(from, to int) string { return g.library.words[from+random.IntN(to-from)] }
	for _, kind := range []struct {
		name string
		path func(i int) string
	}{
		{"list", func(i int) string { return fmt.Sprintf("/?page=%d", 1+i%(1+g.size/20)) }},
		{"tag", func(i int) string {
			return fmt.Sprintf("/tags/%s?page=%d", tags[i%len(tags)], 1+i/len(tags)%(1+g.size/100))
		}},
		{"article", func(int) string { return articlePath(random.IntN(g.size)) }},
		{"search-rare", func(int) string { return "/search?q=" + url.QueryEscape(word(vocabulary/2, vocabulary)) }},
		{"search-common", func(i int) string { return "/search?q=" + url.QueryEscape(g.library.words[i%5]) }},
		{"archive", func(int) string { return "/archive" }},
	} {
		var requests [][]byte
		for i := range g.perGrowth {
			requests = append(requests, getRequest(p.addr, kind.path(i)))
		}
		s, err := closedLoop(ctx, p.addr, 1, true, onceEach(requests))
		if err != nil {
			return fmt.Errorf("%s: %w", kind.name, err)
		}
		g.add(kind.name+"-p50-ms", percentile(s.latencies, 50))
		g.add(kind.name+"-max-ms", percentile(s.latencies, 100))
		if s.failed+s.degraded > 0 {
			g.note(fmt.Sprintf("%s, %s: of %d pages, %d were not 200 and %d had a degraded part", g.name, kind.name, s.requests, s.failed, s.degraded))
		}
	}
	g.addMemory("growth", g.name, p)
	g.add("most-MB", p.memory("VmHWM"))
	return nil
}
