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

	// errGone ends the conns with a node that is gone.
	errGone = errors.New("cluster: the node is gone")
)
