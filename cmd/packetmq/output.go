package main

// What commands print: text for people, or JSON, one value a line.

import (
	"encoding/json"
	"io"

	"github.com/spf13/cobra"
)

// jsonFlag defines the flag --json.
func jsonFlag(c *cobra.Command, what string) *bool {
	return c.Flags().Bool("json", false, "print JSON: "+what)
}

// printJSON prints v in a line.
func printJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	return e.Encode(v)
}
