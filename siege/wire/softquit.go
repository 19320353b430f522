package wire

import "fmt"

// Reason is the reason of a softquit, as an error.
type Reason string

func (r Reason) Error() string { return string(r) }

// ReadSoftquit returns the Reason in the payload of a softquit, or why there is
// none.
func ReadSoftquit(b []byte) error {
	n, b, err := ReadMap(b)
	if err != nil || n != 1 {
		return fmt.Errorf("the server sent a softquit that is none: %x", b)
	}
	if _, b, err = ReadText(b); err != nil {
		return err
	}
	why, _, err := ReadText(b)
	if err != nil {
		return err
	}
	return Reason(why)
}
