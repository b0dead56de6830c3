package fault

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

func TestHealthyLinkPassesThrough(t *testing.T) {
	l, s := testLink(t), newServer(t)
	client, peer := s.dial(t, l)
	write(t, client, "ping")
	read(t, peer, "ping")
	write(t, peer, "pong")
	read(t, client, "pong")
	client.SetReadDeadline(soon())
	wantTimeout(t, "read", readByte(client))
	client.SetReadDeadline(time.Time{})
	peer.Close()
	if err := readByte(client); err != io.EOF {
		t.Fatalf("got %v, want EOF", err)
	}
}

func TestRefuse(t *testing.T) {
	l, s := testLink(t), newServer(t)
	blocked, peer := s.dial(t, l)
	idle, idlePeer := s.dial(t, l)
	woken := blockedRead(blocked)

	l.Set(Fault{Kind: Refuse})
	wantErrno(t, "read", <-woken, syscall.ECONNRESET)
	_, err := idle.Write([]byte("ping"))
	wantErrno(t, "write", err, syscall.ECONNRESET)
	wantErrno(t, "read", readByte(idle), syscall.ECONNRESET)
	wantErrno(t, "read", readByte(idlePeer), syscall.ECONNRESET) // a real RST
	if err := readByte(peer); err == nil {
		t.Fatal("the peer's connection is still open")
	}
	if err := idle.SetDeadline(soon()); err != nil {
		t.Errorf("SetDeadline: %v", err)
	}
	_, err = l.Dialer(dialer)(t.Context(), "tcp", s.addr)
	wantErrno(t, "dial", err, syscall.ECONNREFUSED)
	if want := "dial tcp " + s.addr + ": connect: connection refused"; err.Error() != want {
		t.Errorf("got %q, want the kernel's %q", err, want)
	}

	l.Clear()
	wantErrno(t, "read", readByte(idle), syscall.ECONNRESET) // the dead stay dead
	_, err = idle.Write([]byte("ping"))
	wantErrno(t, "write", err, syscall.ECONNRESET)
	if err := idle.Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
	client, peer := s.dial(t, l)
	write(t, client, "ping")
	read(t, peer, "ping")
}

func TestRefuseWhileDialing(t *testing.T) {
	l, s := testLink(t), newServer(t)
	dial := l.Dialer(func(ctx context.Context, network, addr string) (net.Conn, error) {
		conn, err := dialer(ctx, network, addr)
		l.Set(Fault{Kind: Refuse})
		return conn, err
	})
	_, err := dial(t.Context(), "tcp", s.addr)
	wantErrno(t, "dial", err, syscall.ECONNREFUSED)
	(<-s.accepted).Close()
}

func TestReset(t *testing.T) {
	l, s := testLink(t), newServer(t)
	live, _ := s.dial(t, l)
	woken := blockedRead(live)

	l.Set(Fault{Kind: Reset})
	wantErrno(t, "read", <-woken, syscall.ECONNRESET)
	fresh, peer := s.dial(t, l)
	write(t, fresh, "ping")
	wantErrno(t, "read", readByte(fresh), syscall.ECONNRESET)
	read(t, peer, "ping") // carried out, perhaps: that is what the client can't know

	l.Clear()
	wantErrno(t, "read", readByte(fresh), syscall.ECONNRESET)
	client, peer := s.dial(t, l)
	write(t, client, "ping")
	read(t, peer, "ping")
}

func TestFlakyDrawsEachExchangeOnce(t *testing.T) {
	l, s := testLink(t, 0.30, 0.31, 0.29), newServer(t)
	l.Set(Fault{Kind: Flaky, Rate: 0.3})
	client, peer := s.dial(t, l) // not drawn
	for range 2 {
		write(t, client, "pi") // drawn
		write(t, client, "ng") // the same exchange
		read(t, peer, "ping")
		write(t, peer, "pong")
		read(t, client, "po")
		read(t, client, "ng")
	}
	write(t, client, "ping") // 0.29
	wantErrno(t, "read", readByte(client), syscall.ECONNRESET)
	_, err := client.Write([]byte("more"))
	wantErrno(t, "write", err, syscall.ECONNRESET)
	read(t, peer, "ping")
	if err := readByte(peer); err == nil {
		t.Error("the peer's connection is still open")
	}
}

func TestFlakyWakesABlockedRead(t *testing.T) {
	l, s := testLink(t, 0.1), newServer(t)
	client, _ := s.dial(t, l)
	woken := blockedRead(client)
	l.Set(Fault{Kind: Flaky, Rate: 0.3})
	write(t, client, "ping")
	wantErrno(t, "read", <-woken, syscall.ECONNRESET)
}

func TestHangHoldsReads(t *testing.T) {
	l, s := testLink(t), newServer(t)
	client, peer := s.dial(t, l)
	client.SetReadDeadline(time.Now().Add(time.Hour)) // must survive the kick
	woken := blockedRead(client)

	l.Set(Fault{Kind: Hang})
	write(t, peer, "pong")
	select {
	case err := <-woken:
		t.Fatalf("a Read on a link that hangs returned %v", err)
	case <-time.After(20 * time.Millisecond): // nothing can be waited for where nothing must happen
	}
	l.Clear()
	if err := <-woken; err != nil {
		t.Fatal(err)
	}
	read(t, client, "ong")

	l.Set(Fault{Kind: Hang})
	write(t, peer, "more")
	client.SetReadDeadline(soon())
	wantTimeout(t, "read", readByte(client))
	client.SetReadDeadline(time.Time{})
	held := make(chan error)
	go func() { held <- readByte(client) }()
	client.SetReadDeadline(longAgo) // as pgx cancels
	wantTimeout(t, "read", <-held)
	client.SetReadDeadline(time.Time{})
	l.Clear()
	read(t, client, "more") // kept for later

	l.Set(Fault{Kind: Hang})
	client.SetReadDeadline(soon())
	l.Clear()
	wantTimeout(t, "read", readByte(client)) // the client's deadline outlives the fault
	client.SetReadDeadline(time.Time{})

	l.Set(Fault{Kind: Hang})
	go func() { held <- readByte(client) }()
	client.Close()
	if err := <-held; !errors.Is(err, net.ErrClosed) {
		t.Fatalf("got %v, want what the client's own Close gives", err)
	}
}

// A Read may get bytes in the moment in which it is kicked. If its deadline ends before the fault does they are the
// next Read's.
func TestEarlyBytesComeFirst(t *testing.T) {
	l := testLink(t)
	client, peer := pipe(t, l)
	defer client.Close()
	defer peer.Close()
	l.Set(Fault{Kind: Hang})
	client.(*conn).early = []byte("early")
	client.SetReadDeadline(soon())
	wantTimeout(t, "read", readByte(client))
	client.SetReadDeadline(time.Time{})
	l.Clear()
	go io.WriteString(peer, "late")
	read(t, client, "earlylate")
	if kind := client.(*conn).state.Load().Kind; kind != "" {
		t.Errorf("the connection is still %s", kind)
	}
}

func TestHangTakesWritesAndDeliversThemInOrder(t *testing.T) {
	l, s := testLink(t), newServer(t)
	client, peer := s.dial(t, l)
	l.Set(Fault{Kind: Hang})
	client.SetWriteDeadline(soon()) // over before the hang is
	var sent bytes.Buffer
	chunk := make([]byte, 1000)
	for i := 0; ; i++ {
		for j := range chunk {
			chunk[j] = byte(i + j)
		}
		n, err := client.Write(chunk)
		sent.Write(chunk[:n])
		if err != nil {
			wantTimeout(t, "write", err)
			break
		}
	}
	if sent.Len() != sendBuffer {
		t.Errorf("took %d bytes, want %d", sent.Len(), sendBuffer)
	}
	peer.SetReadDeadline(soon())
	wantTimeout(t, "read", readByte(peer))
	peer.SetReadDeadline(time.Time{})

	l.Clear()
	got := make([]byte, sent.Len())
	if _, err := io.ReadFull(peer, got); err != nil || !bytes.Equal(got, sent.Bytes()) {
		t.Fatalf("lost or reordered, %v", err)
	}
	_, err := client.Write(chunk)
	wantTimeout(t, "write", err) // the client's deadline is still the past one
	client.SetWriteDeadline(time.Time{})

	l.Set(Fault{Kind: Hang})
	write(t, client, "head")
	tail := bytes.Repeat([]byte("tail"), 100_000) // has to wait for room, then for the drain
	done := make(chan error)
	go func() {
		_, err := client.Write(tail)
		done <- err
	}()
	l.Set(Fault{Kind: Hang, Until: time.Now().Add(time.Hour)}) // a longer hang is the same hang
	l.Clear()
	read(t, peer, "head"+string(tail))
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	write(t, client, "end")
	read(t, peer, "end")
}

func TestHangThenResetDropsWhatWasHeld(t *testing.T) {
	l, s := testLink(t), newServer(t)
	client, peer := s.dial(t, l)
	l.Set(Fault{Kind: Hang})
	write(t, client, "ping")
	l.Set(Fault{Kind: Reset})
	wantErrno(t, "read", readByte(client), syscall.ECONNRESET)
	wantErrno(t, "read", readByte(peer), syscall.ECONNRESET)
}

func TestHangHoldsDials(t *testing.T) {
	l, s := testLink(t), newServer(t)
	l.Set(Fault{Kind: Hang})
	dial := l.Dialer(dialer)
	ctx, cancel := context.WithDeadline(t.Context(), soon())
	defer cancel()
	_, err := dial(ctx, "tcp", s.addr)
	opError := new(net.OpError)
	if !errors.As(err, &opError) || !opError.Timeout() || !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("got %v, want the timeout of a net.Dialer", err)
	}
	ctx, cancel = context.WithCancel(t.Context())
	cancel()
	if _, err := dial(ctx, "tcp", s.addr); !errors.Is(err, context.Canceled) {
		t.Fatalf("got %v, want the cancellation", err)
	}
	done := make(chan net.Conn)
	go func() {
		conn, _ := dial(t.Context(), "tcp", s.addr)
		done <- conn
	}()
	l.Clear()
	client, peer := <-done, <-s.accepted
	defer client.Close()
	defer peer.Close()
	write(t, client, "ping")
	read(t, peer, "ping")
}

// pipe returns both ends of an in-memory connection through l, for tests in a synctest bubble.
func pipe(t *testing.T, l *Link) (client, peer net.Conn) {
	t.Helper()
	inner, peer := net.Pipe()
	client, err := l.Dialer(func(context.Context, string, string) (net.Conn, error) { return inner, nil })(t.Context(), "tcp", "pipe")
	if err != nil {
		t.Fatal(err)
	}
	return client, peer
}

func TestSlowDelaysEachExchangeOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := testLink(t, 0.5, 0, 1, 0.5, 0.5) // a draw of 0 is the least jitter, of 1 the most
		l.Set(Fault{Kind: Slow, Latency: 2 * time.Second, Jitter: 500 * time.Millisecond})
		start := time.Now()
		lap := func(what string, want time.Duration) {
			t.Helper()
			if got := time.Since(start).Round(time.Millisecond); got != want {
				t.Errorf("%s took %v, want %v", what, got, want)
			}
			start = time.Now()
		}
		client, peer := pipe(t, l)
		lap("dial", 2*time.Second)
		go echo(peer)
		for _, want := range []time.Duration{1500 * time.Millisecond, 2500 * time.Millisecond} {
			write(t, client, "pi")
			write(t, client, "ng\n")
			lap("request", 0)
			read(t, client, "pi")
			lap("first half of the reply", want)
			read(t, client, "ng\n")
			lap("second half of the reply", 0)
		}
		write(t, client, "ping\n")
		time.Sleep(5 * time.Second)
		start = time.Now()
		read(t, client, "ping\n")
		lap("reply that has waited long enough", 0)

		write(t, client, "ping\n")
		client.SetReadDeadline(time.Now().Add(time.Second))
		wantTimeout(t, "read", readByte(client))
		lap("deadline", time.Second)
		client.SetReadDeadline(time.Time{})
		read(t, client, "ping\n")
		lap("the rest of the latency", time.Second)

		write(t, client, "ping\n")
		go func() {
			time.Sleep(300 * time.Millisecond)
			l.Clear()
		}()
		read(t, client, "ping\n")
		lap("exchange cut short by the fault's end", 300*time.Millisecond)
		client.Close()
		synctest.Wait()
	})
}

// A client such as net/http reads in the background, before it writes.
func TestSlowHoldsAReadThatWasBlockedBefore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := testLink(t)
		client, peer := pipe(t, l)
		go echo(peer)
		replied := make(chan time.Time)
		go func() {
			for range 3 {
				read(t, client, "ping\n")
				replied <- time.Now()
			}
		}()
		synctest.Wait()
		l.Set(Fault{Kind: Slow, Latency: time.Second})
		for range 2 {
			synctest.Wait()
			start := time.Now()
			write(t, client, "ping\n")
			if got := (<-replied).Sub(start); got != time.Second {
				t.Errorf("replied after %v, want 1s", got)
			}
		}
		l.Clear()
		start := time.Now()
		write(t, client, "ping\n")
		if got := (<-replied).Sub(start); got != 0 {
			t.Errorf("replied after %v on a healthy link", got)
		}
		client.Close()
		synctest.Wait()
	})
}

func TestSlowDialHonoursItsContext(t *testing.T) {
	l, s := testLink(t), newServer(t)
	l.Set(Fault{Kind: Slow, Latency: time.Hour})
	ctx, cancel := context.WithDeadline(t.Context(), soon())
	defer cancel()
	if _, err := l.Dialer(dialer)(ctx, "tcp", s.addr); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("got %v, want the context's end", err)
	}
}

func TestFaultEndsByItself(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := testLink(t)
		l.Set(Fault{Kind: Refuse, Until: time.Now().Add(time.Minute)})
		time.Sleep(30 * time.Second)
		l.Set(Fault{Kind: Hang, Until: time.Now().Add(time.Minute)})
		time.Sleep(45 * time.Second) // the first fault would be over
		if f, on := l.Current(); !on || f.Kind != Hang {
			t.Fatalf("got %v, %v: the timer of a fault ended anclient", f, on)
		}
		start := time.Now()
		if client, peer := pipe(t, l); time.Since(start) != 15*time.Second {
			t.Errorf("the dial waited for %v, want until the end of the fault", time.Since(start))
		} else {
			client.Close()
			peer.Close()
		}
		if f, on := l.Current(); on {
			t.Errorf("%v is still on", f)
		}
		l.Set(Fault{Kind: Hang, Until: time.Now()})
		if f, on := l.Current(); on {
			t.Errorf("%v is on after its end", f)
		}
	})
}

func TestClose(t *testing.T) {
	l, s := testLink(t), newServer(t)
	client, peer := s.dial(t, l)
	l.Set(Fault{Kind: Hang, Until: time.Now().Add(time.Hour)})
	write(t, client, "ping")
	l.Close()
	read(t, peer, "ping")
	l.Set(Fault{Kind: Refuse})
	if f, on := l.Current(); on {
		t.Errorf("%v was set on a closed link", f)
	}
}

func TestSetRefusesAnUnknownKind(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("no panic")
		}
	}()
	testLink(t).Set(Fault{Kind: "explode"})
}
