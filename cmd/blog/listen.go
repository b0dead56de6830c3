package main

import (
	"errors"
	"flag"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strconv"
	"syscall"
)

// A child serves on a socket that its parent has opened and passed on. A port
// that the parent merely found free could be anybody's by the time the child
// asks for it: any outgoing connection may be given that number.

// inheritedFD is where a child finds the first file of exec.Cmd.ExtraFiles.
const inheritedFD = 3

// inheritFlag has a subcommand know -listen-fd.
func inheritFlag(f *flag.FlagSet, fd *int) {
	f.IntVar(fd, "listen-fd", 0, "serve on the listening socket that was inherited as this file `descriptor`, in place of ADDR; 0 opens ADDR")
}

// listen opens ADDR, or takes over the socket that was inherited as fd.
func listen(addr string, fd int) (net.Listener, error) {
	if fd != 0 {
		file := os.NewFile(uintptr(fd), "inherited socket")
		l, err := net.FileListener(file)
		if err != nil {
			return nil, fmt.Errorf("-listen-fd %d is no listening socket: %w", fd, err)
		}
		return l, file.Close()
	}
	l, err := net.Listen("tcp", addr)
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, fmt.Errorf("%s is in use: stop what listens there, or set ADDR to another address, such as 127.0.0.1:8090", addr)
	}
	if err != nil {
		return nil, fmt.Errorf("ADDR %s can't be listened on: %w", addr, err)
	}
	return l, nil
}

// socket is a listening socket for a child, which outlives the child: the next
// one serves on the same address. Who connects in between waits.
type socket struct {
	file *os.File
	addr string // host:port
	port string
}

// openSocket listens on addr, which may have port 0.
func openSocket(addr string) (*socket, error) {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, err
	}
	defer l.Close() // the file is a copy
	file, err := l.(*net.TCPListener).File()
	if err != nil {
		return nil, err
	}
	_, port, err := net.SplitHostPort(l.Addr().String())
	return &socket{file: file, addr: l.Addr().String(), port: port}, err
}

// base is the URL at which this machine reaches whoever serves on it.
func (s *socket) base() string { return "http://" + net.JoinHostPort("127.0.0.1", s.port) }

// passTo has a child of this binary serve on it.
func (s *socket) passTo(cmd *exec.Cmd) {
	cmd.ExtraFiles = []*os.File{s.file}
	cmd.Args = append(cmd.Args, "-listen-fd", strconv.Itoa(inheritedFD))
	cmd.Env = append(cmd.Env, "ADDR="+s.addr) // says whether others can reach it
}

// Close refuses whoever connects from now on, once no child serves on it.
func (s *socket) Close() error { return s.file.Close() }

// onlyHere reports whether no other machine can connect: then there is no
// balancer either, and Ctrl-C need not wait for one.
func onlyHere(addr net.Addr) bool {
	tcp, ok := addr.(*net.TCPAddr)
	return ok && tcp.IP.IsLoopback()
}
