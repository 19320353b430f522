// Command cluster shows nodes and their users at work, in processes: see package trial.
package main

import "github.com/packetmq/packetmq/cluster/embedded/internal/trial"

func main() { trial.Program().Main() }
