// Package clusterpeer has the nodes of clusters, each a process of its own on this machine, and
// the loads of them: a packet from a client at one node to a client at another, a question from
// one node to another, and a room with members at three nodes.
//
// packetmq's nodes have a NATS server in their process. NATS itself is compared with the same
// servers, started by the same code with the same options, without packetmq; its clients are those
// of nats.go.
//
// What they promise is not the same. NATS delivers a message at most once and in the order of one
// publisher, and drops what a reader does not take in time. packetmq finds what is missing, sends it
// again, keeps the order, bounds what is under way and tells a sender that is too fast; it looks up
// where the user is, and lets handlers of the node do what they want with the packet.
//
// Between the two is a floor: nodes in packetmq's topology that do nothing but pass on what comes.
package clusterpeer
