package main

// How sessions go from one process to the next.

import (
	"context"
	"encoding/binary"
	"errors"
	"time"

	"github.com/packetmq/packetmq/restart"
	"github.com/packetmq/packetmq/session"
)

// exportTime bounds an Export. Clients wait meanwhile.
const exportTime = 10 * time.Second

// stateOf is what a hand-over does with sessions. Each is taken out of this process when it is exported;
// if the new process fails, they are taken in again.
func stateOf(sessions *session.Sessions) restart.State {
	var given [][]byte
	takeIn := func(all [][]byte) (err error) {
		for _, data := range all {
			s, blob, failed := sessions.Import(data)
			if failed == nil {
				failed = adopt(s, blob)
			}
			err = errors.Join(err, failed)
		}
		return err
	}
	return restart.State{
		Name: "sessions",
		Export: func() ([]byte, error) {
			ctx, cancel := context.WithTimeout(context.Background(), exportTime)
			defer cancel()
			err := sessions.Export(ctx, blobOf, func(_ *session.Session, data []byte) error {
				given = append(given, data)
				return nil
			})
			return restart.Pack(given), err
		},
		Resume: func() {
			takeIn(given) // before Resume: a client that asks for a session which is not there ends it
			sessions.Resume()
			given = nil
		},
		Import: func(b []byte) error {
			all, err := restart.Unpack(b)
			if err != nil {
				return err
			}
			return takeIn(all)
		},
	}
}

// blobOf is what the new process has to know of a session beside the session itself.
func blobOf(s *session.Session) []byte {
	return binary.BigEndian.AppendUint64(nil, uint64(s.Data().(*client).next))
}

// adopt gives an imported session its client.
func adopt(s *session.Session, blob []byte) error {
	if len(blob) != 8 {
		return errors.New("a session without its client")
	}
	s.SetData(&client{next: int(binary.BigEndian.Uint64(blob))})
	return nil
}
