package pcap_test

import (
	"bytes"
	"fmt"
	"log"
	"net/netip"
	"time"

	"github.com/packetmq/packetmq/capture/pcap"
)

// A conn of which a program has the bytes. Write does this for a capture.
func Example() {
	var file bytes.Buffer
	w := pcap.NewWriter(&file)
	at := time.Unix(1700000000, 0)
	w.Open(at, 1, netip.MustParseAddrPort("10.0.0.1:7000"), netip.MustParseAddrPort("10.0.0.2:40000"))
	w.Data(at, 1, false, []byte("\x00\x00\x00\x0c\x00\x00\x81\xa7version\x01"))
	w.End(at, 1, false)
	if err := w.Flush(); err != nil {
		log.Fatal(err)
	}
	fmt.Println(file.Len(), "bytes")
	// Output: 432 bytes
}
