package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/redis/go-redis/v9"

	"afloat/internal/local"
)

// fleet is the blog, its naive twin and what they depend on, on this machine.
type fleet struct {
	dir, binary     string
	home            *local.Home
	postgres, redis string // URLs
	flushRedis      func(context.Context) error
	library         *library
	recommendations *process
	blog, twin      *process
	twinAddr        string
}

// articleSections makes an article of about 600 words, with a piece of code.
const articleSections = 6

func startFleet(ctx context.Context, p plan, binary string, note func(string)) (f *fleet, err error) {
	f = &fleet{library: newLibrary(), binary: binary}
	defer func() {
		if err != nil {
			err = errors.Join(err, f.close())
		}
	}()
	if f.dir, err = os.MkdirTemp("", "afloat-bench-"); err != nil {
		return f, err
	}
	if err := os.Chmod(f.dir, 0o711); err != nil { // the servers' own user goes through it when we are root
		return f, err
	}
	if f.binary == "" {
		f.binary = filepath.Join(f.dir, "blog")
		if out, err := exec.CommandContext(ctx, "go", "build", "-o", f.binary, "./cmd/blog").CombinedOutput(); err != nil {
			return f, fmt.Errorf("go build: %w\n%s", err, out)
		}
	} else {
		note("measured program: " + binary)
	}
	f.home, err = local.Open(f.dir, local.Policy{
		StartTimeout: time.Minute, StopTimeout: 20 * time.Second, ReadyEvery: 10 * time.Millisecond,
		RestartBase: time.Second, RestartCap: time.Second, StableAfter: time.Second,
	}, slog.New(slog.DiscardHandler))
	if err != nil {
		return f, err
	}
	if f.postgres, err = f.home.Postgres(ctx); err != nil {
		return f, err
	}
	if f.redis, err = f.home.Redis(ctx); err != nil {
		return f, err
	}
	options, err := redis.ParseURL(f.redis)
	if err != nil {
		return f, err
	}
	client := redis.NewClient(options)
	f.flushRedis = func(ctx context.Context) error { return client.FlushAll(ctx).Err() }

	articles := filepath.Join(f.dir, "articles")
	if err := f.library.write(articles, p.articles, articleSections); err != nil {
		return f, err
	}
	if _, err := f.publish(ctx, articles, f.postgres); err != nil {
		return f, err
	}
	if err := f.comment(ctx, f.postgres); err != nil {
		return f, err
	}
	if f.recommendations, err = f.recommend(); err != nil {
		return f, err
	}
	return f, f.startBlogs(ctx)
}

// recommend starts a recommendations service.
func (f *fleet) recommend() (*process, error) {
	addr, err := freeAddr()
	if err != nil {
		return nil, err
	}
	return startProcess("recommendations", addr, f.command("recommend", "ADDR="+addr))
}

// startBlogs starts the blog and the twin, and waits until both serve and the
// blog has saved its snapshot.
func (f *fleet) startBlogs(ctx context.Context) (err error) {
	if f.twinAddr, err = freeAddr(); err != nil {
		return err
	}
	addr, err := freeAddr()
	if err != nil {
		return err
	}
	if f.blog, err = f.startBlog(addr, f.blogEnv(f.postgres)); err != nil {
		return err
	}
	if _, err = f.blog.until200(ctx, articlePath(0)); err != nil {
		return err
	}
	twin := f.command("serve", "ADDR="+f.twinAddr, "DATABASE_URL="+f.postgres, "REDIS_URL="+f.redis, "RECOMMENDATIONS_URL=http://"+f.recommendations.addr, "LAB=on")
	twin.Args = append(twin.Args, "-policies", "naive", "-follow", "http://"+f.blog.addr+"/lab/faults")
	if f.twin, err = startProcess("twin", f.twinAddr, onServerCore(twin)); err != nil {
		return err
	}
	if _, err = f.twin.until200(ctx, articlePath(0)); err != nil {
		return err
	}
	return waitFor(ctx, "the snapshot", time.Minute, func() bool {
		_, err := os.Stat(filepath.Join(f.dir, "data", "snapshot.jsonl"))
		return err == nil
	})
}

// blogEnv is the blog's configuration with every dependency in place.
func (f *fleet) blogEnv(postgres string) []string {
	return []string{"DATABASE_URL=" + postgres, "REDIS_URL=" + f.redis, "RECOMMENDATIONS_URL=http://" + f.recommendations.addr, "DATA_DIR=" + filepath.Join(f.dir, "data"), "LAB=on"}
}

// startBlog starts the blog, on the server's core. The lab is on, as it is for
// everybody who runs `make run`; its twin runs already.
func (f *fleet) startBlog(addr string, env []string) (*process, error) {
	_, twinPort, err := net.SplitHostPort(f.twinAddr)
	if err != nil {
		return nil, err
	}
	cmd := f.command("serve", append(env, "ADDR="+addr)...)
	cmd.Args = append(cmd.Args, "-twin", twinPort)
	return startProcess("blog", addr, onServerCore(cmd))
}

// restartBlog empties Redis and the blog's memory. Its port stays, as the twin
// follows it there.
func (f *fleet) restartBlog(ctx context.Context) (err error) {
	f.blog.stop()
	if err := f.flushRedis(ctx); err != nil {
		return err
	}
	if f.blog, err = f.startBlog(f.blog.addr, f.blogEnv(f.postgres)); err != nil {
		return err
	}
	_, err = f.blog.until200(ctx, articlePath(0))
	return err
}

func (f *fleet) command(name string, env ...string) *exec.Cmd {
	cmd := exec.Command(f.binary, name)
	cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + os.Getenv("HOME")}, env...)
	return cmd
}

func (f *fleet) close() error {
	for _, p := range []*process{f.blog, f.twin, f.recommendations} {
		if p != nil {
			p.stop()
		}
	}
	var err error
	if f.home != nil {
		err = f.home.Close(context.Background())
	}
	return errors.Join(err, os.RemoveAll(f.dir))
}
