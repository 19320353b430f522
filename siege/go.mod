// Attacks on a server from outside. The program takes nothing of the library
// but how a command line is read; its tests take the whole.
module github.com/packetmq/packetmq/siege

go 1.26

require (
	github.com/montanaflynn/stats v0.14.0
	github.com/packetmq/packetmq v0.0.0
)

require (
	github.com/panjf2000/ants/v2 v2.12.1 // indirect
	github.com/panjf2000/gnet/v2 v2.9.8 // indirect
	github.com/valyala/bytebufferpool v1.0.0 // indirect
	github.com/vmihailenco/msgpack/v5 v5.4.1 // indirect
	github.com/vmihailenco/tagparser/v2 v2.0.0 // indirect
	go.uber.org/multierr v1.11.0 // indirect
	go.uber.org/zap v1.28.0 // indirect
	golang.org/x/sync v0.11.0 // indirect
	golang.org/x/sys v0.30.0 // indirect
	gopkg.in/natefinch/lumberjack.v2 v2.2.1 // indirect
)

replace github.com/packetmq/packetmq => ../
