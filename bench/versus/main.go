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
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends it at once
	os.Exit(dispatch(ctx, os.Args[1:], stdio{os.Stdin, os.Stdout, os.Stderr}))
}

// stdio is where a command reads and writes.
type stdio struct {
	in       io.Reader
	out, err io.Writer
}

// command is one of versus's; run ends early and in order when ctx is done.
type command struct {
	name, about string
	run         func(ctx context.Context, args []string, std stdio) error
}

func commands() []command {
	return []command{
		{"run", "put every server under every load and take down what it costs", runCommand},
		{"report", "make a run's results readable: tables, plots, verdicts", reportCommand},
		{"compare", "show two runs' results beside each other", compareCommand},
		{"serve", "be one of the servers", serveCommand},
		{"call", "be the load of a server with a protocol of its own", callCommand},
		{"pin", "CPU PRIORITY PROGRAM ARGS: run a program on one CPU", pinCommand},
	}
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
	fmt.Fprintf(std.err, "versus: there is no command %q; try: versus help\n", args[0])
	return 2
}

func usage(w io.Writer) {
	fmt.Fprint(w, "Versus compares packetmq with other ways to move packets.\n\nusage: versus COMMAND [flags]\n\n")
	for _, c := range commands() {
		fmt.Fprintf(w, "  %-9s%s\n", c.name, c.about)
	}
	fmt.Fprint(w, "\nversus COMMAND -h lists the flags of one.\n")
}

// usageError is a command line that cannot be followed.
type usageError struct{ error }

func exitCode(name string, err error, w io.Writer) int {
	if err == nil || errors.Is(err, flag.ErrHelp) {
		return 0
	}
	fmt.Fprintf(w, "versus %s: %v\n", name, err)
	if _, ok := errors.AsType[usageError](err); ok {
		fmt.Fprintf(w, "try: versus %s -h\n", name)
		return 2
	}
	return 1
}

// parse is fs.Parse for at least and at most so many arguments, with a help
// that goes to standard output and errors that are for exitCode to print.
func parse(fs *flag.FlagSet, args []string, least, most int, about string, std stdio) error {
	fs.SetOutput(io.Discard)
	err := fs.Parse(args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		fmt.Fprintf(std.out, "usage: versus %s %s\n\n", fs.Name(), about)
		fs.SetOutput(std.out)
		fs.PrintDefaults()
		return err
	case err != nil:
		return usageError{err}
	case fs.NArg() < least || fs.NArg() > most:
		return usageErrorf("usage: versus %s %s", fs.Name(), about)
	}
	return nil
}

func usageErrorf(format string, args ...any) error {
	return usageError{fmt.Errorf(format, args...)}
}
