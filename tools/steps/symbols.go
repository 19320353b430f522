//go:build linux && amd64

package main

import (
	"cmp"
	"debug/elf"
	"errors"
	"fmt"
	"io"
	"slices"
)

// symbols are the functions of a program, by address.
type symbols []elf.Symbol

func readSymbols(path string) (symbols, error) {
	f, err := elf.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if f.Type != elf.ET_EXEC {
		return nil, errors.New("the program is position independent")
	}
	all, err := f.Symbols()
	if err != nil {
		return nil, err
	}
	all = slices.DeleteFunc(all, func(s elf.Symbol) bool { return elf.ST_TYPE(s.Info) != elf.STT_FUNC })
	slices.SortFunc(all, func(a, b elf.Symbol) int { return cmp.Compare(a.Value, b.Value) })
	return all, nil
}

// find is the address of a function.
func (s symbols) find(name string) (uint64, error) {
	i := slices.IndexFunc(s, func(f elf.Symbol) bool { return f.Name == name })
	if i < 0 {
		return 0, fmt.Errorf("the program has no function %q; it may be inlined everywhere", name)
	}
	return s[i].Value, nil
}

// at is the function that addr is in.
func (s symbols) at(addr uint64) (name string, entry bool) {
	i, found := slices.BinarySearchFunc(s, addr, func(f elf.Symbol, addr uint64) int { return cmp.Compare(f.Value, addr) })
	if found {
		return s[i].Name, true
	}
	if i == 0 {
		return "?", false
	}
	return s[i-1].Name, false
}

// tally is what was counted.
type tally struct {
	total, places int
	of            map[string]*function
}

type function struct {
	name         string
	calls, steps int
}

// count sorts the steps, counted by address, by function.
func (s symbols) count(steps map[uint64]int) tally {
	t := tally{places: len(steps), of: make(map[string]*function)}
	for addr, n := range steps {
		name, entry := s.at(addr)
		f := t.of[name]
		if f == nil {
			f = &function{name: name}
			t.of[name] = f
		}
		f.steps += n
		if entry {
			f.calls += n
		}
		t.total += n
	}
	return t
}

// print has the functions with the most instructions first, all of it for each
// call of one of them.
func (t tally) print(out io.Writer, of string, top int) {
	per := float64(max(1, t.of[of].calls))
	fmt.Fprintf(out, "%.1f instructions for each of %.0f calls of %s; %d different ones\n",
		float64(t.total)/per, per, of, t.places)
	all := make([]*function, 0, len(t.of))
	for _, f := range t.of {
		all = append(all, f)
	}
	slices.SortFunc(all, func(a, b *function) int { return cmp.Or(b.steps-a.steps, cmp.Compare(a.name, b.name)) })
	for _, f := range all[:min(top, len(all))] {
		fmt.Fprintf(out, "%9.1f %7.2f × %s\n", float64(f.steps)/per, float64(f.calls)/per, f.name)
	}
}
