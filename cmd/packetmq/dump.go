package main

// The command dump: a capture as text, as JSON, or for Wireshark.

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/packetmq/packetmq/capture"
	"github.com/packetmq/packetmq/capture/pcap"
	"github.com/packetmq/packetmq/cmd/packetmq/internal/jsonvalue"
	"github.com/packetmq/packetmq/internal/command"
)

// dump is what is shown of a capture.
type dump struct {
	w       *bufio.Writer
	json    bool
	conn    uint64   // 0: all
	packets []string // patterns; none: all packets, and what else the capture has
	wall    func(at time.Duration) time.Time
}

func newDump(std command.IO) *cobra.Command {
	var d dump
	var to string
	c := &cobra.Command{
		Use:   "dump FILE",
		Short: "show a capture as text, as JSON, or for Wireshark",
		Long: `Dump shows what is in a capture (package capture): a line for each record, and one for each
packet in it. FILE can be - for standard input.`,
		Example: "  packetmq dump game.pmqcap --conn 7 --packet 'chat:*'\n  packetmq dump game.pmqcap --pcap game.pcap",
		Args:    cobra.ExactArgs(1),
	}
	c.Flags().Uint64Var(&d.conn, "conn", 0, "`N`umber of the conn to show. Default: all")
	c.Flags().StringArrayVar(&d.packets, "packet", nil, "`PATTERN` of the packets to show, and nothing else, with * and ?; can be given several times")
	c.Flags().StringVar(&to, "pcap", "", "write a `FILE` for Wireshark in place of text; - is standard output")
	c.Flags().BoolVar(&d.json, "json", false, "print JSON: each record, with its packets, as an object")
	c.RunE = run(func(_ context.Context, args []string) error {
		if to != "" && (d.json || d.conn > 0 || len(d.packets) > 0) {
			return command.Usagef("--pcap writes the whole capture: it goes with no other flag")
		}
		in, err := openInput(args[0], std.In)
		if err != nil {
			return err
		}
		defer in.Close()
		r, err := capture.Open(in)
		if err != nil {
			return err
		}
		if to != "" {
			return writePcap(to, r, std.Out)
		}
		d.w, d.wall = bufio.NewWriter(std.Out), r.Wall
		return errors.Join(d.all(r), d.w.Flush())
	})
	return c
}

// openInput opens a file, or in where its name is -.
func openInput(name string, in io.Reader) (io.ReadCloser, error) {
	if name == "-" {
		return io.NopCloser(in), nil
	}
	return os.Open(name)
}

// writePcap writes the capture for Wireshark. What was written before an error stays.
func writePcap(to string, r *capture.Reader, std io.Writer) error {
	if to == "-" {
		return pcap.Write(std, r)
	}
	f, err := os.OpenFile(to, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	return errors.Join(pcap.Write(f, r), f.Close())
}

// all shows all records that are to be shown.
func (d *dump) all(r *capture.Reader) error {
	var packets capture.Packets
	for rec, err := range r.Records() {
		if err != nil {
			return err
		}
		found := slices.DeleteFunc(slices.Clone(packets.Add(&rec)), func(p capture.Packet) bool { return !d.isShown(p.Label()) })
		if d.conn > 0 && rec.Conn != d.conn || len(d.packets) > 0 && len(found) == 0 {
			continue
		}
		if d.json {
			err = printJSON(d.w, d.recordOf(&rec, found))
		} else {
			err = d.lines(&rec, found)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (d *dump) isShown(packet string) bool {
	return len(d.packets) == 0 || slices.ContainsFunc(d.packets, func(pattern string) bool { return glob(pattern, packet) })
}

// lines shows a record as text.
func (d *dump) lines(r *capture.Record, packets []capture.Packet) (err error) {
	if len(d.packets) == 0 {
		_, err = fmt.Fprintln(d.w, clean(r.String()))
	}
	for _, p := range packets {
		begin := "  "
		if len(d.packets) > 0 {
			begin = fmt.Sprintf("%s conn %d ", d.wall(r.Time).Local().Format("15:04:05.000000"), r.Conn)
		}
		arrow := "<-"
		if p.Out {
			arrow = "->"
		}
		value, note := valueOf(p.Payload)
		if note != "" {
			value = []byte("(" + note + ")")
		}
		_, err = fmt.Fprintf(d.w, "%s%s %s %s\n", begin, arrow, clean(p.Label()), clean(string(value)))
	}
	return err
}

// valueOf is a payload as JSON, or a note that says why it cannot be shown.
func valueOf(payload []byte) (value json.RawMessage, note string) {
	value, err := jsonvalue.Decode(payload)
	if err != nil {
		return nil, fmt.Sprintf("%d bytes: %v", len(payload), err)
	}
	return value, ""
}

// dumpedRecord is a record in JSON. What its kind does not have is missing.
type dumpedRecord struct {
	Time      time.Time      `json:"time"`
	Loop      int            `json:"loop"`
	Kind      string         `json:"kind"`
	Conn      uint64         `json:"conn,omitempty"`
	Network   string         `json:"network,omitempty"`
	Local     string         `json:"local,omitempty"`
	Remote    string         `json:"remote,omitempty"`
	Name      string         `json:"name,omitempty"`
	Err       string         `json:"err,omitempty"`
	N         uint64         `json:"n,omitempty"`
	Bytes     int            `json:"bytes,omitempty"` // of the data
	Continued bool           `json:"continued,omitempty"`
	Packets   []dumpedPacket `json:"packets,omitempty"`
}

type dumpedPacket struct {
	Direction string          `json:"direction"` // received or sent
	Packet    string          `json:"packet"`
	ID        uint16          `json:"id"`
	Bytes     int             `json:"bytes"`
	Value     json.RawMessage `json:"value,omitempty"`
	Note      string          `json:"note,omitempty"` // why there is no value
}

func (d *dump) recordOf(r *capture.Record, packets []capture.Packet) dumpedRecord {
	out := dumpedRecord{
		Time: d.wall(r.Time).UTC(), Loop: r.Loop, Kind: r.Kind.String(), Conn: r.Conn, Network: r.Network, Local: r.Local,
		Remote: r.Remote, Name: r.Name, Err: r.Err, N: r.N, Bytes: len(r.Data), Continued: r.Continued,
	}
	for _, p := range packets {
		q := dumpedPacket{Direction: "received", Packet: p.Label(), ID: p.ID, Bytes: len(p.Payload)}
		if p.Out {
			q.Direction = "sent"
		}
		q.Value, q.Note = valueOf(p.Payload)
		out.Packets = append(out.Packets, q)
	}
	return out
}
