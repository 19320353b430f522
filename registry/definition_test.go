package registry

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
)

func TestPacket(t *testing.T) {
	r := New()
	p := MustAdd[object](r, "app:a", 20)
	if p.Name() != "app:a" || p.ID() != 20 || p.In(r) == nil || p.In(r) != r.Table().Type(20) {
		t.Errorf("%s, %d, %v", p.Name(), p.ID(), p.In(r))
	}
	if q := MustAdd[object](r, "app:b", 21); p == q {
		t.Error("handles to two packets are equal")
	}
	if err := r.Remove(p); err != nil {
		t.Fatal(err)
	}
	// A handle still tells what it is of.
	if p.Name() != "app:a" || p.ID() != 20 || p.In(r) != nil {
		t.Errorf("after Remove: %s, %d, %v", p.Name(), p.ID(), p.In(r))
	}
}

func TestZeroPacket(t *testing.T) {
	var p Packet[object]
	r := New()
	if p.In(r) != nil || p.In(nil) != nil || p.Name() != "" || p.ID() != 0 {
		t.Errorf("%v, %q, %d", p.In(r), p.Name(), p.ID())
	}
	if q, err := Add[object](r, "", 20); q != p || err == nil {
		t.Errorf("failed Add = %v, %v", q, err)
	}
}

// One definition is a packet of every registry that it was added to, and of no
// other, whatever else has its id or its name there.
func TestDefinitionInSeveralRegistries(t *testing.T) {
	ping, pong := Define[object]("app:ping", 17), Define[int]("app:pong", 18)
	server, client, stranger := New(), NewAdapting(), New()
	for _, r := range []*Registry{server, client} {
		if err := r.Add(ping, pong); err != nil {
			t.Fatal(err)
		}
		verify(t, r.Table())
	}
	MustAdd[object](stranger, "app:ping", 17)
	a, b := ping.In(server), ping.In(client)
	if a == nil || b == nil || a == b || a != server.Table().Type(17) || b != client.Table().Type(17) {
		t.Errorf("types are %v and %v", a, b)
	}
	if ty := ping.In(stranger); ty != nil {
		t.Errorf("another packet of the same name is %v", ty)
	}
	unknown(t, stranger, ping)
	if err := server.Remove(ping); err != nil {
		t.Fatal(err)
	}
	if ping.In(server) != nil || ping.In(client) != b {
		t.Error("Remove from one registry is not seen there, or is seen in another")
	}
	if err := server.Add(ping); err != nil {
		t.Errorf("Add after Remove = %v", err)
	}
}

// An object of a definition serves the packet in each registry, and is told
// that registry's type.
func TestDefinitionWithObject(t *testing.T) {
	obj := &object{}
	p := Define[int]("app:a", 20, WithObject(obj), Late(), MaxSize(100))
	for range 2 {
		r := New()
		r.Join()
		r.MustAdd(p)
		if ty, err := r.Lookup(obj); ty == nil || ty != p.In(r) || err != nil {
			t.Errorf("Lookup = %v, %v", ty, err)
		}
		if o := p.In(r).Options(); o.MaxSize != 100 || o.object != nil || o.late {
			t.Errorf("options are %+v", o)
		}
	}
}

// What is wrong with a definition is told by Add, which then adds none of the
// packets that it was given.
func TestAddAllOrNone(t *testing.T) {
	good := Define[int]("app:good", 30)
	for name, tt := range map[string]struct {
		bad   Definition
		check func(error) bool
	}{
		"nil":            {nil, is(ErrUndefined)},
		"zero":           {Packet[int]{}, is(ErrUndefined)},
		"nil pointer":    {(*Packet[int])(nil), is(ErrUndefined)},
		"name":           {Define[int]("good", 31), as[*NameError]},
		"internal":       {Define[int]("packetmq:good", 31), as[*NameError]},
		"small id":       {Define[int]("app:bad", 15), as[*IDError]},
		"large id":       {Define[int]("app:bad", 1<<16), as[*IDError]},
		"id that wraps":  {Define[int]("app:bad", 1<<16+30), as[*IDError]},
		"type":           {Define[chan int]("app:bad", 31), as[*TypeError]},
		"option":         {Define[int]("app:bad", 31, MaxSize(-1)), as[*OptionError]},
		"object":         {Define[int]("app:bad", 31, WithObject("text")), as[*ObjectError]},
		"twice":          {good, as[*ConflictError]},
		"same name":      {Define[int]("app:good", 31), as[*ConflictError]},
		"same id":        {Define[int]("app:bad", 30), as[*ConflictError]},
		"same as before": {Define[int]("app:before", 31), as[*ConflictError]},
	} {
		t.Run(name, func(t *testing.T) {
			r := New()
			r.MustAdd(Define[int]("app:before", 20))
			before := r.Table()
			if err := r.Add(good, Define[int]("app:fine", 32), tt.bad); !tt.check(err) {
				t.Errorf("Add = %v", err)
			}
			if good.In(r) != nil || r.Table() != before {
				t.Error("some were added")
			}
			if err := r.Add(good); err != nil {
				t.Errorf("Add alone = %v", err)
			}
			verify(t, r.Table())
		})
	}
}

func TestAddNothing(t *testing.T) {
	r := New()
	before := r.Table()
	if err := r.Add(); err != nil || !snapshot(r.Table()).equal(snapshot(before)) {
		t.Errorf("Add() = %v", err)
	}
	if err := (*Registry)(nil).Add(Define[int]("app:a", 20)); !errors.Is(err, ErrNoRegistry) {
		t.Errorf("Add to no registry = %v", err)
	}
}

// A failed Add of many leaves no trace, in a full registry too.
func TestAddMoreThanFit(t *testing.T) {
	r := New()
	many := make([]Definition, MaxNames)
	for i := range many {
		many[i] = Define[int](fmt.Sprintf("app:%d", i), MinID+i)
	}
	if err := r.Add(many...); !errors.Is(err, ErrFull) {
		t.Errorf("Add = %v", err)
	}
	if n := r.Table().Len(); n != 4 {
		t.Errorf("%d packets", n)
	}
	r.MustAdd(many[:MaxNames-4]...)
	verify(t, r.Table())
}

func TestUnknownDefinition(t *testing.T) {
	_, err := New().Lookup(Define[int]("app:ping", 17))
	if err == nil || !strings.Contains(err.Error(), `"app:ping" was not added`) {
		t.Errorf("Lookup = %v", err)
	}
}

// Wherever its id is, a packet's type is found without an allocation.
func TestInAllocatesNothing(t *testing.T) {
	for name, ids := range map[string][]int{"range": {16, 17, 18}, "scattered": {16, 30000, 65535}} {
		t.Run(name, func(t *testing.T) {
			r := New()
			for _, id := range ids {
				p := MustAdd[object](r, fmt.Sprintf("app:%d", id), id)
				r.Table()
				if n := testing.AllocsPerRun(100, func() { p.In(r) }); n != 0 || p.In(r) != r.Table().Type(uint16(id)) {
					t.Errorf("%v allocations, type %v", n, p.In(r))
				}
			}
		})
	}
}

// A registry may change while others ask for a packet's type: they get the type
// or nil.
func TestInWhileTheRegistryChanges(t *testing.T) {
	r := New()
	p, other := Define[object]("app:a", 20), Define[object]("app:b", 20)
	done := make(chan struct{})
	var asking sync.WaitGroup
	asking.Go(func() {
		for {
			select {
			case <-done:
				return
			default:
				if ty := p.In(r); ty != nil && ty.Name() != "app:a" {
					t.Errorf("type of %s", ty.Name())
				}
			}
		}
	})
	for range 200 {
		for _, d := range []Definition{p, other} {
			r.MustAdd(d)
			r.Table()
			if err := r.Remove(d); err != nil {
				t.Error(err)
			}
		}
	}
	close(done)
	asking.Wait()
}

func TestMustAddPanics(t *testing.T) {
	r := New()
	for name, add := range map[string]func(){
		"function": func() { MustAdd[object](r, "app:a", 15) },
		"method":   func() { r.MustAdd(Define[object]("app:a", 15)) },
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if err, ok := recover().(error); !ok || !as[*IDError](err) {
					t.Errorf("panic with %v", err)
				}
			}()
			add()
			t.Error("no panic")
		})
	}
}
