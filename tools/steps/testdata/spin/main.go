// Command spin calls a function again and again that takes some instructions for
// each of a hundred rounds.
package main

import "os"

//go:noinline
func hundred(n int) (sum int) {
	for i := range 100 {
		sum += i * n
	}
	return sum
}

func main() {
	os.Stdout.WriteString("running\n")
	sum := 0
	for {
		sum += hundred(sum)
	}
}
