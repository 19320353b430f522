package command_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/packetmq/packetmq/internal/command"
)

func program() *command.Program {
	p := &command.Program{Name: "tool", About: "Tool does things."}
	p.Commands = []command.Command{
		{Name: "copy", About: "copies a file", Run: func(_ context.Context, args []string, std command.IO) error {
			fs := flag.NewFlagSet("copy", flag.ContinueOnError)
			n := fs.Int("n", 1, "how often")
			if err := p.Parse(fs, args, command.Arguments{About: "[flags] FROM [TO]", Least: 1, Most: 2}, std); err != nil {
				return err
			}
			if *n < 1 {
				return command.Usagef("-n %d: want at least 1", *n)
			}
			fmt.Fprintln(std.Out, *n, fs.Args())
			return nil
		}},
		{Name: "fail", About: "fails", Run: func(context.Context, []string, command.IO) error {
			return errors.New("no luck")
		}},
	}
	return p
}

func TestRun(t *testing.T) {
	for _, test := range []struct {
		args     string
		code     int
		out, err string // begin of what is printed
	}{
		{"copy a", 0, "1 [a]\n", ""},
		{"copy -n 3 a b", 0, "3 [a b]\n", ""},
		{"copy", 2, "", "tool copy: usage: tool copy [flags] FROM [TO]\ntry: tool copy -h\n"},
		{"copy a b c", 2, "", "tool copy: unexpected argument \"c\"\n"},
		{"copy -n 0 a", 2, "", "tool copy: -n 0: want at least 1\ntry: tool copy -h\n"},
		{"copy -x", 2, "", "tool copy: flag provided but not defined: -x\n"},
		{"copy -h", 0, "usage: tool copy [flags] FROM [TO]\n\n  -n int\n", ""},
		{"fail", 1, "", "tool fail: no luck\n"},
		{"dance", 2, "", "tool: there is no command \"dance\"; try: tool help\n"},
		{"help", 0, "Tool does things.\n\nusage: tool COMMAND [flags]\n\n  copy     copies a file\n", ""},
		{"", 2, "", "Tool does things.\n"},
	} {
		var out, err strings.Builder
		code := program().Run(t.Context(), strings.Fields(test.args), command.IO{Out: &out, Err: &err})
		if code != test.code || !begins(out.String(), test.out) || !begins(err.String(), test.err) {
			t.Errorf("tool %s: code %d, printed %q and %q", test.args, code, out.String(), err.String())
		}
	}
}

// A program that has the commands of another one is named in their usage.
func TestUsageHasTheNameOfTheProgramThatRuns(t *testing.T) {
	other := command.Program{Name: "box", Commands: program().Commands}
	var out, err strings.Builder
	std := command.IO{Out: &out, Err: &err}
	if code := other.Run(t.Context(), []string{"copy"}, std); code != 2 || !strings.HasPrefix(err.String(), "box copy: usage: box copy [flags] FROM") {
		t.Errorf("code %d, %q", code, err.String())
	}
	if code := other.Run(t.Context(), []string{"copy", "-h"}, std); code != 0 || !strings.HasPrefix(out.String(), "usage: box copy ") {
		t.Errorf("code %d, %q", code, out.String())
	}
}

func begins(s, with string) bool {
	return strings.HasPrefix(s, with) && (with == "") == (s == "")
}

func Example() {
	greet := command.Program{Name: "greet", About: "Greet greets."}
	greet.Commands = []command.Command{{
		Name: "hello", About: "says hello",
		Run: func(_ context.Context, _ []string, std command.IO) error {
			_, err := fmt.Fprintln(std.Out, "hello")
			return err
		},
	}}
	code := greet.Run(context.Background(), []string{"hello"}, command.IO{Out: os.Stdout, Err: os.Stderr})
	fmt.Println(code)
	// Output:
	// hello
	// 0
}
