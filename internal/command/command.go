package command

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
)

// IO is where a command reads and writes.
type IO struct {
	In       io.Reader
	Out, Err io.Writer

	program string // the name under which Run runs it
}

// Command is one of a program's. Run ends early and in order when ctx is done.
type Command struct {
	Name, About string
	Run         func(ctx context.Context, args []string, std IO) error
}

// Program has commands.
type Program struct {
	Name     string
	About    string // a sentence
	Commands []Command
}

// Main runs the program with the process's arguments, as the function Main does.
func (p *Program) Main() { Main(p) }

// Runner is a program: a Program, or one that reads its command line in another way. Run
// returns the exit code.
type Runner interface {
	Run(ctx context.Context, args []string, std IO) int
}

// Main runs a program with the process's arguments, and ends the process. The
// first SIGINT or SIGTERM ends the command's context, a second one the process.
func Main(r Runner) {
	ctx, cancel := context.WithCancel(context.Background())
	signaled, reset := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(signaled, func() {
		reset() // first: whoever sees the first signal obeyed may count on the second
		cancel()
	})
	os.Exit(r.Run(ctx, os.Args[1:], IO{In: os.Stdin, Out: os.Stdout, Err: os.Stderr}))
}

// Run runs the command that args name and returns the exit code.
func (p *Program) Run(ctx context.Context, args []string, std IO) int {
	std.program = p.Name
	if len(args) == 0 {
		p.usage(std.Err)
		return 2
	}
	switch args[0] {
	case "help", "-h", "-help", "--help":
		p.usage(std.Out)
		return 0
	}
	for _, c := range p.Commands {
		if c.Name == args[0] {
			return p.code(c.Name, c.Run(ctx, args[1:], std), std.Err)
		}
	}
	fmt.Fprintf(std.Err, "%s: there is no command %q; try: %[1]s help\n", p.Name, args[0])
	return 2
}

func (p *Program) usage(w io.Writer) {
	fmt.Fprintf(w, "%s\n\nusage: %s COMMAND [flags]\n\n", p.About, p.Name)
	for _, c := range p.Commands {
		fmt.Fprintf(w, "  %-9s%s\n", c.Name, c.About)
	}
	fmt.Fprintf(w, "\n%s COMMAND -h lists the flags of one.\n", p.Name)
}

func (p *Program) code(name string, err error, w io.Writer) int {
	if err == nil || errors.Is(err, flag.ErrHelp) {
		return 0
	}
	fmt.Fprintf(w, "%s %s: %v\n", p.Name, name, err)
	if _, ok := errors.AsType[UsageError](err); ok {
		fmt.Fprintf(w, "try: %s %s -h\n", p.Name, name)
		return 2
	}
	return 1
}

// UsageError is a command line that cannot be followed.
type UsageError struct{ Err error }

func (e UsageError) Error() string { return e.Err.Error() }

// Unwrap returns Err.
func (e UsageError) Unwrap() error { return e.Err }

// Usagef makes a UsageError.
func Usagef(format string, args ...any) error { return UsageError{fmt.Errorf(format, args...)} }

// Arguments are what a command takes after its flags.
type Arguments struct {
	About       string // in its usage; "[flags]" if empty
	Least, Most int
}

// Parse parses a command's flags, whose set bears the command's name, for so
// many arguments. Help goes to std.Out and returns flag.ErrHelp; all else that
// is wrong is a UsageError. Usage has the name of the program whose Run has called the
// command, which may be another Program that has the same commands.
func (p *Program) Parse(fs *flag.FlagSet, args []string, want Arguments, std IO) error {
	name, about := cmp.Or(std.program, p.Name), want.About
	if about == "" {
		about = "[flags]"
	}
	fs.SetOutput(io.Discard)
	err := fs.Parse(args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		fmt.Fprintf(std.Out, "usage: %s %s %s\n\n", name, fs.Name(), about)
		fs.SetOutput(std.Out)
		fs.PrintDefaults()
		return err
	case err != nil:
		return UsageError{err}
	case fs.NArg() > want.Most:
		return Usagef("unexpected argument %q", fs.Arg(want.Most))
	case fs.NArg() < want.Least:
		return Usagef("usage: %s %s %s", name, fs.Name(), about)
	}
	return nil
}
