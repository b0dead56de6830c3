// Command blog reads configuration, wires each dependency to its policy, and
// runs until told to stop.
//
// Without a subcommand it serves; blog -h lists the others. run.go is the list
// of subcommands, serve.go starts the server and stops it, wire.go joins the
// parts, children.go runs what isn't there.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second Ctrl-C doesn't wait for readers
	if err := run(ctx, os.Args[1:], os.Getenv, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "blog:", err)
		os.Exit(exitStatus(err))
	}
}
