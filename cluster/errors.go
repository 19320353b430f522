package cluster

import "errors"

var (
	// ErrConfig is that a Config cannot be: what wraps it says why.
	ErrConfig = errors.New("cluster: impossible configuration")

	// ErrName is that a name is empty, too long, or has letters that it may not have.
	ErrName = errors.New("cluster: no such name can be")

	// ErrNoUser is that no node has the user.
	ErrNoUser = errors.New("cluster: the user is at no node")

	// ErrNoNode is that there is no conn to the node.
	ErrNoNode = errors.New("cluster: no such node")

	// ErrLeft is that this node has left the cluster.
	ErrLeft = errors.New("cluster: this node has left")

	// ErrUsurped ends a node whose name another one has, which was started later.
	ErrUsurped = errors.New("cluster: another node has this one's name")

	// ErrNoStore is that there is no store for durable packets, or none yet, or none any more
	// because too many of its servers are gone: what wraps it says why. Nothing was stored.
	ErrNoStore = errors.New("cluster: there is no store")

	// ErrManyWait is that as many packets wait for the user, or are kept of the room, as may. It
	// was not stored.
	ErrManyWait = errors.New("cluster: too many packets wait for the target")

	// ErrStoreFull is that the store takes no more. It was not stored.
	ErrStoreFull = errors.New("cluster: the store is full")

	// ErrUncertain is that nobody knows whether a packet was stored: what wraps it says why. It
	// may be sent again with the same id.
	ErrUncertain = errors.New("cluster: the packet may have been stored or not")

	// ErrAged is that a packet has waited for longer than Durability.Age.
	ErrAged = errors.New("cluster: the packet has waited for too long")

	// errStored is that what is in the store cannot be read.
	errStored = errors.New("cluster: stored packet that cannot be read")

	// errGone ends the conns with a node that is gone.
	errGone = errors.New("cluster: the node is gone")
)
