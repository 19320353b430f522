package proxyproto

import (
	"strings"
	"testing"
)

func BenchmarkRead(b *testing.B) {
	for _, name := range []string{"TCP4", "IPv4", "checksum", "extensions, longest"} {
		b.Run(name, func(b *testing.B) {
			header := headers[name].header
			b.ReportAllocs()
			for b.Loop() {
				if _, _, err := Read(strings.NewReader(header)); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
