// Package inspect shows the operator of a program what its peer does: a page in a browser, and
// the same as JSON.
//
//	http.Handle("/debug/packetmq/", inspect.Handler(srv, inspect.Config{}))
//
// The page has the conns, those first for whose other side the most waits; the loops, the
// packet types, why conns ended, and how near the limits are. It is live by server-sent
// events, and needs nothing from anywhere else. ?format=json has all of it.
//
// With Config.Authorise an operator can end a conn with a reason, see the packets of one conn
// as they come and go, and change the level of the log. Without it there are no actions.
//
// # Not for strangers
//
// The page tells addresses, counts and names, and who may see it is the program's to decide:
// serve it on an address that only operators reach, or put the program's own login around the
// handler. It must not be on the open Internet.
//
// # What it costs
//
// A peer counts its packets anyway, so the handler costs nothing while nobody looks. A look
// visits the conns on their loops, at most 256 of them in one posted function, so that no
// loop is held up for long, however many there are. While somebody looks, and two minutes longer, each callback of a
// loop costs two looks at the clock, for its busy share. Handler times are measured only with
// Config.Timing.
//
// An Inspector gives the same figures to a program: Totals and Snapshot.
package inspect
