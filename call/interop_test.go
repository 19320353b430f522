package call

import (
	"bytes"
	"errors"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"

	"github.com/packetmq/packetmq/internal/leak"
	"github.com/packetmq/packetmq/peer"
	"github.com/packetmq/packetmq/registry"
)

// python returns an interpreter with Twisted and u-msgpack, or skips the test; where
// PACKETMQ_NEED_PYTHON is set, it fails instead.
func python(t *testing.T) string {
	t.Helper()
	for _, name := range []string{"/usr/bin/python3", "python3"} {
		if exec.Command(name, "-c", "import twisted, umsgpack").Run() == nil {
			return name
		}
	}
	const missing = "needs Python 3 with Twisted and u-msgpack (Debian: python3-twisted, python3-u-msgpack)"
	if os.Getenv("PACKETMQ_NEED_PYTHON") != "" {
		t.Fatal(missing)
	}
	t.Skip(missing)
	return ""
}

// A Python program without a library for calls makes, cancels and handles them.
func TestTwistedCalls(t *testing.T) {
	name := python(t)
	leak.Check(t)
	type (
		order    struct{ Price int }
		receipt  struct{ Total int }
		question struct{ Of string }
		stocked  struct{ Left int }
		shortOf  struct{ Short int }
	)
	buy := Define[order, receipt]("shop:buy", 40)
	stock := Define[question, stocked]("shop:stock", 42)
	poor, unknown := DefineErrorOf[shortOf]("shop:poor"), DefineError("shop:unknown")

	reg := registry.New()
	reg.MustAdd(buy.Packets()...)
	reg.MustAdd(stock.Packets()...)
	shop := peer.NewServer(reg, nil)
	defer shop.Close()
	HandleLater(shop, buy, func(c *Context, o *order, a Answer[receipt]) {
		switch {
		case o.Price > 10:
			a.Fail(poor.With(shortOf{o.Price - 10}).WithText("at most 10"))
		case o.Price >= 0:
			a.Send(&receipt{o.Price})
		default:
			go func() {
				<-c.Done() // since the caller cancels
				if !errors.Is(c.Cause(), errWithdrawn) {
					t.Errorf("the call ended with %v", c.Cause())
				}
				s, err := Do(t.Context(), c.Conn(), stock, &question{"tea"})
				if err != nil || s.Left != 7 {
					t.Errorf("in stock: %+v, %v", s, err)
				}
				_, err = Do(t.Context(), c.Conn(), stock, &question{"milk"})
				if !errors.Is(err, unknown) || err.Error() != "call: shop:unknown: no milk" {
					t.Errorf("of milk: %v", err)
				}
				c.Conn().Softquit("shop.done")
			}()
		}
	})
	ln, err := shop.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := shop.RunAsync(); err != nil {
		t.Fatal(err)
	}
	var out, errs bytes.Buffer
	cmd := exec.Command(name, "testdata/shop_client.py", strconv.Itoa(ln.Addr().(*net.TCPAddr).Port))
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil || strings.TrimSpace(out.String()) != "OK" {
		t.Errorf("the script says %q, %v\n%s", out.String(), err, errs.String())
	}
}
