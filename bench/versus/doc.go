// Command versus measures packetmq beside other ways to move packets.
package main
