// Package geo is a package whose types another one uses.
package geo

// Point is a place on the map, in metres.
type Point struct{ X, Y float64 }

// Item has the name of a type of the other package.
type Item struct {
	At Point // where it lies
}

// Heading is a direction.
type Heading string

// The directions.
const (
	North Heading = "n" // up
	South Heading = "s"
)
