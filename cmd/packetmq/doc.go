// The command packetmq is the one program for those who build and run what speaks packetmq:
// it writes TypeScript from Go source, talks to servers, and shows what they do.
//
//	packetmq gen ts ./proto -o web/proto.ts
//	packetmq ping tcp://localhost:7000
//
// docs/command.md has a part for each command, and packetmq COMMAND --help lists its flags.
//
// Exit codes: 0 when the command did what it was asked for, 1 when it failed, 2 when the
// command line cannot be followed.
package main
