// Package embedded runs a NATS server in the process of a node, so that a cluster needs
// nothing else:
//
//	n, err := cluster.Join(ctx, srv, cluster.Config{Name: "eu-1", Server: embedded.New(embedded.Config{})})
//	n, err := cluster.Join(ctx, srv, cluster.Config{Name: "eu-2", Server: embedded.New(embedded.Config{
//		Listen: "10.0.0.2:6222", Secret: secret, Routes: []string{"10.0.0.1:6222"},
//	})})
//
// The servers of a cluster find each other from one address that they know. They take no
// clients but the node in the same process, which alone knows the password. Between them they want the
// same secret, and listen on loopback unless told otherwise.
package embedded
