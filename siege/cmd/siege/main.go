// Command siege is the program of package siege.
package main

import "github.com/packetmq/packetmq/siege"

func main() { siege.Program().Main() }
