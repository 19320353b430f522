package main

// The flags of commands that read a console.

import (
	"net/http"
	"strings"

	"github.com/spf13/cobra"

	"github.com/packetmq/packetmq/cmd/packetmq/internal/console"
	"github.com/packetmq/packetmq/internal/command"
)

// consoles are the forms of a console's address, for the help of commands.
const consoles = `ADDR is where the program serves its console (package inspect): HOST:PORT, or a URL. Without
a path it is ` + console.DefaultPath + `.`

// consoleFlags are what the flags say of a console.
type consoleFlags struct {
	tls     tlsFlags
	headers []string
}

func (f *consoleFlags) define(c *cobra.Command) {
	f.tls.define(c.Flags())
	c.Flags().StringArrayVarP(&f.headers, "header", "H", nil, "`NAME: VALUE` of a header to send, such as Authorization; can be given several times")
}

// open is the console at an address.
func (f *consoleFlags) open(addr string) (*console.Console, error) {
	cfg, err := f.tls.config()
	if err != nil {
		return nil, err
	}
	header := make(http.Header)
	for _, line := range f.headers {
		name, value, ok := strings.Cut(line, ":")
		if !ok {
			return nil, command.Usagef("--header %q: want NAME: VALUE", line)
		}
		header.Add(strings.TrimSpace(name), strings.TrimSpace(value))
	}
	// A proxy of the environment's would see what is inside; and nothing is kept open at the end.
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: cfg, DisableKeepAlives: true}}
	c, err := console.New(addr, client, header)
	if err != nil {
		return nil, command.UsageError{Err: err}
	}
	return c, nil
}
