// Package melodypeer is a room of melody: each message of one WebSocket is sent to all.
package melodypeer
