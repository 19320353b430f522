// Package call makes calls: a packet that asks, and one that answers. Either side of a conn
// may call the other.
//
// A program defines its calls like packets, adds them to its registry, handles them at one
// side and makes them at the other:
//
//	var buy = call.Define[Order, Receipt]("shop:buy", 40) // shop:buy = 40, shop:buy.answer = 41
//
//	reg.MustAdd(buy.Packets()...)
//	poor := call.MustAddError(reg, "shop:poor")
//
//	call.Handle(srv, buy, func(c *call.Context, o *Order) (*Receipt, error) {
//		if o.Price > 10 {
//			return nil, poor
//		}
//		return &Receipt{Total: o.Price}, nil
//	})
//
//	r, err := call.Do(ctx, conn, buy, &Order{Price: 3})
//	if errors.Is(err, poor) {
//		...
//	}
//
// Do waits, and so may not be called on a loop; Go calls a function with the answer, on the
// conn's loop. Handle answers when its function returns; HandleLater gives it an Answer, which
// any goroutine may use. The same works over every transport, and between all kinds of peers.
//
// # How a call ends
//
// Each call ends exactly once at the side that made it: with its answer, with an error of the
// other side, with ErrTimeout, by being cancelled, or with its conn. The conn goes on in all
// cases but the last. A conn's end ends all its calls at once, with the reason that OnLost is
// told.
//
// The time that is left for a call travels with it and is the deadline of the handler's
// Context, which is a context.Context. That is done too when the caller cancels or is gone.
//
// # Errors
//
// An Error travels by its name, and an ErrorOf with data besides: errors.Is, errors.As and
// ErrorOf.Data find them on the other side. Errorf makes one that is text. Of every other
// error the caller is told no more than that there was one, unless Config.ShowErrors is set.
//
// # Middleware
//
// An error of a middleware is answered like a handler's. A middleware that stops a request
// without an error fails the call with ErrStopped, so no caller waits in vain, and Reply lets
// it answer. It sees a *Request and a *Response; what cancels a call does not come to it.
package call
