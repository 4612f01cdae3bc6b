// Command bighead is the one binary: it checks definitions, tests them, and turns them into point-in-time training rows.
//
// A file here is a command, and thin: it reads flags, asks the rooms below, and prints. wire.go is the only file that names
// implementations.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second Ctrl-C ends what does not hear the first
	c := &cli{stdin: os.Stdin, stdout: os.Stdout, stderr: os.Stderr}
	os.Exit(c.run(ctx, os.Args[1:]))
}
