package experiments

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"sync"

	"afloat/internal/policy"
)

// A loopback is a small HTTP server of an experiment's own, in this process: an overload of it, or a fault on the way to
// it, concerns nobody else.
type loopback struct {
	url    string
	server *http.Server
	over   chan struct{} // closed when it closes: whoever queues in it must leave

	mu     sync.Mutex // of the two: nobody is added once it waits
	served sync.WaitGroup
	closed bool
}

// listen starts a server. Close it.
func listen(handler func(over <-chan struct{}) http.Handler) (*loopback, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	l := &loopback{url: "http://" + listener.Addr().String(), over: make(chan struct{})}
	inner := handler(l.over)
	l.server = &http.Server{
		ReadHeaderTimeout: policy.LabRig().Patience, // as for any server, though all of this one's callers are ours
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if l.begin() {
				defer l.served.Done()
				inner.ServeHTTP(w, r)
			}
		}),
	}
	go func() { _ = l.server.Serve(listener) }() // ErrServerClosed, when it is closed
	return l, nil
}

// begin counts a request in, and reports whether the server is still there for it.
func (l *loopback) begin() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.closed {
		l.served.Add(1)
	}
	return !l.closed
}

// close ends all connections, and waits for the requests that are in work; its callers have left.
func (l *loopback) close() {
	l.mu.Lock()
	l.closed = true
	l.mu.Unlock()
	close(l.over)
	_ = l.server.Close() // its error is the listener's, which is gone either way
	l.served.Wait()
}

// newLoopbackClient keeps a connection for every caller at once, so that no call waits for one; dial may be nil. Its
// idle connections are to be closed at the end.
func newLoopbackClient(dial func(ctx context.Context, network, addr string) (net.Conn, error)) *http.Client {
	return &http.Client{Transport: &http.Transport{DialContext: dial, MaxIdleConnsPerHost: policy.LabRig().HTTP.MaxIdlePerHost}}
}

// errStatus is an answer other than 200.
var errStatus = errors.New("answered, and not with 200")

// get makes one request, and reads the answer to its end, so that the connection serves again.
func get(ctx context.Context, client *http.Client, url string) (status int, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return 0, err
	}
	res, err := client.Do(req)
	if err != nil {
		return 0, err
	}
	defer res.Body.Close()
	if _, err := io.Copy(io.Discard, res.Body); err != nil {
		return 0, err
	}
	if res.StatusCode != http.StatusOK {
		return res.StatusCode, errStatus
	}
	return res.StatusCode, nil
}
