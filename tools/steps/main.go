//go:build linux && amd64

// Command steps counts the instructions that a running process takes outside the
// kernel, function by function, by single steps: for machines that have no
// counters, or whose times say nothing.
//
//	steps [-n INSTRUCTIONS] [-top FUNCTIONS] PID FUNCTION
//
// It follows the thread that has used the most CPU lately, from the next call of
// FUNCTION on, and prints how many instructions there are for each call of it,
// and in which functions. The process is thousands of times slower meanwhile, its
// other threads stand still, and signals to it are lost; a Go program therefore
// is not preempted. It must not be position independent, and have its symbols.
package main

import (
	"flag"
	"fmt"
	"io"
	"os"
	"runtime"
	"strconv"
)

func main() {
	if err := run(os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "steps:", err)
		os.Exit(1)
	}
}

func run(args []string, out io.Writer) error {
	fs := flag.NewFlagSet("steps", flag.ContinueOnError)
	n := fs.Int("n", 50_000, "instructions to count")
	top := fs.Int("top", 30, "functions to print")
	if err := fs.Parse(args); err != nil {
		return err
	}
	pid, err := strconv.Atoi(fs.Arg(0))
	if err != nil || fs.NArg() != 2 || *n < 1 {
		return fmt.Errorf("want a process and a function; -n is to be above 0")
	}
	symbols, err := readSymbols(fmt.Sprintf("/proc/%d/exe", pid))
	if err != nil {
		return err
	}
	entry, err := symbols.find(fs.Arg(1))
	if err != nil {
		return err
	}
	runtime.LockOSThread() // ptrace is the thread's
	steps, err := trace(pid, entry, *n)
	if err != nil {
		return err
	}
	symbols.count(steps).print(out, fs.Arg(1), *top)
	return nil
}
