package embedded

import (
	"context"
	"errors"
	"fmt"
	"net"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/packetmq/packetmq/internal/await"
	"github.com/packetmq/packetmq/internal/leak"
)

// addrs are addresses on this machine that nobody listens on.
func addrs(t testing.TB, count int) (all []string) {
	t.Helper()
	for range count {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer ln.Close()
		all = append(all, ln.Addr().String())
	}
	return all
}

// storeConfigs are those of servers that have a store together.
func storeConfigs(t testing.TB, count int) (all []Config) {
	t.Helper()
	at := addrs(t, count)
	for i := range count {
		c := Config{Listen: at[i], Secret: "swordfish", StoreDir: t.TempDir()}
		for j, other := range at {
			if j != i {
				c.Routes = append(c.Routes, other)
			}
		}
		all = append(all, c)
	}
	return all
}

func startServer(t testing.TB, name string, cfg Config) *Server {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), await.Patience)
	defer cancel()
	s := New(cfg)
	if _, err := s.Start(ctx, name); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Stop)
	return s
}

// bucket returns a bucket in a server's store, when there is one.
func bucket(t testing.TB, s *Server, replicas int) jetstream.KeyValue {
	t.Helper()
	js, err := jetstream.New(s.Conn())
	if err != nil {
		t.Fatal(err)
	}
	var kv jetstream.KeyValue
	await.True(t, "a bucket", func() bool {
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		kv, err = js.CreateOrUpdateKeyValue(ctx, jetstream.KeyValueConfig{Bucket: "test", Replicas: replicas})
		return err == nil
	})
	return kv
}

func get(t testing.TB, kv jetstream.KeyValue, key string) (value string) {
	t.Helper()
	await.True(t, "value of "+key, func() bool {
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		e, err := kv.Get(ctx, key)
		if err == nil {
			value = string(e.Value())
		}
		return err == nil
	})
	return value
}

// A store outlives its server.
func TestStoreOutlivesItsServer(t *testing.T) {
	leak.Check(t)
	cfg := Config{StoreDir: t.TempDir()}
	s := startServer(t, "n0", cfg)
	if _, err := bucket(t, s, 1).PutString(t.Context(), "key", "value"); err != nil {
		t.Fatal(err)
	}
	s.Stop()
	if got := get(t, bucket(t, startServer(t, "n0", cfg), 1), "key"); got != "value" {
		t.Errorf("got %q", got)
	}
}

// A store of three servers goes on without one of them, and takes it in again.
func TestStoreOfThreeServers(t *testing.T) {
	leak.Check(t)
	cfgs := storeConfigs(t, 3)
	var servers []*Server
	for i, c := range cfgs {
		servers = append(servers, startServer(t, fmt.Sprint("n", i), c))
	}
	if _, err := bucket(t, servers[0], 3).PutString(t.Context(), "key", "value"); err != nil {
		t.Fatal(err)
	}
	servers[0].Stop()
	kv := bucket(t, servers[1], 3)
	if got := get(t, kv, "key"); got != "value" {
		t.Errorf("got %q", got)
	}
	await.True(t, "a write without one of three", func() bool {
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		_, err := kv.PutString(ctx, "later", "value")
		return err == nil
	})
	if got := get(t, bucket(t, startServer(t, "n0", cfgs[0]), 3), "later"); got != "value" {
		t.Errorf("got %q at the server that is back", got)
	}
}

// Settings with which a store could not be found again are refused.
func TestImpossibleStores(t *testing.T) {
	dir := t.TempDir()
	for _, c := range []struct {
		name string
		cfg  Config
	}{
		{"n0", Config{StoreDir: dir, Listen: "127.0.0.1:1"}},
		{"n0", Config{StoreDir: dir, Routes: []string{"127.0.0.1:1"}}},
		{"", Config{StoreDir: dir, Routes: []string{"127.0.0.1:1"}, Listen: "127.0.0.1:2"}},
	} {
		s := New(c.cfg)
		if _, err := s.Start(t.Context(), c.name); !errors.Is(err, ErrStore) {
			s.Stop()
			t.Errorf("%q with %+v: %v", c.name, c.cfg, err)
		}
	}
}
