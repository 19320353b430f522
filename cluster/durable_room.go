package cluster

// Durable rooms: users who stay members while they are away, and where each of them is in the
// room's packets.

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/packetmq/packetmq/codec"
	"github.com/packetmq/packetmq/engine"
	"github.com/packetmq/packetmq/room"
)

// memberPage is how many members are read at once.
const memberPage = 1000

// membership is that a user is a durable member of a room.
type membership struct {
	user, room string
	cursor     uint64 // number of the last packet that he has acknowledged
	store      int64  // when the stream of packets was made that counts so; 0: not known
	record     uint64 // number of this record in the stream of members
}

// isOlder reports whether a member's cursor is of a stream of packets that is lost since.
func (m *membership) isOlder(than int64) bool { return m.store != 0 && m.store < than }

// at is how far a member is in the stream of packets that was made at a time: one that was made
// after his record counts from 1 again.
func (m *membership) at(store int64) uint64 {
	if m.isOlder(store) {
		return 0
	}
	return m.cursor
}

// JoinDurable makes a user a durable member: what is sent to Durable(r) from now on waits for him
// or comes to him, wherever he is bound, until LeaveDurable. He is none of Members by that, and
// packets that are not durable do not reach him by it. For one who is a member it does nothing.
//
// The errors are ErrNoStore, ErrName, and ErrUncertain: then it may be tried again. It waits for
// the store, so no loop may call it: engine.ErrOnLoop.
func (r Room) JoinDurable(ctx context.Context, user string) error {
	d, err := r.store(user)
	if err != nil {
		return err
	}
	info, err := d.packets.Info(ctx)
	if err != nil {
		return storeError(err)
	}
	m := membership{user: user, room: r.name, cursor: info.State.LastSeq, store: info.Created.UnixNano()}
	if err := d.putMember(ctx, &m); isConflict(err) {
		return nil
	} else if err != nil {
		return storeError(err)
	}
	d.tellEnrolled(&m)
	return nil
}

// LeaveDurable ends the membership that JoinDurable has begun. What waited for the user in the room
// waits no more. The errors are those of JoinDurable.
func (r Room) LeaveDurable(ctx context.Context, user string) error {
	d, err := r.store(user)
	if err != nil {
		return err
	}
	if err := d.members.Purge(ctx, jetstream.WithPurgeSubject(d.memberSubject(user, r.name))); err != nil {
		return storeError(err)
	}
	d.tellEnrolled(&membership{user: user, room: r.name})
	return nil
}

// DurableMembers are the users who are durable members, in the order in which they have joined or
// have acknowledged something last. The errors are those of JoinDurable.
func (r Room) DurableMembers(ctx context.Context) (users []string, err error) {
	d, err := r.store("x")
	if err != nil {
		return nil, err
	}
	list, err := d.membersOf(ctx, r.name)
	if err != nil {
		return nil, storeError(err)
	}
	for _, m := range list {
		users = append(users, m.user)
	}
	return users, nil
}

// store returns the node's part with the store, if a goroutine may wait for it.
func (r Room) store(user string) (*durable, error) {
	switch {
	case r.name == "" || len(r.name) > room.MaxName || user == "" || len(user) > MaxName:
		return nil, ErrName
	case r.node.srv.Reactor().OnLoop():
		return nil, engine.ErrOnLoop
	case r.node.durable == nil:
		return nil, fmt.Errorf("%w: no Config.Durability", ErrNoStore)
	}
	return r.node.durable, r.node.durable.whyNot()
}

func (d *durable) memberSubject(user, room string) string {
	return d.subject("member", token(user), token(room))
}

// putMember writes the record of a member, if the one that is there has the number m.record: 0
// for none.
func (d *durable) putMember(ctx context.Context, m *membership) error {
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	a, err := d.js.Publish(ctx, d.memberSubject(m.user, m.room), codec.AppendInt(codec.AppendUint(nil, m.cursor), m.store),
		jetstream.WithExpectLastSequencePerSubject(m.record), jetstream.WithRetryAttempts(0))
	if err == nil {
		m.record = a.Sequence
	}
	return err
}

// isConflict reports whether a record was not written because there is another one.
func isConflict(err error) bool {
	var of *jetstream.APIError
	return errors.As(err, &of) && (of.ErrorCode == jetstream.JSErrCodeStreamWrongLastSequence || of.ErrorCode == jetstream.JSErrCodeStreamWrongLastSequenceConstant)
}

// tellEnrolled tells the node of a user that he has joined a room, or has left it if there is no
// record.
func (d *durable) tellEnrolled(m *membership) {
	b := codec.AppendString(codec.AppendArrayHeader(nil, 3), m.room)
	d.nc.Publish(d.subject("enrolled", token(m.user)), codec.AppendUint(codec.AppendUint(b, m.cursor), m.record))
}

func readEnrolled(b []byte) (m membership, err error) {
	n, b, err := codec.ReadArrayHeader(b)
	if err != nil || n != 3 {
		return m, errMessage
	}
	text, b, err := codec.ReadText(b)
	if err != nil || len(text) == 0 {
		return m, errMessage
	}
	m.room = string(text)
	if m.cursor, b, err = codec.ReadUint(b); err != nil {
		return m, errMessage
	}
	if m.record, b, err = codec.ReadUint(b); err != nil || len(b) > 0 {
		return m, errMessage
	}
	return m, nil
}

// enrolled follows what another node, or this one, has told.
func (b *mailbox) enrolled(m *membership) {
	if m.record != 0 {
		b.feed(m.room, m.cursor, m.record)
		return
	}
	if f := b.feeds[m.room]; f != nil {
		delete(b.feeds, m.room)
		f.acked = f.settled // his record is no more
		f.close()
	}
}

// follow adds the feed of a room whose record is in the store.
func (b *mailbox) follow(m *membership) {
	store := b.d.created.UnixNano()
	b.feed(m.room, m.at(store), m.record)
	if f := b.feeds[m.room]; f != nil && f.record == m.record && m.isOlder(store) {
		b.d.tellLost()
		f.renew = true
		f.step()
	}
}

// findRooms adds the feeds of the rooms that the user is a durable member of.
func (b *mailbox) findRooms() {
	var list []membership
	b.busy++
	b.d.request(func(ctx context.Context) (err error) {
		list, err = b.d.roomsOf(ctx, b.user)
		return err
	}, func(err error) {
		b.busy--
		for i := range list {
			b.follow(&list[i])
		}
		if err != nil && !b.over {
			b.d.n.cfg.Logger.Debug("rooms of a user were not found", "user", b.user, "err", err)
			b.d.n.srv.Reactor().Loops()[0].After(feedRetry, func() {
				if !b.over {
					b.findRooms()
				}
			})
		}
		b.settle()
	})
}

// roomsOf are the memberships of a user. The leader of the stream is asked, which knows all.
func (d *durable) roomsOf(ctx context.Context, user string) (list []membership, err error) {
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	for seq := uint64(1); ; {
		ask, _ := json.Marshal(map[string]any{"seq": seq, "next_by_subj": d.subject("member", token(user), "*")})
		m, err := d.nc.RequestWithContext(ctx, "$JS.API.STREAM.MSG.GET."+d.members.CachedInfo().Config.Name, ask)
		if err != nil {
			return list, err
		}
		var answer struct {
			Error   *jetstream.APIError `json:"error"`
			Message struct {
				Subject string    `json:"subject"`
				Seq     uint64    `json:"seq"`
				Data    []byte    `json:"data"`
				Time    time.Time `json:"time"`
			} `json:"message"`
		}
		if err := json.Unmarshal(m.Data, &answer); err != nil {
			return list, err
		}
		if e := answer.Error; e != nil {
			if e.ErrorCode == jetstream.JSErrCodeMessageNotFound {
				return list, nil
			}
			return list, e
		}
		s := stored{subject: answer.Message.Subject, seq: answer.Message.Seq, data: answer.Message.Data}
		if m, err := d.membershipOf(&s); err == nil {
			list = append(list, m)
		}
		seq = s.seq + 1
	}
}

// membersOf are the memberships of a room, in the order of their records.
func (d *durable) membersOf(ctx context.Context, room string) (all []membership, err error) {
	for from := uint64(1); ; {
		list, more, err := d.read(ctx, d.members, d.subject("member", "*", token(room)), from, memberPage)
		if err != nil {
			return all, err
		}
		for i := range list {
			if m, err := d.membershipOf(&list[i]); err == nil {
				all = append(all, m)
			}
			from = list[i].seq + 1
		}
		if !more {
			return all, nil
		}
	}
}

// membershipOf reads a record.
func (d *durable) membershipOf(s *stored) (m membership, err error) {
	parts := strings.Split(strings.TrimPrefix(s.subject, d.subject("member")+"."), ".")
	if len(parts) != 2 {
		return m, errStored
	}
	var okUser, okRoom bool
	m.user, okUser = nameOf(parts[0])
	m.room, okRoom = nameOf(parts[1])
	m.record = s.seq
	var rest []byte
	if m.cursor, rest, err = codec.ReadUint(s.data); err == nil && len(rest) > 0 {
		m.store, rest, err = codec.ReadInt(rest)
	}
	if err != nil || len(rest) > 0 || !okUser || !okRoom {
		return m, errStored
	}
	return m, nil
}

// setCursor has the store know how far a member is. If his record is another one he has left the
// room, perhaps to join it again, or another node sends to him: the feed ends.
func (d *durable) setCursor(ctx context.Context, f *feed, upTo uint64, store int64) error {
	m := membership{user: f.box.user, room: f.room, cursor: upTo, store: store, record: f.record}
	err := d.putMember(ctx, &m)
	switch {
	case err == nil:
		f.record = m.record
	case isConflict(err):
		d.n.call(f.conflict)
		return nil
	}
	return err
}

// trim makes room for packets of a room: those that all members have are deleted, and if that is
// not enough the oldest ones, which is told for each member who has not had them.
func (d *durable) trim(ctx context.Context, room string) error {
	subject := d.at("durable", "", room)
	info, err := d.packets.Info(ctx, jetstream.WithSubjectFilter(subject))
	if err != nil {
		return err
	}
	store := info.Created.UnixNano()
	members, err := d.membersOf(ctx, room)
	if err != nil {
		return err
	}
	all := d.cfg.Packets
	if len(members) == 0 {
		return d.packets.Purge(ctx, jetstream.WithPurgeSubject(subject))
	}
	least := members[0].at(store)
	for i := range members {
		least = min(least, members[i].at(store))
	}
	if err := d.purge(ctx, d.packets, subject, least); err != nil {
		return err
	}
	info, err = d.packets.Info(ctx, jetstream.WithSubjectFilter(subject))
	if err != nil {
		return err
	}
	for left := int64(info.State.Subjects[subject]); left > all-all/4; {
		list, _, err := d.read(ctx, d.packets, subject, 1, min(readPackets, int(max(all/4, 1))))
		if err != nil || len(list) == 0 {
			return err
		}
		for i := range list {
			d.dropStored(ctx, &list[i], members, ErrManyWait)
			left--
		}
	}
	return nil
}

// dropStored deletes a packet, and tells of it at this node if no other one has deleted it. members
// are those of its room.
func (d *durable) dropStored(ctx context.Context, s *stored, members []membership, reason error) {
	if d.packets.DeleteMsg(ctx, s.seq) != nil {
		return
	}
	of := Delivery{Seq: s.seq, Stored: s.at}
	of.ID, of.Packet, _, _ = readStored(s.data)
	name, ok := lastName(s.subject)
	if !ok {
		return
	}
	if strings.HasPrefix(s.subject, d.subject("durable", "user")+".") {
		of.User = name
		d.n.call(func() { d.drop(of, reason) })
		return
	}
	of.Room = name
	store := d.store.Load()
	for _, m := range members {
		if m.at(store) < s.seq {
			of.User = m.user
			one := of
			d.n.call(func() { d.drop(one, reason) })
		}
	}
}
