// Package replay plays a capture to a program of which the source is there, by capture.Play.
//
//	result, err := replay.Run(ctx, "sale.pmqcap", "./shop", "NewReplay")
//
// A capture is played to code, so that has to be built: Run has the go command build a test of
// the package that calls its function, with all other tests of it left out. Nothing is written
// into the package's directory.
package replay
