package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"afloat/internal/local"
	"afloat/internal/testenv"
)

// TestRestartsLoseNoRequest: two blogs behind a balancer are restarted one
// after the other, under readers that never pause, and none of them notices.
func TestRestartsLoseNoRequest(t *testing.T) {
	database, cache := testenv.Postgres(t), testenv.Redis(t)
	servers := []*replica{startReplica(t, database, cache), startReplica(t, database, cache)}
	b := &balancer{client: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 16}}}
	for _, s := range servers {
		b.backends = append(b.backends, &backend{url: s.url})
	}
	watching, stop := context.WithCancel(t.Context())
	var background sync.WaitGroup
	t.Cleanup(func() { stop(); background.Wait(); b.client.CloseIdleConnections() })
	for _, backend := range b.backends {
		background.Go(func() { b.watch(watching, backend) })
	}
	eventually(t, "both are ready", func() bool { return b.backends[0].ready.Load() && b.backends[1].ready.Load() })

	paths := []string{"/", "/archive", "/feed.xml"}
	for _, a := range shipped(t) {
		paths = append(paths, "/posts/"+a.Slug)
	}
	var asked, failed atomic.Int64
	for reader := range 4 {
		background.Go(func() {
			for i := reader; watching.Err() == nil; i++ {
				asked.Add(1)
				if err := b.get(t.Context(), paths[i%len(paths)]); err != nil {
					failed.Add(1)
					t.Error(err)
				}
				time.Sleep(10 * time.Millisecond)
			}
		})
	}
	for i, s := range servers {
		before := b.backends[1-i].served.Load()
		s.stop(t)
		if b.backends[i].ready.Load() {
			t.Errorf("the balancer never noticed that %s was about to stop", s.url)
		}
		if b.backends[1-i].served.Load() == before {
			t.Errorf("nobody read while %s was away: the test shows nothing", s.url)
		}
		s.start(t)
		eventually(t, "it is back behind the balancer", func() bool { return b.backends[i].ready.Load() })
		back := b.backends[i].served.Load()
		eventually(t, "it is read again", func() bool { return b.backends[i].served.Load() > back })
	}
	stop()
	background.Wait()
	t.Logf("%d requests, %d failed, %d sent again to the other server", asked.Load(), failed.Load(), b.again.Load())
}

// replica is a blog on a port that it keeps, and that other machines could reach.
type replica struct {
	url     string
	environ []string
	cmd     *exec.Cmd
	console *output
}

func startReplica(t *testing.T, database, cache string) *replica {
	t.Helper()
	port, err := local.FreePort()
	if err != nil {
		t.Fatal(err)
	}
	r := &replica{url: fmt.Sprintf("http://127.0.0.1:%d", port), environ: []string{
		fmt.Sprintf("ADDR=0.0.0.0:%d", port), "DATABASE_URL=" + database, "REDIS_URL=" + cache,
		"RECOMMENDATIONS_URL=" + nowhere(t, "http"), "DATA_DIR=" + dataDir(t),
	}}
	r.start(t)
	return r
}

func (r *replica) start(t *testing.T) {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	r.cmd, r.console = program(t, exe, r.environ...)
}

// stop ends it as a restart does, and waits until it has ended by itself.
func (r *replica) stop(t *testing.T) {
	t.Helper()
	if err := r.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := r.cmd.Wait(); err != nil {
		t.Errorf("it did not end well: %v\n%s", err, r.console)
	}
}

// balancer sends each request to one of the servers that are ready. It sends it
// again only if that was refused, so that nothing can have been done twice.
type balancer struct {
	client      *http.Client
	backends    []*backend
	next, again atomic.Int64
}

type backend struct {
	url    string
	ready  atomic.Bool
	served atomic.Int64
}

// watch probes once a second, as balancers do.
func (b *balancer) watch(ctx context.Context, to *backend) {
	for ctx.Err() == nil {
		probing, cancel := context.WithTimeout(ctx, time.Second)
		err := b.ask(probing, to.url+"/readyz")
		cancel()
		to.ready.Store(err == nil)
		select {
		case <-ctx.Done():
		case <-time.After(time.Second):
		}
	}
}

func (b *balancer) get(ctx context.Context, path string) error {
	refused := errors.New("no server is ready")
	first := b.next.Add(1)
	for i := range b.backends {
		to := b.backends[(first+int64(i))%int64(len(b.backends))]
		if !to.ready.Load() {
			continue
		}
		err := b.ask(ctx, to.url+path)
		if err == nil {
			to.served.Add(1)
		}
		if !errors.Is(err, syscall.ECONNREFUSED) {
			return err
		}
		b.again.Add(1)
		refused = err
	}
	return refused
}

// ask sends one request, and wants all of its answer.
func (b *balancer) ask(ctx context.Context, url string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	res, err := b.client.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if _, err := io.Copy(io.Discard, res.Body); err != nil {
		return fmt.Errorf("%s broke off: %w", url, err)
	}
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s", url, res.Status)
	}
	return nil
}
