package main

import (
	"fmt"
	"io"
	"net"
)

// tell says on the console where things are.
func tell(out io.Writer, addr net.Addr, d *dependencies, twin string) {
	fmt.Fprintf(out, "Afloat is on http://%s\n", readable(addr))
	for _, line := range d.lines {
		fmt.Fprintln(out, "  "+line)
	}
	if d.dir != "" {
		fmt.Fprintln(out, "  Data             "+d.dir)
	}
	if twin != "" {
		host, _, _ := net.SplitHostPort(readable(addr))
		fmt.Fprintln(out, "  Naive twin       http://"+net.JoinHostPort(host, twin))
	}
}

// readable turns "every interface" into an address that a browser can open.
func readable(addr net.Addr) string {
	if tcp, ok := addr.(*net.TCPAddr); ok && tcp.IP.IsUnspecified() {
		return fmt.Sprintf("127.0.0.1:%d", tcp.Port)
	}
	return addr.String()
}
