package cluster

// The store of durable packets: two streams of JetStream, one of packets and one of rooms'
// members. No consumers: each user's node reads what waits for him, hears what is stored while
// he is there, and deletes what his client has acknowledged. So a user who is away costs what
// waits for him, and one who is there a subscription.

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/packetmq/packetmq/codec"
	"github.com/packetmq/packetmq/peer"
)

const (
	// storeTimeout is how long a request to the store may take. More finds out later that the
	// store is gone; less gives up on one that is slow.
	storeTimeout = 5 * time.Second

	// readPackets and readBytes are how much is read from the store at once. More is in memory
	// for each of readers at the same time; less asks more often.
	readPackets = 128
	readBytes   = 256 << 10

	// readers is how many requests of a node to the store may be under way, those apart that
	// store packets.
	readers = 64
)

// stored is a message of the store.
type stored struct {
	subject string
	seq     uint64
	before  uint64 // the number of the last message of the subject before it, if it was heard live
	at      time.Time
	data    []byte
}

// appendStored returns what is stored of a packet: [id, name, payload].
func appendStored(id string, e *peer.Encoded) ([]byte, error) {
	return appendPacket(codec.AppendString(codec.AppendArrayHeader(nil, 3), id), e)
}

// readStored reads it. payload lies in b.
func readStored(b []byte) (id, packet string, payload []byte, err error) {
	n, b, err := codec.ReadArrayHeader(b)
	if err != nil || n != 3 {
		return "", "", nil, errStored
	}
	var text [3][]byte
	for i := range text {
		if text[i], b, err = codec.ReadText(b); err != nil {
			return "", "", nil, errStored
		}
	}
	if len(b) > 0 {
		return "", "", nil, errStored
	}
	return string(text[0]), string(text[1]), text[2], nil
}

// streams makes the streams, or has them as the settings are now.
func (d *durable) streams(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	storage := jetstream.FileStorage
	if d.cfg.Memory {
		storage = jetstream.MemoryStorage
	}
	base := jetstream.StreamConfig{Storage: storage, Replicas: d.cfg.Replicas, AllowDirect: true}
	packets := base
	packets.Name = token(d.n.cfg.Prefix) + "-packets"
	packets.Subjects = []string{d.subject("durable", ">")}
	packets.Discard, packets.DiscardNewPerSubject, packets.MaxMsgsPerSubject = jetstream.DiscardNew, true, d.cfg.Packets
	packets.MaxBytes, packets.MaxAge, packets.Duplicates = d.cfg.Bytes, 2*d.cfg.Age, d.cfg.Dedup
	packets.RePublish = &jetstream.RePublish{Source: d.subject("durable", ">"), Destination: d.subject("live", ">")}
	members := base
	members.Name = token(d.n.cfg.Prefix) + "-members"
	members.Subjects = []string{d.subject("member", "*", "*")}
	members.MaxMsgsPerSubject = 1
	p, err := d.js.CreateOrUpdateStream(ctx, packets)
	if err != nil {
		return err
	}
	m, err := d.js.CreateOrUpdateStream(ctx, members)
	if err == nil && !d.isReady() {
		d.packets, d.members = p, m
	}
	return err
}

// publish has a packet stored. done is called once if it returns nil.
func (d *durable) publish(t DurableTarget, data []byte, done func(err error)) error {
	d.mu.Lock()
	switch {
	case d.err != nil:
		defer d.mu.Unlock()
		return d.err
	case len(d.publishes) >= d.cfg.UnderWay:
		d.mu.Unlock()
		return peer.ErrBackpressure
	}
	m := &nats.Msg{Subject: d.at("durable", t.user, t.room), Data: data}
	d.publishes[m] = func(doubled bool, err error) {
		d.outcome(t, doubled, err)
		done(err)
	}
	d.mu.Unlock()
	opts := []jetstream.PublishOpt{jetstream.WithRetryAttempts(0)} // which would change the order
	if t.id != "" {
		opts = append(opts, jetstream.WithMsgID(m.Subject+"/"+token(t.id)))
	}
	if _, err := d.js.PublishMsgAsync(m, opts...); err != nil {
		d.mu.Lock()
		delete(d.publishes, m)
		d.mu.Unlock()
		if errors.Is(err, nats.ErrMaxPayload) {
			return &peer.SizeError{Packet: "durable", Length: len(data), Max: int(d.nc.MaxPayload())}
		}
		return fmt.Errorf("%w: %w", ErrNoStore, err)
	}
	return nil
}

// published is told what has become of a message.
func (d *durable) published(m *nats.Msg, doubled bool, err error) {
	d.mu.Lock()
	done := d.publishes[m]
	delete(d.publishes, m)
	d.mu.Unlock()
	if done != nil {
		done(doubled, err)
	}
}

// storeError is the error for one of JetStream's.
func storeError(err error) error {
	var of *jetstream.APIError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &of) && strings.Contains(of.Description, "per subject exceeded"):
		return ErrManyWait
	case errors.As(err, &of) && (strings.Contains(of.Description, "exceeded") || of.ErrorCode == errStreamFull):
		return fmt.Errorf("%w: %w", ErrStoreFull, err)
	case errors.As(err, &of), errors.Is(err, jetstream.ErrNoStreamResponse), errors.Is(err, nats.ErrNoResponders):
		return fmt.Errorf("%w: %w", ErrNoStore, err)
	}
	return fmt.Errorf("%w: %w", ErrUncertain, err)
}

// errStreamFull is JetStream's code for a store that has failed, for want of room or otherwise.
const errStreamFull = 10077

// read reads messages of a subject, which may have wildcards, from a number on: many at most, and
// not all that there are if more is true.
func (d *durable) read(ctx context.Context, stream jetstream.Stream, subject string, from uint64, many int) (list []stored, more bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	ask, _ := json.Marshal(map[string]any{"seq": max(from, 1), "next_by_subj": subject, "batch": many, "max_bytes": readBytes})
	inbox := nats.NewInbox()
	sub, err := d.nc.SubscribeSync(inbox)
	if err != nil {
		return nil, false, err
	}
	defer sub.Unsubscribe()
	name := stream.CachedInfo().Config.Name
	if err := d.nc.PublishRequest("$JS.API.DIRECT.GET."+name, inbox, ask); err != nil {
		return nil, false, err
	}
	for {
		m, err := sub.NextMsgWithContext(ctx)
		if err != nil {
			return list, false, err
		}
		switch status := m.Header.Get("Status"); status {
		case "":
			s, err := messageOf(m)
			if err != nil {
				return list, false, err
			}
			list = append(list, s)
		case "204": // the end
			pending, _ := strconv.ParseUint(m.Header.Get("Nats-Num-Pending"), 10, 64)
			return list, pending > 0, nil
		case "404":
			return list, false, nil
		case "503":
			return list, false, nats.ErrNoResponders
		default:
			return list, false, fmt.Errorf("cluster: the store says %s %s", status, m.Header.Get("Description"))
		}
	}
}

// messageOf is the message of the store in one of NATS.
func messageOf(m *nats.Msg) (s stored, err error) {
	s.subject, s.data = m.Header.Get(jetstream.SubjectHeader), m.Data
	if s.seq, err = strconv.ParseUint(m.Header.Get(jetstream.SequenceHeader), 10, 64); err != nil || s.seq == 0 || s.subject == "" {
		return s, errStored
	}
	s.before, _ = strconv.ParseUint(m.Header.Get(jetstream.LastSequenceHeader), 10, 64)
	s.at, _ = time.Parse(time.RFC3339Nano, m.Header.Get("Nats-Time-Stamp"))
	return s, nil
}

// purge deletes the messages of a subject up to a number.
func (d *durable) purge(ctx context.Context, stream jetstream.Stream, subject string, upTo uint64) error {
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	return stream.Purge(ctx, jetstream.WithPurgeSubject(subject), jetstream.WithPurgeSequence(upTo+1))
}
