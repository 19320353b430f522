package bench

// The program and its commands.

import "github.com/packetmq/packetmq/internal/command"

// Program is the program, for a command of its own or as a part of another.
func Program() *command.Program { return tool() }

func tool() *command.Program {
	return &command.Program{
		Name:  "bench",
		About: "Bench puts real traffic on packetmq and measures it.",
		Commands: []command.Command{
			{Name: "serve", About: "answer every bench:echo with a bench:reply", Run: serveCommand},
			{Name: "load", About: "keep a server busy and check each reply", Run: loadCommand},
			{Name: "beside", About: "measure how late a game's snapshots are beside a second reactor", Run: besideCommand},
			{Name: "state", About: "measure readers of a state beside others that stall", Run: stateCommand},
			{Name: "run", About: "show both at work, and memory clients beside them", Run: runCommand},
		},
	}
}
