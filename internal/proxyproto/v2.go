package proxyproto

// Version 2: a fixed part of 16 bytes, two addresses, and extensions, of which only the
// checksum is looked at.
//
//	 0           12  13  14      16
//	+-----------+---+---+-------+----------------------------+-----------------------+
//	| signature | v | f | n     | source, destination, and   | extensions: type u8,  |
//	| 12 bytes  |   |   | u16,BE| for IP their ports (u16,BE)| length u16,BE, value  |
//	+-----------+---+---+-------+----------------------------+-----------------------+
//	                             <------------------ n bytes ----------------------->

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"net"
	"net/netip"
)

const (
	v2Signature = "\r\n\r\n\x00\r\nQUIT\n"
	v2Fixed     = 16 // bytes before the addresses

	// The byte v: version 2, and a command.
	v2Local = 0x20 // the conn is the proxy's own
	v2Proxy = 0x21

	// The byte f: the upper half is the family of the addresses, the lower half the
	// transport.
	familyUnspec, familyIPv4, familyIPv6, familyUnix = 0, 1, 2, 3
	transportUnspec, transportStream                 = 0, 1

	unixName = 108 // bytes of the name of a Unix socket, with its padding

	extensionHead     = 3    // bytes of type and length
	extensionChecksum = 0x03 // CRC-32C of the whole header, with 0 in place of the checksum
)

// parseV2 is Parse for b that begins with v2Signature, or is a part of it.
func parseV2(b []byte) (h Header, more int, err error) {
	if len(b) > len(v2Signature) {
		if v := b[len(v2Signature)]; v != v2Local && v != v2Proxy {
			return Header{}, 0, malformed("version and command are %#02x", v)
		}
	}
	if len(b) < v2Fixed {
		return Header{}, v2Fixed - len(b), nil
	}
	whole := v2Fixed + int(binary.BigEndian.Uint16(b[14:]))
	switch {
	case whole > MaxV2:
		return Header{}, 0, ErrTooLong
	case len(b) < whole:
		return Header{}, whole - len(b), nil
	case b[12] == v2Local:
		return Header{}, 0, nil
	}
	source, extensions, err := parseAddresses(b[13], b[v2Fixed:])
	if err == nil && source != nil {
		err = checkExtensions(b, extensions)
	}
	if err != nil {
		return Header{}, 0, err
	}
	return Header{Source: source}, 0, nil
}

// parseAddresses parses the addresses at the front of body, of the family and transport f.
// It returns the source, nil if that is not specified, and the extensions.
func parseAddresses(f byte, body []byte) (source net.Addr, extensions []byte, err error) {
	family, transport := f>>4, f&0xf
	size := 0 // of one address
	switch family {
	case familyIPv4:
		size = net.IPv4len
	case familyIPv6:
		size = net.IPv6len
	case familyUnix:
		size = unixName
	}
	addresses := 2 * size
	if family != familyUnix {
		addresses += 4 // two ports
	}
	switch {
	case family > familyUnix, transport > transportStream:
		return nil, nil, malformed("family and transport are %#02x", f)
	case family == familyUnspec, transport == transportUnspec:
		return nil, nil, nil
	case len(body) < addresses:
		return nil, nil, malformed("%d bytes are too few for the addresses", len(body))
	}
	extensions = body[addresses:]
	if family == familyUnix {
		return unixAddr(body[:size]), extensions, nil
	}
	addr, _ := netip.AddrFromSlice(body[:size])
	return tcpAddr(addr, binary.BigEndian.Uint16(body[2*size:])), extensions, nil
}

// unixAddr is the address of a Unix socket. A name that begins with NUL is in the abstract
// namespace, for which package net writes an @.
func unixAddr(name []byte) *net.UnixAddr {
	if name[0] == 0 {
		if abstract := untilNUL(name[1:]); len(abstract) > 0 {
			return &net.UnixAddr{Net: "unix", Name: "@" + string(abstract)}
		}
	}
	return &net.UnixAddr{Net: "unix", Name: string(untilNUL(name))}
}

// untilNUL is b without the padding after a name.
func untilNUL(b []byte) []byte {
	name, _, _ := bytes.Cut(b, []byte{0})
	return name
}

// checkExtensions walks over the extensions at the end of header, and verifies the checksum
// if there is one.
func checkExtensions(header, extensions []byte) error {
	for rest := extensions; len(rest) > 0; {
		if len(rest) < extensionHead {
			return malformed("%d bytes are left after the last extension", len(rest))
		}
		kind, length := rest[0], int(binary.BigEndian.Uint16(rest[1:]))
		if rest = rest[extensionHead:]; len(rest) < length {
			return malformed("an extension of %d bytes has only %d", length, len(rest))
		}
		if kind == extensionChecksum {
			if err := verify(header, len(header)-len(rest), length); err != nil {
				return err
			}
		}
		rest = rest[length:]
	}
	return nil
}

// verify checks the checksum that lies at header[at:], length bytes long.
func verify(header []byte, at, length int) error {
	if length != crc32.Size {
		return malformed("the checksum has %d bytes", length)
	}
	table := crc32.MakeTable(crc32.Castagnoli)
	sum := crc32.Checksum(header[:at], table)
	sum = crc32.Update(sum, table, make([]byte, crc32.Size))
	sum = crc32.Update(sum, table, header[at+crc32.Size:])
	if sum != binary.BigEndian.Uint32(header[at:]) {
		return ErrChecksum
	}
	return nil
}
