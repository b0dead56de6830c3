package main

import (
	"context"
	"path/filepath"
)

// start measures from the start of the program to its first whole answer: with
// the stores up, and with nothing listening where they should be. The snapshot
// is there in both.
func start(ctx context.Context, b *bench) error {
	nobody, err := freeAddr()
	if err != nil {
		return err
	}
	down := []string{
		"DATABASE_URL=postgres://afloat@" + nobody + "/afloat?sslmode=disable", "REDIS_URL=redis://" + nobody,
		"RECOMMENDATIONS_URL=http://" + nobody, "DATA_DIR=" + filepath.Join(b.dir, "data"), "LAB=on",
	}
	b.blog.stop() // it holds the data directory
	for range b.starts {
		for _, s := range []struct {
			name string
			env  []string
		}{{"stores up", b.blogEnv(b.postgres)}, {"stores down", down}} {
			if err := b.oneStart(ctx, "start", s.name, s.env); err != nil {
				return err
			}
		}
	}
	b.report.aim("first 200 with the stores up: at most 100 ms", b.report.value("start", "stores up", "first-200-ms"), atMost(100), "ms")
	b.report.aim("first 200 with the stores down: at most 300 ms", b.report.value("start", "stores down", "first-200-ms"), atMost(300), "ms")
	return b.restartBlog(ctx)
}

func (b *bench) oneStart(ctx context.Context, section, name string, env []string) error {
	addr, err := freeAddr()
	if err != nil {
		return err
	}
	p, err := b.startBlog(addr, env)
	if err != nil {
		return err
	}
	defer p.stop()
	took, err := p.until200(ctx, articlePath(1))
	if err != nil {
		return err
	}
	b.report.add(section, name, "first-200-ms", ms(took))
	return nil
}
