// Package engine runs event loops: a Reactor owns them, and brings sockets and
// in-process transports onto them.
//
// Every conn is pinned to one loop, a goroutine on which all callbacks of all
// its conns, timers and posted functions run, one at a time. With one loop, the
// default, a program's handlers need no lock at all.
//
//	r := engine.New(nil)
//	r.Listen("tcp", "127.0.0.1:0", func(nc net.Conn) (*engine.Conn, engine.Handler) {
//		return new(engine.Conn), echo{}
//	})
//	r.Run()
//
// # Which goroutine may call
//
// Methods of Reactor, Loop, Timer and Conn may be called from any goroutine, but for
// those whose comment says "On the loop only". Handlers and Transports are called there.
// Calls that wait for a loop (Run, Dial) return ErrOnLoop when made on one;
// Stop, Close and Shutdown that are called on a loop do their work after the callback.
// Calls with a context return when that is done, and Stop and Close when nothing has
// moved for two seconds, whatever a callback does.
//
// # Whose goroutine
//
// A loop has a goroutine of its own. With Config.OnCaller there is one loop, and it
// runs on the goroutine that calls Run, or in each call of Poll, for programs with a
// main loop:
//
//	r := engine.New(&engine.Config{OnCaller: true})
//	for playing() {
//		r.Poll(ctx) // calls what is due
//		draw()      // nothing is called
//	}
//	r.Close()
//
// # Order
//
// Posted functions run in the order of Post. Bytes of one conn leave in the order in
// which Out and Queue took them, on whatever goroutine. Output written in a callback
// leaves in one write when the callback ends. While many sockets have input at once, it
// leaves after the input of up to 15 more of them. From 128 KiB on it leaves before the
// callback ends. Input is handled when it is read, where it lies in the loop's read
// buffer.
//
// # Fairness
//
// A turn of the loop serves every readable socket, at most 256 posted functions
// and as many timers, and gives each conn that has input left another share.
// None of them can keep the others waiting by coming again at once.
//
// # Bounds
//
// What waits for one other side is bounded by Config.MaxPending, conns by
// Config.MaxConns, input that waits for its handler by 512 KiB and a read buffer per
// socket.
package engine
