package command

import (
	"io"
	"os/exec"
)

// Start starts another process with pipes to its standard input and from its
// standard output. Wait of cmd closes both.
func Start(cmd *exec.Cmd) (in io.WriteCloser, out io.ReadCloser, err error) {
	if in, err = cmd.StdinPipe(); err != nil {
		return nil, nil, err
	}
	if out, err = cmd.StdoutPipe(); err != nil {
		return nil, nil, err
	}
	return in, out, cmd.Start()
}
