// Package centrifugepeer is a channel of centrifuge, over WebSocket and with its protocol in
// JSON: what one client publishes is sent to all that have subscribed.
package centrifugepeer
