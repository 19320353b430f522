package proxyproto

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

// signature is that of version 2, written out once more.
var signature = []byte{0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a}

// v2 is a header of version 2 with the bytes v and f, and these parts after the length.
func v2(v, f byte, parts ...[]byte) string {
	body := bytes.Join(parts, nil)
	b := append(bytes.Clone(signature), v, f, byte(len(body)>>8), byte(len(body)))
	return string(append(b, body...))
}

// extension is one of a header of version 2.
func extension(kind byte, value string) []byte {
	return append([]byte{kind, byte(len(value) >> 8), byte(len(value))}, value...)
}

// names are the addresses of two Unix sockets.
func names(source, destination string) []byte {
	b := make([]byte, 216)
	copy(b, source)
	copy(b[108:], destination)
	return b
}

// slowChecksum is CRC-32C bit by bit, as its polynomial defines it.
func slowChecksum(b []byte) uint32 {
	sum := ^uint32(0)
	for _, x := range b {
		sum ^= uint32(x)
		for range 8 {
			sum = sum>>1 ^ 0x82f63b78&-(sum&1)
		}
	}
	return ^sum
}

// summed is header with its checksum, which is put at header[at:].
func summed(header string, at int) string {
	b := []byte(header)
	binary.BigEndian.PutUint32(b[at:], slowChecksum(b))
	return string(b)
}

var (
	ipv4 = []byte{192, 0, 2, 1, 198, 51, 100, 1, 0x9c, 0x40, 0x01, 0xbb}
	ipv6 = []byte{
		0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1,
		0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2,
		0x9c, 0x40, 0x01, 0xbb,
	}
	mapped = append([]byte{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 192, 0, 2, 1}, ipv6[16:]...)

	checked = v2(0x21, 0x11, ipv4, extension(0x02, "a.test"), extension(0x03, "\x00\x00\x00\x00"), extension(0x04, "pad"))
)

// checksumAt is where the checksum of checked is.
const checksumAt = 16 + 12 + 9 + 3

// headers are whole headers, with their source.
var headers = map[string]struct{ header, source string }{
	"TCP4":                   {"PROXY TCP4 192.0.2.1 198.51.100.1 40000 443\r\n", "192.0.2.1:40000"},
	"TCP4, shortest":         {"PROXY TCP4 0.0.0.0 0.0.0.0 0 0\r\n", "0.0.0.0:0"},
	"TCP4, longest":          {"PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n", "255.255.255.255:65535"},
	"TCP6":                   {"PROXY TCP6 2001:db8::1 2001:db8::2 40000 443\r\n", "[2001:db8::1]:40000"},
	"TCP6, longest":          {"PROXY TCP6 " + strings.Repeat("ffff:", 7) + "ffff " + strings.Repeat("ffff:", 7) + "ffff 65535 65535\r\n", "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535"},
	"TCP6, mapped":           {"PROXY TCP6 ::ffff:192.0.2.1 ::1 40000 443\r\n", "192.0.2.1:40000"},
	"UNKNOWN":                {"PROXY UNKNOWN\r\n", ""},
	"UNKNOWN, longest":       {"PROXY UNKNOWN " + strings.Repeat("x", 91) + "\r\n", ""},
	"UNKNOWN with addresses": {"PROXY UNKNOWN 192.0.2.1 198.51.100.1 40000 443\r\n", ""},

	"IPv4":                        {v2(0x21, 0x11, ipv4), "192.0.2.1:40000"},
	"IPv6":                        {v2(0x21, 0x21, ipv6), "[2001:db8::1]:40000"},
	"IPv6, mapped":                {v2(0x21, 0x21, mapped), "192.0.2.1:40000"},
	"Unix":                        {v2(0x21, 0x31, names("/run/client", "/run/proxy")), "/run/client"},
	"Unix, longest":               {v2(0x21, 0x31, names(strings.Repeat("s", 108), "")), strings.Repeat("s", 108)},
	"Unix, abstract":              {v2(0x21, 0x31, names("\x00client", "")), "@client"},
	"Unix, no name":               {v2(0x21, 0x31, names("", "/run/proxy")), ""},
	"LOCAL":                       {v2(0x20, 0x00), ""},
	"LOCAL, what follows is lost": {v2(0x20, 0xff, ipv4[:5]), ""},
	"not specified":               {v2(0x21, 0x00), ""},
	"not specified, with more":    {v2(0x21, 0x00, []byte("??")), ""},
	"no transport":                {v2(0x21, 0x10, ipv4), ""},
	"extensions":                  {v2(0x21, 0x11, ipv4, extension(0x02, "a.test"), extension(0xea, "\x01vpce"), extension(0x04, "")), "192.0.2.1:40000"},
	"extensions, longest":         {v2(0x21, 0x11, ipv4, extension(0x20, strings.Repeat("c", MaxV2-16-12-3))), "192.0.2.1:40000"},
	"checksum":                    {summed(checked, checksumAt), "192.0.2.1:40000"},
	"checksum, Unix":              {summed(v2(0x21, 0x31, names("/run/c", ""), extension(0x03, "\x00\x00\x00\x00")), 16+216+3), "/run/c"},
}

// A header is read to its last byte and no further, in whatever pieces it comes.
func TestHeadersAreRead(t *testing.T) {
	const after = "what follows"
	for name, test := range headers {
		t.Run(name, func(t *testing.T) {
			for _, pieces := range []func(io.Reader) io.Reader{func(r io.Reader) io.Reader { return r }, iotest.OneByteReader, iotest.HalfReader, iotest.DataErrReader} {
				r := pieces(strings.NewReader(test.header + after))
				h, got, err := Read(r)
				if err != nil || string(got) != test.header {
					t.Fatalf("Read returned %q, %v", got, err)
				}
				source := ""
				if h.Source != nil {
					source = h.Source.String()
				}
				if source != test.source {
					t.Errorf("the source is %q, want %q", source, test.source)
				}
				if rest, _ := io.ReadAll(r); string(rest) != after {
					t.Errorf("%q follows", rest)
				}
			}
		})
	}
}

// What breaks a rule is refused, with the rule, as soon as it is seen.
func TestHeadersThatAreRefused(t *testing.T) {
	wrong := []byte(summed(checked, checksumAt))
	wrong[16]++
	for name, test := range map[string]struct {
		input string
		err   error
		word  string // in the error
	}{
		"packetmq": {"\x00\x00\x00\x0c\x00\x00", ErrNoHeader, ""},
		"TLS":      {"\x16", ErrNoHeader, ""},
		"HTTP":     {"GET / HTTP/1.1\r\n", ErrNoHeader, ""},
		"POST":     {"PO", ErrNoHeader, ""},
		"lower":    {"proxy TCP4", ErrNoHeader, ""},
		"CRs":      {"\r\r", ErrNoHeader, ""},

		"no family":       {"PROXY UDP4 1.1.1.1 1.1.1.1 1 1\r\n", ErrMalformed, "family"},
		"UNKNOWNS":        {"PROXY UNKNOWNS\r\n", ErrMalformed, "six"},
		"five fields":     {"PROXY TCP4 1.1.1.1 1.1.1.1 1\r\n", ErrMalformed, "six"},
		"seven fields":    {"PROXY TCP4 1.1.1.1 1.1.1.1 1 1 1\r\n", ErrMalformed, "six"},
		"two spaces":      {"PROXY TCP4  1.1.1.1 1.1.1.1 1 1\r\n", ErrMalformed, "six"},
		"IPv6 in TCP4":    {"PROXY TCP4 ::1 1.1.1.1 1 1\r\n", ErrMalformed, "address"},
		"IPv4 in TCP6":    {"PROXY TCP6 ::1 1.1.1.1 1 1\r\n", ErrMalformed, "address"},
		"zone":            {"PROXY TCP6 fe80::1%eth0 ::1 1 1\r\n", ErrMalformed, "address"},
		"octal":           {"PROXY TCP4 010.1.1.1 1.1.1.1 1 1\r\n", ErrMalformed, "address"},
		"a host":          {"PROXY TCP4 localhost 1.1.1.1 1 1\r\n", ErrMalformed, "address"},
		"a large port":    {"PROXY TCP4 1.1.1.1 1.1.1.1 65536 1\r\n", ErrMalformed, "port"},
		"a padded port":   {"PROXY TCP4 1.1.1.1 1.1.1.1 01 1\r\n", ErrMalformed, "port"},
		"a signed port":   {"PROXY TCP4 1.1.1.1 1.1.1.1 1 +1\r\n", ErrMalformed, "port"},
		"LF alone":        {"PROXY TCP4 1.1.1.1 1.1.1.1 1 1\n", ErrMalformed, "CR"},
		"CR alone":        {"PROXY TCP4 1.1.1.1 1.1.1.1 1 1\rx", ErrMalformed, "CR"},
		"a line too long": {"PROXY UNKNOWN " + strings.Repeat("x", 92), ErrTooLong, ""},
		"an endless line": {"PROXY TCP4 " + strings.Repeat("1", 97), ErrTooLong, ""},

		"version 1":            {string(signature) + "\x11", ErrMalformed, "0x11"},
		"version 3":            {string(signature) + "\x31", ErrMalformed, "0x31"},
		"command":              {string(signature) + "\x22", ErrMalformed, "0x22"},
		"family":               {v2(0x21, 0x41, ipv4), ErrMalformed, "0x41"},
		"transport":            {v2(0x21, 0x13, ipv4), ErrMalformed, "0x13"},
		"datagrams":            {v2(0x21, 0x12, ipv4), ErrMalformed, "0x12"},
		"IPv4, short":          {v2(0x21, 0x11, ipv4[:11]), ErrMalformed, "11 bytes"},
		"IPv6, short":          {v2(0x21, 0x21, ipv4), ErrMalformed, "12 bytes"},
		"Unix, short":          {v2(0x21, 0x31, names("", "")[1:]), ErrMalformed, "215 bytes"},
		"header too long":      {string(signature) + "\x21\x11\x0f\xf1", ErrTooLong, ""},
		"a local too long":     {string(signature) + "\x20\x00\xff\xff", ErrTooLong, ""},
		"extension, cut":       {v2(0x21, 0x11, ipv4, []byte{4, 0}), ErrMalformed, "2 bytes are left"},
		"extension, too long":  {v2(0x21, 0x11, ipv4, []byte{4, 0, 2, 0}), ErrMalformed, "2 bytes has only 1"},
		"checksum":             {string(wrong), ErrChecksum, ""},
		"checksum, short":      {v2(0x21, 0x11, ipv4, extension(3, "\x00\x00\x00")), ErrMalformed, "3 bytes"},
		"checksum, not summed": {checked, ErrChecksum, ""},
	} {
		t.Run(name, func(t *testing.T) {
			h, got, err := Read(io.MultiReader(strings.NewReader(test.input), iotest.ErrReader(errors.New("read on"))))
			if !errors.Is(err, test.err) || !strings.Contains(err.Error(), test.word) {
				t.Errorf("Read returned %v, want %v and %q", err, test.err, test.word)
			}
			if h.Source != nil || !strings.HasPrefix(test.input, string(got)) {
				t.Errorf("Read returned %v, %q", h, got)
			}
		})
	}
}

// A conn that ends before its header is told apart from one that ends within it.
func TestHeadersThatEnd(t *testing.T) {
	if _, got, err := Read(strings.NewReader("")); err != io.EOF || len(got) != 0 {
		t.Errorf("nothing: %q, %v", got, err)
	}
	for name, test := range headers {
		for n := 1; n < len(test.header); n += 1 + n/16 {
			if _, got, err := Read(strings.NewReader(test.header[:n])); err != io.ErrUnexpectedEOF || len(got) != n {
				t.Fatalf("%s: the first %d bytes: %q, %v", name, n, got, err)
			}
		}
	}
}

// readsNothing is a conn that returns nothing, and no error, for ever.
type readsNothing struct{}

func (readsNothing) Read([]byte) (int, error) { return 0, nil }

// A conn that never comes further is given up.
func TestReadWithoutProgress(t *testing.T) {
	begun := io.MultiReader(strings.NewReader("PROXY "), readsNothing{})
	for _, r := range []io.Reader{readsNothing{}, begun} {
		if _, _, err := Read(r); err != io.ErrNoProgress {
			t.Errorf("reading ended with %v", err)
		}
	}
}

// FuzzParse: whatever comes, no more is asked for than a bound, and a header is found as
// the same one whether it comes whole or byte by byte.
func FuzzParse(f *testing.F) {
	for _, test := range headers {
		f.Add([]byte(test.header))
	}
	f.Add([]byte("PROXY TCP4 1.1.1.1 1.1.1.1 1 1\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		whole, got, err := Read(bytes.NewReader(b))
		if len(got) > MaxV2 || begins(got, v1Prefix) && len(got) > MaxV1 {
			t.Fatalf("%d bytes were read", len(got))
		}
		again, slowly, err2 := Read(iotest.OneByteReader(bytes.NewReader(b)))
		if (err == nil) != (err2 == nil) {
			t.Fatalf("at once: %v; byte by byte: %v", err, err2)
		}
		if err != nil {
			return
		}
		if !bytes.Equal(got, slowly) || !bytes.HasPrefix(b, got) {
			t.Fatalf("at once %q, byte by byte %q", got, slowly)
		}
		if (whole.Source == nil) != (again.Source == nil) || whole.Source != nil && whole.Source.String() != again.Source.String() {
			t.Fatalf("at once %v, byte by byte %v", whole, again)
		}
		for n := range got {
			if _, more, err := Parse(got[:n]); err != nil || more < 1 || n+more > len(got) {
				t.Fatalf("after %d of %d bytes %d more are asked for, %v", n, len(got), more, err)
			}
		}
	})
}
