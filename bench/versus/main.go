package main

import "github.com/packetmq/packetmq/internal/command"

func main() { program().Main() }

func program() *command.Program {
	return &command.Program{
		Name:  "versus",
		About: "Versus compares packetmq with other ways to move packets.",
		Commands: []command.Command{
			{Name: "run", About: "put every server under every load and take down what it costs", Run: runCommand},
			{Name: "report", About: "make a run's results readable: tables, plots, verdicts", Run: reportCommand},
			{Name: "compare", About: "show two runs' results beside each other", Run: compareCommand},
			{Name: "serve", About: "be one of the servers", Run: serveCommand},
			{Name: "node", About: "be one node of a cluster, for as long as standard input is open", Run: nodeCommand},
			{Name: "call", About: "be the load of a server by the client of its library", Run: callCommand},
			{Name: "pin", About: "CPU PRIORITY PROGRAM ARGS: run a program on one CPU", Run: pinCommand},
		},
	}
}
