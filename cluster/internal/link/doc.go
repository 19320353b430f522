// Package link makes a stream of bytes over messages that may be lost, doubled, delayed or
// reordered: what TCP does over IP, for what NATS does not promise. It does no input or output
// and knows no clock: a Link takes the segments that came and says which to send.
//
// A side may have Window bytes under way. What is missing is asked for at once when something
// after it comes, and sent again when it is not acknowledged in time.
package link
