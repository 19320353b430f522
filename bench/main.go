package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ctx, cancel := context.WithCancel(context.Background())
	signaled, reset := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(signaled, func() {
		reset() // first: whoever sees the first signal obeyed may count on the second
		cancel()
	})
	os.Exit(dispatch(ctx, os.Args[1:], stdio{os.Stdin, os.Stdout, os.Stderr}))
}

// stdio is where a command reads and writes.
type stdio struct {
	in       io.Reader
	out, err io.Writer
}

// command is one of bench's; run ends early and in order when ctx is done.
type command struct {
	name, about string
	run         func(ctx context.Context, args []string, std stdio) error
}

func commands() []command {
	return append([]command{
		{"serve", "answer every bench:echo with a bench:reply", serveCommand},
		{"load", "keep a server busy and check each reply", loadCommand},
		{"run", "show both at work, and memory clients beside them", runCommand},
	}, processCommands()...)
}

// dispatch runs the command that args name and returns the exit code.
func dispatch(ctx context.Context, args []string, std stdio) int {
	if len(args) == 0 {
		usage(std.err)
		return 2
	}
	switch args[0] {
	case "help", "-h", "-help", "--help":
		usage(std.out)
		return 0
	}
	for _, c := range commands() {
		if c.name == args[0] {
			return exitCode(c.name, c.run(ctx, args[1:], std), std.err)
		}
	}
	fmt.Fprintf(std.err, "bench: there is no command %q; try: bench help\n", args[0])
	return 2
}

func usage(w io.Writer) {
	fmt.Fprint(w, "Bench puts real traffic on packetmq and measures it.\n\nusage: bench COMMAND [flags]\n\n")
	for _, c := range commands() {
		fmt.Fprintf(w, "  %-8s%s\n", c.name, c.about)
	}
	fmt.Fprint(w, "\nbench COMMAND -h lists the flags of one.\n")
}

// usageError is a command line that cannot be followed.
type usageError struct{ error }

func exitCode(name string, err error, w io.Writer) int {
	if err == nil || errors.Is(err, flag.ErrHelp) {
		return 0
	}
	fmt.Fprintf(w, "bench %s: %v\n", name, err)
	if _, ok := errors.AsType[usageError](err); ok {
		fmt.Fprintf(w, "try: bench %s -h\n", name)
		return 2
	}
	return 1
}

// parse is fs.Parse, with a help that goes to standard output and errors that
// are for exitCode to print.
func parse(fs *flag.FlagSet, args []string, std stdio) error {
	fs.SetOutput(io.Discard)
	err := fs.Parse(args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		fmt.Fprintf(std.out, "usage: bench %s [flags]\n\n", fs.Name())
		fs.SetOutput(std.out)
		fs.PrintDefaults()
		return err
	case err != nil:
		return usageError{err}
	case fs.NArg() > 0:
		return usageErrorf("unexpected argument %q", fs.Arg(0))
	}
	return nil
}

func usageErrorf(format string, args ...any) error {
	return usageError{fmt.Errorf(format, args...)}
}
