// Package twisted is a packetmq server in Python, on Twisted and u-msgpack, as
// a program on the original library is one. The server is a script of this
// package; it needs Debian's python3-twisted and python3-u-msgpack.
//
// In mode any it decodes every payload and encodes it again, which the original
// always does. In mode raw it does not, and so is faster than any program on
// the original can be.
package twisted
