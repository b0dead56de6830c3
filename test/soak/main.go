// Command soak reads a blog for a long time while faults come and go, and tells
// whether it leaks: memory and goroutines, each few seconds, with their slope.
//
//	go run ./test/soak -for 20m blog-binary
//
// The blog it starts is the real program, with its own PostgreSQL and Redis, in
// a directory that is removed afterwards. The same seed makes the same faults.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"regexp"
	"sync"
	"syscall"
	"time"

	"afloat/internal/load"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout); err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "soak:", err)
		os.Exit(1)
	}
}

// plan is what one soak does.
type plan struct {
	lasts, every time.Duration // in all, and between two samples
	rate         float64       // readers a second
	seed         uint64        // of readers and faults
}

func run(ctx context.Context, args []string, out io.Writer) (err error) {
	var p plan
	f := flag.NewFlagSet("soak", flag.ContinueOnError)
	f.DurationVar(&p.lasts, "for", 20*time.Minute, "how long readers come")
	f.DurationVar(&p.every, "every", 10*time.Second, "pause between two samples")
	f.Float64Var(&p.rate, "rate", 50, "readers a `second`, at most 200")
	f.Uint64Var(&p.seed, "seed", 1, "of the readers and the faults")
	if err := f.Parse(args); err != nil {
		return err
	}
	if f.NArg() != 1 {
		return errors.New("name the blog's binary: go build -o bin/blog ./cmd/blog && go run ./test/soak bin/blog")
	}
	blog, err := start(ctx, f.Arg(0))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, blog.stop()) }()
	paths, err := load.Discover(ctx, http.DefaultClient, blog.url)
	if err != nil {
		return err
	}
	paths = append(paths, "/", "/archive", "/search?q=retry", "/feed.xml", "/tags/caching")

	fmt.Fprintf(out, "%s for %v, %g readers/s, seed %d\n\n", blog.url, p.lasts, p.rate, p.seed)
	soaking, done := context.WithTimeout(ctx, p.lasts)
	defer done()
	var work sync.WaitGroup
	defer work.Wait()
	work.Go(func() { breakThings(soaking, blog.url, p.seed, out) })
	var samples []sample
	work.Go(func() { samples = blog.watch(soaking, p.every, out) })
	read, err := readers(soaking, p, blog.url, paths)
	done()
	work.Wait()
	if err != nil && !errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	fmt.Fprintf(out, "\n%d requests, %d answered 200 (%.3f %%), %d of them complete; slowest p99 of a minute %v\nstatuses %v, errors %v\n\n",
		read.Requests, read.Success, 100*float64(read.Success)/float64(max(1, read.Requests)), read.Complete, read.P99.Round(time.Millisecond), read.Statuses, read.Errors)
	return report(out, samples)
}

// readers sends the plan's readers a minute at a time, and adds up what they got.
func readers(ctx context.Context, p plan, target string, paths []string) (load.Result, error) {
	sum := load.Result{Statuses: map[int]int{}, Errors: map[string]int{}}
	for minute := uint64(0); ctx.Err() == nil; minute++ {
		r, err := load.Run(ctx, load.Plan{
			Target: target, Rate: p.rate, Duration: time.Minute, Seed: p.seed + minute, Paths: paths, Timeout: 30 * time.Second,
		})
		if err != nil && ctx.Err() == nil {
			return sum, err
		}
		sum.Requests, sum.Success, sum.Complete = sum.Requests+r.Requests, sum.Success+r.Success, sum.Complete+r.Complete
		sum.P99 = max(sum.P99, r.P99)
		for status, n := range r.Statuses {
			sum.Statuses[status] += n
		}
		for class, n := range r.Errors {
			sum.Errors[class] += n
		}
	}
	return sum, nil
}

// process is the blog under test.
type process struct {
	url, dir string
	cmd      *exec.Cmd
	log      *os.File
}

var address = regexp.MustCompile(`Afloat is on (http://\S+)`)

func start(ctx context.Context, binary string) (*process, error) {
	dir, err := os.MkdirTemp("", "afloat-soak-")
	if err != nil {
		return nil, err
	}
	if err := os.Chmod(dir, 0o711); err != nil { // started by root, PostgreSQL runs as another user
		return nil, err
	}
	log, err := os.Create(dir + "/blog.log")
	if err != nil {
		return nil, err
	}
	b := &process{dir: dir, log: log, cmd: exec.Command(binary, "serve")}
	b.cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + os.Getenv("HOME"), "ADDR=127.0.0.1:0", "LAB=on", "DATA_DIR=" + dir + "/data"}
	b.cmd.Stdout, b.cmd.Stderr = log, log
	if err := b.cmd.Start(); err != nil {
		return nil, err
	}
	for range 600 {
		console, err := os.ReadFile(log.Name())
		if found := address.FindSubmatch(console); err == nil && found != nil {
			b.url = string(found[1])
			return b, nil
		}
		select {
		case <-ctx.Done():
			return nil, errors.Join(ctx.Err(), b.stop())
		case <-time.After(100 * time.Millisecond):
		}
	}
	return nil, errors.Join(fmt.Errorf("the blog did not start within a minute: see %s", log.Name()), b.end())
}

// stop ends the blog as Ctrl-C does, and removes what it kept.
func (b *process) stop() error { return errors.Join(b.end(), os.RemoveAll(b.dir)) }

func (b *process) end() error {
	err := b.cmd.Process.Signal(syscall.SIGTERM)
	return errors.Join(err, b.cmd.Wait(), b.log.Close())
}
