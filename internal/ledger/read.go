package ledger

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"iter"
	"os"
	"strings"
)

// Read yields the facts of a file in the order in which [Options.Each] got
// them, block by block, in little memory. A file that is still being written is
// read up to its last whole block.
//
// A torn tail, which a killed process leaves behind, is no error: what is
// not a whole block is passed over, and [Check] says how much that was. A block
// that is whole and wrong is: after every fact before it comes a last pair with
// a *[CorruptBlock]. Other errors, too, come last.
func Read(path string) iter.Seq2[Fact, error] {
	return func(yield func(Fact, error) bool) {
		file, err := os.Open(path)
		if err != nil {
			yield(Fact{}, unreadable(path, err))
			return
		}
		defer file.Close()
		r := newReader(path, file)
		for {
			facts, err := r.next()
			for i := range facts {
				if !yield(facts[i], nil) {
					return
				}
			}
			if errors.Is(err, io.EOF) {
				return
			}
			if err != nil {
				yield(Fact{}, err)
				return
			}
		}
	}
}

// Condition is what is in a facts file.
type Condition struct {
	Blocks int64
	Facts  int64
	Bytes  int64 // of the title and the whole blocks
	// Torn is how many bytes follow the last whole block: what the writer was
	// about when it was killed. None of it is a fact.
	Torn int64
}

// Check reads a whole file and says what is in it. With an error, which is one
// of Read's, the Condition is that of the part before it.
func Check(path string) (Condition, error) {
	file, err := os.Open(path)
	if err != nil {
		return Condition{}, unreadable(path, err)
	}
	defer file.Close()
	r := newReader(path, file)
	for {
		if _, err := r.next(); errors.Is(err, io.EOF) {
			return r.seen, nil
		} else if err != nil {
			return r.seen, err
		}
	}
}

func unreadable(path string, err error) error {
	return fmt.Errorf("facts file %s: cannot be read: %w", path, reasonOf(err))
}

// reader reads a facts file block by block.
type reader struct {
	path    string
	from    *bufio.Reader
	seen    Condition
	payload []byte
	facts   []Fact
}

func newReader(path string, from io.Reader) *reader {
	return &reader{path: path, from: bufio.NewReaderSize(from, blockSize), payload: make([]byte, maxPayload)}
}

// next returns the next block's facts, good until the call after it; io.EOF at
// the end, torn or not.
func (r *reader) next() ([]Fact, error) {
	if r.seen.Bytes == 0 {
		if err := r.readTitle(); err != nil {
			return nil, err
		}
	}
	var raw [headerSize]byte
	if err := r.readFull(raw[:]); err != nil {
		return nil, err
	}
	h, ok := parseHeader(raw[:])
	if !ok {
		return nil, r.badHeader(raw[:])
	}
	if h.length > maxPayload || h.length == 0 {
		return nil, r.corrupt(fmt.Sprintf("its length is %d, not 1 to %d", h.length, maxPayload))
	}
	payload := r.payload[:h.length]
	if err := r.readFull(payload); err != nil {
		if errors.Is(err, io.EOF) {
			r.seen.Torn += headerSize
		}
		return nil, err
	}
	if crc32.Checksum(payload, castagnoli) != h.checksum {
		return nil, r.corrupt("its checksum is wrong")
	}
	facts, err := decodeFacts(r.facts[:0], payload)
	if err != nil {
		return nil, r.corrupt(err.Error())
	}
	if len(facts) != int(h.facts) {
		return nil, r.corrupt(fmt.Sprintf("it holds %d facts and says %d", len(facts), h.facts))
	}
	r.facts = facts
	r.seen.Blocks++
	r.seen.Facts += int64(len(facts))
	r.seen.Bytes += headerSize + int64(h.length)
	return facts, nil
}

// readTitle checks that the file is one of ours. Its first bytes alone are what
// is left when the process was killed while it wrote them.
func (r *reader) readTitle() error {
	got := make([]byte, len(title))
	n, err := io.ReadFull(r.from, got)
	got = got[:n]
	switch {
	case err != nil && err != io.EOF && err != io.ErrUnexpectedEOF:
		return unreadable(r.path, err)
	case string(got) == title:
		r.seen.Bytes = int64(n)
		return nil
	case strings.HasPrefix(title, string(got)):
		r.seen.Torn = int64(n)
		return io.EOF
	case bytes.HasPrefix(got, []byte(title[:len(title)-2])):
		return fmt.Errorf("facts file %s: begins with %q, and this simd reads %q: read it with the simd that wrote it", r.path, got, title)
	default:
		return fmt.Errorf("facts file %s: begins with %q, not with %q: it is no facts file", r.path, got, title)
	}
}

// readFull fills p. When the file ends before, it counts what was there as torn
// and returns io.EOF.
func (r *reader) readFull(p []byte) error {
	n, err := io.ReadFull(r.from, p)
	if errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) {
		r.seen.Torn = int64(n)
		return io.EOF
	}
	if err != nil {
		return unreadable(r.path, err)
	}
	return nil
}

// badHeader says what it means that a header's checksum is wrong: a file that
// is nothing but zeros from here on is one that the machine went down under,
// when its length was on the disk and its last bytes were not; that is a torn
// tail. Anything else is a corrupt block.
func (r *reader) badHeader(raw []byte) error {
	zeros := int64(len(raw))
	for _, b := range raw {
		if b != 0 {
			return r.corrupt("its header's checksum is wrong")
		}
	}
	for {
		b, err := r.from.ReadByte()
		switch {
		case err == io.EOF:
			r.seen.Torn = zeros
			return io.EOF
		case err != nil:
			return unreadable(r.path, err)
		case b != 0:
			return r.corrupt("its header is missing")
		}
		zeros++
	}
}

func (r *reader) corrupt(reason string) error {
	return &CorruptBlock{Path: r.path, Offset: r.seen.Bytes, Facts: r.seen.Facts, Reason: reason}
}
