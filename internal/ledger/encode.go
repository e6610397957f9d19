package ledger

import (
	"encoding/binary"
	"errors"
	"time"
	"unicode/utf8"
)

// A fact in a block, as bytes:
//
//	head     1 byte: kind (4 bits), outcome or for Written maker (2 bits),
//	         attempt is 1 (1 bit), a cause follows (1 bit)
//	seq      varint, difference to the fact before it in the block
//	at       varint, microseconds, difference to the fact before it
//	cause    varint, when the head says so
//	...      uvarints: what the kind sets, in the order of the fields below
//
// A message that went well takes some 50 bytes for its six facts.

// What the head byte is made of.
const (
	kindBits     = 0x0f
	outcomeShift = 4
	outcomeBits  = 0x03
	firstAttempt = 0x40
	withCause    = 0x80
)

// field is a set of fields of a Fact beside those that every fact has.
type field uint16

const (
	hasAttempt field = 1 << iota
	hasLag
	hasQueue
	hasBlocked
	hasAck
	hasSend
	hasTotal
	hasPlace // Partition and Offset
	hasUntil
	hasNote
	hasSample
)

// fields are what each kind sets, as its comment in fact.go says. What is not
// named there is not kept.
var fields = [kinds]field{
	Offered:      hasLag,
	Dropped:      0,
	Accepted:     hasAttempt | hasQueue | hasBlocked,
	Refused:      hasAttempt | hasQueue | hasBlocked,
	Answered:     hasAttempt | hasAck | hasPlace,
	Retried:      hasAttempt,
	Told:         hasAttempt | hasSend | hasTotal,
	Written:      hasAttempt | hasPlace,
	Consumed:     hasAttempt | hasPlace,
	Unread:       hasPlace | hasUntil,
	FaultBegan:   hasNote,
	FaultEnded:   hasNote,
	StateChanged: hasNote,
	Sampled:      hasSample,
}

const (
	// maxNote is how many bytes of a note are kept.
	maxNote = 4 << 10
	// maxFact is more than the longest fact takes: a note, or seventeen varints.
	maxFact = maxNote + 256
)

// cursor is the fact before, against which the next one is written or read.
// Every block begins with a zero cursor, so that it can be read alone.
type cursor struct {
	seq int64
	at  int64 // microseconds
}

// micros is what is kept of a duration: whole microseconds, the rest cut off.
func micros(d time.Duration) int64 { return int64(d / time.Microsecond) }

// appendFact appends f to b and moves the cursor to it.
func appendFact(b []byte, f *Fact, c *cursor) []byte {
	set := fields[f.Kind]
	head := byte(f.Kind)
	if f.Kind == Written {
		head |= byte(f.Maker) << outcomeShift
	} else {
		head |= byte(f.Outcome) << outcomeShift
	}
	if set&hasAttempt != 0 && f.Attempt == 1 {
		head |= firstAttempt
	}
	if f.Cause != NoCause {
		head |= withCause
	}
	at := micros(f.At)
	b = append(b, head)
	b = binary.AppendVarint(b, f.Seq-c.seq)
	b = binary.AppendVarint(b, at-c.at)
	c.seq, c.at = f.Seq, at

	if f.Cause != NoCause {
		b = binary.AppendVarint(b, int64(f.Cause))
	}
	if set&hasAttempt != 0 && f.Attempt != 1 {
		b = binary.AppendUvarint(b, uint64(uint32(f.Attempt)))
	}
	if set&hasLag != 0 {
		b = binary.AppendUvarint(b, uint64(micros(f.Lag)))
	}
	if set&hasQueue != 0 {
		b = binary.AppendUvarint(b, uint64(micros(f.Queue)))
	}
	if set&hasBlocked != 0 {
		b = binary.AppendUvarint(b, uint64(micros(f.Blocked)))
	}
	if set&hasAck != 0 {
		b = binary.AppendUvarint(b, uint64(micros(f.Ack)))
	}
	if set&hasSend != 0 {
		b = binary.AppendUvarint(b, uint64(micros(f.Send)))
	}
	if set&hasTotal != 0 {
		b = binary.AppendUvarint(b, uint64(micros(f.Total)))
	}
	if set&hasPlace != 0 {
		b = binary.AppendUvarint(b, uint64(uint32(f.Partition)))
		b = binary.AppendUvarint(b, uint64(f.Offset))
	}
	if set&hasUntil != 0 {
		b = binary.AppendUvarint(b, uint64(f.Until))
	}
	if set&hasNote != 0 {
		note := clip(f.Note)
		b = binary.AppendUvarint(b, uint64(len(note)))
		b = append(b, note...)
	}
	if set&hasSample != 0 {
		b = appendSample(b, f.Sample)
	}
	return b
}

// clip cuts a note that is too long, between two characters where it can.
func clip(note string) string {
	if len(note) <= maxNote {
		return note
	}
	end := maxNote
	for end > maxNote-utf8.UTFMax && !utf8.RuneStart(note[end]) {
		end--
	}
	return note[:end]
}

// figures are a sample's figures in the order in which they are written.
func (s *Sample) figures() [11]*int64 {
	return [...]*int64{
		&s.BufferTotal, &s.BufferAvailable, &s.BufferWaiters, &s.Queued, &s.InFlight,
		(*int64)(&s.ThrottleTime), &s.EndOffsets, &s.Committed,
		&s.RecordRetries, &s.RecordErrors, &s.BytesSent,
	}
}

// appendSample appends how many figures follow, none for no sample, and the
// figures. ThrottleTime keeps its nanoseconds.
func appendSample(b []byte, s *Sample) []byte {
	if s == nil {
		return append(b, 0)
	}
	figures := s.figures()
	b = append(b, byte(len(figures)))
	for _, figure := range figures {
		b = binary.AppendUvarint(b, uint64(*figure))
	}
	return b
}

// errMalformed is a block whose checksum is right and whose content is not: a
// file that something else has written.
var errMalformed = errors.New("its content is not a list of facts")

// decoder reads facts from the payload of a block.
type decoder struct {
	b []byte
	c cursor
	// broken says that b ended too early, or held what no fact holds. It is
	// looked at once a fact, not once a field.
	broken bool
}

func (d *decoder) uvarint() uint64 {
	if len(d.b) > 0 && d.b[0] < 0x80 {
		v := d.b[0]
		d.b = d.b[1:]
		return uint64(v)
	}
	v, n := binary.Uvarint(d.b)
	if n <= 0 {
		d.broken, d.b = true, nil
		return 0
	}
	d.b = d.b[n:]
	return v
}

func (d *decoder) varint() int64 {
	u := d.uvarint()
	return int64(u>>1) ^ -int64(u&1)
}

func (d *decoder) duration() time.Duration {
	return time.Duration(d.uvarint()) * time.Microsecond
}

// fact reads the next fact into f, every field of it.
func (d *decoder) fact(f *Fact) error {
	*f = Fact{}
	head := d.b[0]
	d.b = d.b[1:]
	f.Kind = Kind(head & kindBits)
	if f.Kind == 0 || f.Kind >= kinds {
		return errMalformed
	}
	if f.Kind == Written {
		f.Maker = Maker(head >> outcomeShift & outcomeBits)
	} else {
		f.Outcome = Outcome(head >> outcomeShift & outcomeBits)
	}
	d.c.seq += d.varint()
	d.c.at += d.varint()
	f.Seq, f.At = d.c.seq, time.Duration(d.c.at)*time.Microsecond

	if head&withCause != 0 {
		f.Cause = Cause(d.varint())
	}
	set := fields[f.Kind]
	if set&hasAttempt != 0 {
		f.Attempt = 1
		if head&firstAttempt == 0 {
			f.Attempt = int32(d.uvarint())
		}
	}
	if set&hasLag != 0 {
		f.Lag = d.duration()
	}
	if set&hasQueue != 0 {
		f.Queue = d.duration()
	}
	if set&hasBlocked != 0 {
		f.Blocked = d.duration()
	}
	if set&hasAck != 0 {
		f.Ack = d.duration()
	}
	if set&hasSend != 0 {
		f.Send = d.duration()
	}
	if set&hasTotal != 0 {
		f.Total = d.duration()
	}
	if set&hasPlace != 0 {
		f.Partition = int32(d.uvarint())
		f.Offset = int64(d.uvarint())
	}
	if set&hasUntil != 0 {
		f.Until = int64(d.uvarint())
	}
	if set&hasNote != 0 {
		f.Note = d.note()
	}
	if set&hasSample != 0 {
		f.Sample = d.sample()
	}
	if d.broken {
		return errMalformed
	}
	return nil
}

func (d *decoder) note() string {
	n := d.uvarint()
	if n > uint64(len(d.b)) {
		d.broken = true
		return ""
	}
	note := string(d.b[:n])
	d.b = d.b[n:]
	return note
}

func (d *decoder) sample() *Sample {
	n := d.uvarint()
	if n == 0 {
		return nil
	}
	s := new(Sample)
	figures := s.figures()
	if n != uint64(len(figures)) {
		d.broken = true
		return nil
	}
	for _, figure := range figures {
		*figure = int64(d.uvarint())
	}
	return s
}

// decodeFacts appends every fact of a block's payload to facts.
func decodeFacts(facts []Fact, payload []byte) ([]Fact, error) {
	d := decoder{b: payload}
	for len(d.b) > 0 {
		facts = append(facts, Fact{})
		if err := d.fact(&facts[len(facts)-1]); err != nil {
			return facts[:len(facts)-1], err
		}
	}
	return facts, nil
}
