module github.com/packetmq/packetmq/bench

go 1.26

require (
	github.com/HdrHistogram/hdrhistogram-go v1.4.0
	github.com/packetmq/packetmq v0.0.0
)

replace github.com/packetmq/packetmq => ../
