package cluster

import (
	"errors"
	"testing"

	"github.com/packetmq/packetmq/internal/await"
)

// Packets for a user may be sent while the conn to his node ends and is made anew: each is sent, or
// refused.
func TestSendWhileConnsEnd(t *testing.T) {
	all := newNetwork(1).startAll(t, 2)
	_, got := all[1].user(t, "ann")
	await.True(t, "user", func() bool { return all[0].Where("ann") == "n1" })
	stop, over := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(over)
		for {
			select {
			case <-stop:
				return
			default:
				Send(all[0].Node, User("ann"), noted, &note{})
				for len(got) > 0 { // else the client waits for room
					<-got
				}
			}
		}
	}()
	for range 20 {
		await.True(t, "conn", func() bool { return all[0].Node.Node("n1") != nil })
		c := all[0].Node.Node("n1")
		c.Abort(errors.New("cut by the test"))
		await.True(t, "another conn", func() bool { return all[0].Node.Node("n1") != c })
	}
	close(stop)
	await.Value(t, "end of the sender", over)
}
