// Package cluster has several nodes of a program exchange packets over NATS.
//
//	n, err := cluster.Join(ctx, srv, cluster.Config{Name: "eu-1", NATS: nc})
//	err = n.Bind(player, "u42")                                 // this session is this user
//	err = cluster.Send(n, cluster.User("u42"), chat, &message)  // wherever the user is
//	guild := n.Room("guild:7")
//	err = guild.Join(player)
//	err = room.Send(guild, chat, &message)                      // members anywhere
//	r, err := call.Do(ctx, n.Node("eu-2"), buy, &Order{1})      // a node
//	r, err = call.Do(ctx, n.Service("shop"), buy, &Order{1})    // one of those that offer it
//
// Between each two nodes there is a conn in each direction, like one over TCP: what comes from
// another node enters the loop of the server, and its handlers, as a client's packets do. NodeOf
// tells which node a conn is of. NATS promises to deliver a message at most once; the streams
// under these conns number their bytes, find what is missing, and send it again.
//
// Module cluster/embedded has a NATS server in the program's own process, for Config.Server.
package cluster
