package capture

// Reader: reads the records of a capture.

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"time"
)

// ErrFormat is returned by Open for what is no capture.
var ErrFormat = errors.New("capture: not a capture")

// VersionError is a capture of a later version than this package knows.
type VersionError struct{ Version uint64 }

// Error implements error.
func (e *VersionError) Error() string {
	return fmt.Sprintf("capture: file has version %d, and this program knows up to %d", e.Version, version)
}

// RecordError is a record that cannot be read. The records before it were sound: a file whose
// writer died ends so.
type RecordError struct {
	Offset int64 // of the record in the file, in bytes
	Err    error
}

// Error implements error.
func (e *RecordError) Error() string {
	return fmt.Sprintf("capture: record at byte %d: %v", e.Offset, e.Err)
}

// Unwrap returns Err.
func (e *RecordError) Unwrap() error { return e.Err }

// Reader reads the records of a capture, one after the other. It keeps one record in memory.
type Reader struct {
	r      *bufio.Reader
	start  Record
	offset int64 // of the next record
	buf    []byte
	err    error // what Next returns from now on
}

// Open begins to read a capture. The errors are ErrFormat, a *VersionError, a *RecordError, or
// that of r.
func Open(r io.Reader) (*Reader, error) {
	read := &Reader{r: bufio.NewReaderSize(r, 64<<10)}
	var head [len(magic)]byte
	if _, err := io.ReadFull(read.r, head[:]); err != nil && !isEnd(err) {
		return nil, err
	}
	if string(head[:]) != magic {
		return nil, ErrFormat
	}
	read.offset = int64(len(magic))
	var err error
	if read.start, err = read.Next(); err != nil {
		return nil, err
	}
	switch {
	case read.start.Kind != Start:
		return nil, ErrFormat
	case read.start.N > version:
		return nil, &VersionError{read.start.N}
	}
	return read, nil
}

// OpenFile is Open for a file, which the caller closes.
func OpenFile(name string) (*Reader, io.Closer, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, nil, err
	}
	r, err := Open(f)
	if err != nil {
		f.Close()
		return nil, nil, err
	}
	return r, f, nil
}

// Wall is the time of day at a Time of a record.
func (r *Reader) Wall(at time.Duration) time.Time { return r.start.Wall.Add(at) }

// Next returns the next record. io.EOF means that there is none. The Data of a record is valid
// until the next call.
func (r *Reader) Next() (rec Record, err error) {
	if r.err != nil {
		return Record{}, r.err
	}
	if rec, err = r.next(); err != nil {
		if err != io.EOF {
			err = &RecordError{r.offset, err}
		}
		r.err = err
		return Record{}, err
	}
	return rec, nil
}

func (r *Reader) next() (rec Record, err error) {
	var length [4]byte
	if _, err := io.ReadFull(r.r, length[:]); err != nil {
		return rec, err // io.EOF where the last record ended
	}
	n := int64(binary.BigEndian.Uint32(length[:]))
	if n > maxRecord {
		return rec, errors.New("it is too large")
	}
	if err := r.fill(int(n)); err != nil {
		if isEnd(err) {
			err = io.ErrUnexpectedEOF
		}
		return rec, err
	}
	if rec, err = parse(r.buf); err != nil {
		return rec, err
	}
	r.offset += 4 + n
	return rec, nil
}

// fill reads n bytes into buf. What it allocates grows with what was read, not with what a
// length says.
func (r *Reader) fill(n int) error {
	r.buf = r.buf[:0]
	for len(r.buf) < n {
		step := min(n-len(r.buf), 64<<10)
		at := len(r.buf)
		for cap(r.buf) < at+step {
			r.buf = append(r.buf[:cap(r.buf)], 0)
		}
		r.buf = r.buf[:at+step]
		if _, err := io.ReadFull(r.r, r.buf[at:]); err != nil {
			return err
		}
	}
	return nil
}

func isEnd(err error) bool { return err == io.EOF || err == io.ErrUnexpectedEOF }

// Records yields all records that are left. The last pair has an error if the capture cannot
// be read to its end.
func (r *Reader) Records() iter.Seq2[Record, error] {
	return func(yield func(Record, error) bool) {
		for {
			rec, err := r.Next()
			if err == io.EOF {
				return
			}
			if !yield(rec, err) || err != nil {
				return
			}
		}
	}
}
