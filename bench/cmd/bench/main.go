// Command bench is the program of package bench.
package main

import "github.com/packetmq/packetmq/bench"

func main() { bench.Program().Main() }
