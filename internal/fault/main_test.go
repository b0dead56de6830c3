package fault

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"runtime"
	"sync"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var dialer = DialFunc((&net.Dialer{}).DialContext)

// testLink returns a link that is closed with the test, and whose draws are the given ones, then 0.5 for ever.
func testLink(t testing.TB, draws ...float64) *Link {
	l := NewLink("test")
	var mu sync.Mutex
	l.random = func() float64 {
		mu.Lock()
		defer mu.Unlock()
		if len(draws) == 0 {
			return 0.5
		}
		draw := draws[0]
		draws = draws[1:]
		return draw
	}
	t.Cleanup(l.Close)
	return l
}

// A server is a loopback TCP server that hands its side of each connection to the test.
type server struct {
	addr     string
	accepted chan *net.TCPConn
}

func newServer(t *testing.T) *server {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &server{addr: listener.Addr().String(), accepted: make(chan *net.TCPConn, 16)}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			s.accepted <- conn.(*net.TCPConn)
		}
	}()
	t.Cleanup(func() {
		listener.Close()
		<-done
	})
	return s
}

// echoServer starts a loopback server that sends back whatever comes, and returns its address.
func echoServer(t testing.TB) (addr string) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var serving sync.WaitGroup
	serving.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			serving.Go(func() {
				defer conn.Close()
				io.Copy(conn, conn)
			})
		}
	})
	t.Cleanup(func() {
		listener.Close()
		serving.Wait()
	})
	return listener.Addr().String()
}

// dial returns both ends of a new connection through l.
func (s *server) dial(t *testing.T, l *Link) (client net.Conn, peer *net.TCPConn) {
	t.Helper()
	client, err := l.Dialer(dialer)(t.Context(), "tcp", s.addr)
	if err != nil {
		t.Fatal(err)
	}
	peer = <-s.accepted
	t.Cleanup(func() {
		client.Close()
		peer.Close()
	})
	return client, peer
}

// blockedRead starts to read a byte and returns once the Read is blocked in the kernel.
func blockedRead(conn net.Conn) (woken <-chan error) {
	done := make(chan error, 1)
	go func() { done <- readByte(conn) }()
	for all := make([]byte, 1<<20); ; runtime.Gosched() {
		for stack := range bytes.SplitSeq(all[:runtime.Stack(all, true)], []byte("\n\n")) {
			if bytes.Contains(stack, []byte("[IO wait")) && bytes.Contains(stack, []byte("fault.readByte")) {
				return done
			}
		}
	}
}

func write(t *testing.T, conn io.Writer, s string) {
	t.Helper()
	if _, err := io.WriteString(conn, s); err != nil {
		t.Fatalf("write %q: %v", s, err)
	}
}

func read(t *testing.T, conn io.Reader, want string) {
	t.Helper()
	got := make([]byte, len(want))
	if _, err := io.ReadFull(conn, got); err != nil || string(got) != want {
		t.Fatalf("read %.99q, %v; want %.99q", got, err, want)
	}
}

// readByte reads one byte and returns only the error.
func readByte(conn io.Reader) error {
	_, err := conn.Read(make([]byte, 1))
	return err
}

func wantErrno(t *testing.T, op string, got error, want syscall.Errno) {
	t.Helper()
	opError := new(net.OpError)
	if !errors.As(got, &opError) || opError.Op != op || !errors.Is(got, want) || opError.Timeout() {
		t.Fatalf("got %v, want a *net.OpError of %s with %v", got, op, want)
	}
}

func wantTimeout(t *testing.T, op string, got error) {
	t.Helper()
	opError := new(net.OpError)
	if !errors.As(got, &opError) || opError.Op != op || !errors.Is(got, os.ErrDeadlineExceeded) || !opError.Timeout() {
		t.Fatalf("got %v, want a *net.OpError of %s with a timeout", got, op)
	}
}

// echo answers each line with itself until the connection ends.
func echo(conn net.Conn) {
	defer conn.Close()
	lines := bufio.NewReader(conn)
	for {
		line, err := lines.ReadString('\n')
		if err != nil {
			return
		}
		if _, err := io.WriteString(conn, line); err != nil {
			return
		}
	}
}

// soon is a deadline in the near future: long enough to notice, short enough to wait for.
func soon() time.Time { return time.Now().Add(20 * time.Millisecond) }
