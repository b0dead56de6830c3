package lab

import (
	"context"
	"io"
	"log/slog"
	"net"
	"testing"
	"time"

	"go.uber.org/goleak"

	"afloat/internal/fault"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var quiet = slog.New(slog.DiscardHandler)

var testLimits = Limits{
	DefaultFor: 2 * time.Minute, MaxFor: 30 * time.Minute,
	DefaultLatency: 2 * time.Second, MaxLatency: 30 * time.Second,
	DefaultRate:  0.3,
	ProbeTimeout: time.Second, ProbeEvery: 5 * time.Second, ConfirmWait: 10 * time.Second,
}

// A dependency is a server in memory, for tests in a synctest bubble. It answers each byte with one.
type dependency struct{ dead chan struct{} }

func newDependency() *dependency { return &dependency{make(chan struct{})} }

// stop makes it fall silent, as SIGSTOP would.
func (d *dependency) stop() { close(d.dead) }

func (d *dependency) dial(context.Context, string, string) (net.Conn, error) {
	client, server := net.Pipe()
	go func() {
		defer server.Close()
		buf := make([]byte, 1)
		for {
			if _, err := io.ReadFull(server, buf); err != nil {
				return
			}
			select {
			case <-d.dead:
				continue // goes on reading, and says nothing
			default:
			}
			if _, err := server.Write(buf); err != nil {
				return
			}
		}
	}()
	return client, nil
}

// wire connects a switchboard to d.
func (d *dependency) wire(name, label string) Wire {
	link := fault.NewLink(name)
	return Wire{Link: link, Label: label, Probe: exchange(link.Dialer(d.dial), []byte("?"), nil, target{"mem", name})}
}

func newSwitchboard(t *testing.T, wires ...Wire) *Switchboard {
	t.Helper()
	s, err := NewSwitchboard(wires, testLimits, quiet)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}
