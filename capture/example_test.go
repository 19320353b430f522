package capture_test

import (
	"bytes"
	"context"
	"fmt"
	"log"

	"github.com/packetmq/packetmq/capture"
	"github.com/packetmq/packetmq/engine"
	"github.com/packetmq/packetmq/peer"
	"github.com/packetmq/packetmq/registry"
)

// A server that is captured. In a program, the file is one of the disk, or a capture.Files.
func Example() {
	type Greeting struct{ Text string }
	greeting := registry.Define[Greeting]("app:greeting", 16)
	reg := registry.New()
	reg.MustAdd(greeting)

	var file bytes.Buffer
	rec := capture.New(&file, capture.Config{Registry: reg})
	srv := peer.NewServer(reg, &peer.Config{Engine: &engine.Config{Tap: rec}})
	came := make(chan bool)
	peer.Handle(srv, greeting, func(_ *peer.Conn, g *Greeting) error {
		close(came)
		return nil
	})
	l, err := srv.Listen("127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	srv.RunAsync()

	clientReg := registry.NewAdapting()
	clientReg.MustAdd(greeting)
	client := peer.NewClient(clientReg, nil)
	client.RunAsync()
	defer client.Close()
	c, err := client.Connect(context.Background(), l.Addr().String())
	if err != nil {
		log.Fatal(err)
	}
	peer.Send(c, greeting, &Greeting{"hello"})
	<-came
	srv.Close()
	rec.Close()

	r, err := capture.Open(&file)
	if err != nil {
		log.Fatal(err)
	}
	var packets capture.Packets
	for record, err := range r.Records() {
		if err != nil {
			log.Fatal(err)
		}
		for _, p := range packets.Add(&record) {
			if p.Name == "app:greeting" {
				fmt.Println(p.Value())
			}
		}
	}
	// Output: map[Text:hello] <nil>
}
