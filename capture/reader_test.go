package capture

import (
	"bytes"
	"errors"
	"io"
	"net"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/packetmq/packetmq/codec"
	"github.com/packetmq/packetmq/registry"
)

// everyRecord has a record of each kind.
func everyRecord() []Record {
	return []Record{
		{Kind: Start, N: version, Bytes: 2, Wall: time.Unix(1700000000, 5)},
		{Kind: Opened, Loop: 1, Time: 7, Conn: 1, Network: "tcp", Local: "10.0.0.1:7000", Remote: "10.0.0.2:40000", Continued: true},
		{Kind: Input, Conn: 1, Data: []byte("input")},
		{Kind: Took, Conn: 1, N: 3},
		{Kind: Output, Conn: 1, Data: []byte("output")},
		{Kind: OutputSum, Conn: 1, N: 6, Sum: 0xdeadbeef},
		{Kind: Called},
		{Kind: Posted, Name: "price", Data: []byte("12.50")},
		{Kind: Fired, N: 4},
		{Kind: Offloaded, N: 2, Err: "no", Data: []byte{0xc0}},
		{Kind: Expired, Conn: 1},
		{Kind: Pressed, Conn: 1, Continued: true},
		{Kind: Drained, Conn: 1},
		{Kind: Gap, N: 10, Bytes: 1000},
		{Kind: Ended, Conn: 1, Err: "EOF"},
		{Kind: Closed, Conn: 1, Err: "EOF"},
		{Kind: Stop, Name: "closed"},
	}
}

// fileOf is a file with these records.
func fileOf(all ...Record) []byte {
	b := []byte(magic)
	for _, r := range all {
		b = appendRecord(b, &r)
	}
	return b
}

func TestEachRecordIsReadAsItWasWritten(t *testing.T) {
	want := everyRecord()
	if len(want) != int(lastKind) {
		t.Fatalf("%d of %d kinds", len(want), lastKind)
	}
	r, err := Open(bytes.NewReader(fileOf(want...)))
	if err != nil {
		t.Fatal(err)
	}
	if at := r.Wall(time.Second); !at.Equal(time.Unix(1700000001, 5)) {
		t.Errorf("time of day is %v", at)
	}
	for _, w := range want[1:] {
		got, err := r.Next()
		if err != nil {
			t.Fatal(err)
		}
		if got.Data = bytes.Clone(got.Data); len(got.Data) == 0 {
			got.Data = nil
		}
		if !reflect.DeepEqual(got, w) {
			t.Errorf("it is %+v, want %+v", got, w)
		}
	}
	if _, err := r.Next(); err != io.EOF {
		t.Errorf("at the end: %v", err)
	}
}

func TestWhatIsNoCaptureIsRefused(t *testing.T) {
	sound := fileOf(everyRecord()...)
	var version *VersionError
	var record *RecordError
	for name, c := range map[string]struct {
		file []byte
		ok   func(error) bool
	}{
		"nothing":         {nil, func(err error) bool { return err == ErrFormat }},
		"another file":    {[]byte("#!/bin/sh\n echo"), func(err error) bool { return err == ErrFormat }},
		"no start":        {fileOf(Record{Kind: Called}), func(err error) bool { return err == ErrFormat }},
		"a later version": {fileOf(Record{Kind: Start, N: 2}), func(err error) bool { return errors.As(err, &version) }},
		"cut short":       {sound[:len(sound)-2], func(err error) bool { return errors.As(err, &record) && errors.Is(err, io.ErrUnexpectedEOF) }},
		"too large":       {append(bytes.Clone(sound), 0xff, 0, 0, 0), func(err error) bool { return errors.As(err, &record) && record.Offset == int64(len(sound)) }},
		"unknown kind":    {append(bytes.Clone(sound), 0, 0, 0, 11, 99, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0), func(err error) bool { return errors.As(err, &record) }},
		"bytes too many":  {append(bytes.Clone(sound), 0, 0, 0, 12, 9, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1), func(err error) bool { return errors.As(err, &record) }},
	} {
		if err := readAll(c.file); !c.ok(err) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := readAll(sound); err != nil {
		t.Errorf("a sound one: %v", err)
	}
}

// readAll reads a file with all that reads one, and returns the first error.
func readAll(file []byte) error {
	r, err := Open(bytes.NewReader(file))
	if err != nil {
		return err
	}
	var packets Packets
	for rec, err := range r.Records() {
		if err != nil {
			return err
		}
		for _, p := range packets.Add(&rec) {
			_ = p.Label() + shown(&p)
		}
		_ = rec.String()
	}
	return nil
}

func TestDumpHasNoControlCharactersOfTheFile(t *testing.T) {
	const bad = "a\x1b[2Jb\nc"
	told, err := new(codec.Msgpack).Append(nil, map[string]any{"adapt": false, "idmap": map[string]any{bad: 20}})
	if err != nil {
		t.Fatal(err)
	}
	frame := func(id byte, payload []byte) []byte {
		return append([]byte{0, 0, 0, byte(len(payload) + codec.IDSize), 0, id}, payload...)
	}
	r, err := Open(bytes.NewReader(fileOf(
		Record{Kind: Start, N: version},
		Record{Kind: Opened, Conn: 1, Network: bad, Local: bad, Remote: bad},
		Record{Kind: Output, Conn: 1, Data: frame(registry.IDPubIDs, told)},
		Record{Kind: Input, Conn: 1, Data: frame(20, []byte("\xa1\x1b"))},
		Record{Kind: Closed, Conn: 1, Err: bad},
		Record{Kind: Stop, Name: bad},
	)))
	if err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	if err := Dump(&text, r); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(text.String(), "\x1b") || strings.Count(text.String(), "\n") != 1+5+2 || !strings.Contains(text.String(), `a\x1b[2Jb\nc`) {
		t.Errorf("it is %q", text.String())
	}
}

func TestAddressesOfAFileAreNotLookedUp(t *testing.T) {
	for text, want := range map[string]net.Addr{
		"10.0.0.1:7000":  &net.TCPAddr{IP: net.IP{10, 0, 0, 1}, Port: 7000},
		"localhost:http": &net.UnixAddr{Name: "localhost:http", Net: "tcp"},
	} {
		if got := recordedAddr("tcp", text); !reflect.DeepEqual(got, want) {
			t.Errorf("%s is %#v", text, got)
		}
	}
}

// FuzzOpen reads any file without a panic, and writes each record that it reads as it was.
func FuzzOpen(f *testing.F) {
	f.Add(fileOf(everyRecord()...))
	f.Add([]byte(magic))
	f.Add(fileOf(Record{Kind: Start, N: 1}, Record{Kind: Opened, Conn: 1}, Record{Kind: Input, Conn: 1, Data: []byte("\x00\x00\x00\x03\x00\x03\xc0")}))
	f.Fuzz(func(t *testing.T, file []byte) {
		readAll(file)
		r, err := Open(bytes.NewReader(file))
		if err != nil {
			return
		}
		for rec, err := range r.Records() {
			if err != nil {
				return
			}
			b := appendRecord(nil, &rec)
			again, err := parse(b[4:])
			if err != nil {
				t.Fatalf("%+v is not read again: %v", rec, err)
			}
			if len(rec.Name) <= maxText && again.String() != rec.String() && len(rec.Err) <= maxText && len(rec.Network+rec.Local+rec.Remote) <= maxText {
				t.Fatalf("%v became %v", rec, again)
			}
		}
	})
}
