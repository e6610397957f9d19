package ledger

import (
	"iter"
	"math"
	"math/bits"
	"slices"
)

// MaxMessages bounds the numbers of messages that any [Books] take: 2^28.
const MaxMessages = 1 << 28

// Books hold one entry of sixteen bytes a message and take facts in any order.
// Where two facts about a message contradict each other, as two last words do,
// the later one counts. Each offset of the log must be reported only once.
//
// Books belong to one goroutine at a time: nothing in them is locked.
type Books struct {
	// Limit is how many messages there can be: a fact about a message numbered
	// Limit or more is ignored, and counted. Set it before the first Add; 0 means
	// MaxMessages. It keeps a wrong number in a header or a file from taking memory.
	Limit int64

	pages    []*page // entries by seq; nil where there was no fact yet
	len      int64
	far      map[int64][]int32 // by seq: attempts with a copy that an entry's near has no bit for
	attempts map[Cause]int64
	unread   int64
	ignored  int64
	settled  bool
}

// pageLen is how many messages share a page: 64 KiB of entries.
const pageLen = 4096

// page is a stretch of entries, and their sum when it was last asked for.
type page struct {
	entries [pageLen]entry
	first   int64 // the number of the first
	stale   bool  // an entry has changed since sum
	sum     tally
}

// entry is all that is kept of a message.
type entry struct {
	flags       flag
	cause       Cause  // of the last word: told or dropped
	answer      Cause  // of the producer's last no
	near        uint16 // bit n-1: attempt n, up to 16, has a copy
	copies      uint16 // by attempts of the application's
	republished uint16 // copies
	replayed    uint16 // copies
	consumed    uint16
}

// flag is what an entry has seen. An entry without a flag has seen nothing.
type flag uint16

const (
	outcomeMask flag = 3 // the Outcome that the application was told
	known       flag = 1 << (1 + iota)
	scheduled
	dropped
	accepted
	farAttempts // some copies are in Books.far
)

// NewBooks returns empty books.
func NewBooks() *Books {
	return &Books{attempts: make(map[Cause]int64), far: make(map[int64][]int32)}
}

// Add enters a fact. Facts that are not about a message are passed over, but
// for Unread. It keeps nothing of f.
func (b *Books) Add(f *Fact) {
	if f.Kind == Unread {
		b.unread += max(f.Until-f.Offset, 0)
		return
	}
	if !f.Kind.OfMessage() {
		return
	}
	e := b.entry(f.Seq)
	if e == nil {
		b.ignored++
		return
	}
	switch f.Kind {
	case Written:
		b.copied(e, f)
		return
	case Consumed:
		b.count(&e.consumed)
		return
	}
	e.flags |= scheduled
	switch f.Kind {
	case Dropped:
		e.flags |= dropped
		if e.told() == NotTold {
			e.cause = f.Cause
		}
	case Accepted:
		e.flags |= accepted
	case Answered:
		e.flags |= accepted
		if f.Outcome == Failed {
			e.answer = f.Cause
		}
	case Retried:
		b.attempts[f.Cause]++
	case Told:
		if f.Outcome == NotTold || f.Outcome > Unknown {
			b.ignored++
			return
		}
		e.flags = e.flags&^outcomeMask | flag(f.Outcome)
		e.cause = f.Cause
		if f.Outcome != Confirmed && f.Attempt > 0 {
			b.attempts[f.Cause]++
		}
	}
}

// entry finds or makes the entry of a message that is about to change, or nil
// when its number is out of bounds.
func (b *Books) entry(seq int64) *entry {
	limit := int64(MaxMessages)
	if b.Limit > 0 {
		limit = min(b.Limit, limit)
	}
	if seq < 0 || seq >= limit {
		return nil
	}
	for int(seq/pageLen) >= len(b.pages) {
		b.pages = append(b.pages, nil)
	}
	p := b.pages[seq/pageLen]
	if p == nil {
		p = &page{first: seq / pageLen * pageLen}
		b.pages[seq/pageLen] = p
	}
	p.stale = true
	e := &p.entries[seq%pageLen]
	if e.flags == 0 {
		e.flags = known
		b.len++
	}
	return e
}

// copied enters a copy in the log.
func (b *Books) copied(e *entry, f *Fact) {
	switch f.Maker {
	case MadeByRepublish:
		b.count(&e.republished)
	case MadeByReplay:
		b.count(&e.replayed)
	default:
		if b.count(&e.copies) {
			b.wrote(e, f)
		}
	}
}

// wrote remembers that an attempt has a copy.
func (b *Books) wrote(e *entry, f *Fact) {
	if f.Attempt >= 1 && f.Attempt <= 16 {
		e.near |= 1 << (f.Attempt - 1)
		return
	}
	if !slices.Contains(b.far[f.Seq], f.Attempt) {
		e.flags |= farAttempts
		b.far[f.Seq] = append(b.far[f.Seq], f.Attempt)
	}
}

// count adds one, unless no more fits: then the fact is ignored, and counted.
func (b *Books) count(n *uint16) bool {
	if *n == math.MaxUint16 {
		b.ignored++
		return false
	}
	*n++
	return true
}

// Len is how many messages any fact was about.
func (b *Books) Len() int64 { return b.len }

// Entry is what is known about a message; the zero Entry when nothing is.
func (b *Books) Entry(seq int64) Entry {
	if seq < 0 || seq/pageLen >= int64(len(b.pages)) || b.pages[seq/pageLen] == nil {
		return Entry{}
	}
	e := &b.pages[seq/pageLen].entries[seq%pageLen]
	if e.flags == 0 {
		return Entry{}
	}
	return b.read(e, seq, b.settled)
}

// Entries yields every message that any fact was about, in the order of their
// numbers. Nothing may be added meanwhile.
func (b *Books) Entries() iter.Seq2[int64, Entry] {
	return func(yield func(int64, Entry) bool) {
		for _, p := range b.pages {
			if p == nil {
				continue
			}
			for i := range p.entries {
				e, seq := &p.entries[i], p.first+int64(i)
				if e.flags != 0 && !yield(seq, b.read(e, seq, b.settled)) {
					return
				}
			}
		}
	}
}

func (e *entry) told() Outcome { return Outcome(e.flags & outcomeMask) }

func (e *entry) total() int { return int(e.copies) + int(e.republished) + int(e.replayed) }

// taken says that the producer has had the message, or that the log has it.
func (e *entry) taken() bool { return e.flags&accepted != 0 || e.total() > 0 }

// read is an entry for others to read: here every message gets its place.
func (b *Books) read(e *entry, seq int64, settled bool) Entry {
	out := Entry{
		Scheduled: e.flags&scheduled != 0,
		Outcome:   e.told(),
		Cause:     e.cause,
		Copies:    e.total(),
		Extra:     b.extra(e, seq),
		Consumed:  int(e.consumed),
	}
	if !out.Scheduled {
		return out
	}
	if out.Outcome == NotTold && (settled || e.flags&dropped != 0) {
		if e.flags&dropped == 0 {
			out.Cause = ApplicationKilled
		}
		// Copies in the log make a liar of "dropped": somebody has put the
		// message out, and the application was told nothing about it.
		if e.taken() {
			out.Outcome = Unknown
		} else {
			out.Dropped = true
		}
	}
	if out.Lost() {
		out.Cause = e.lostBy(out)
		if out.Cause == WaitTimeout {
			out.Late = e.answer
		}
	}
	return out
}

// lostBy is why a lost message is lost. An application that does not listen
// never learns why; the producer's own answer knows better.
func (e *entry) lostBy(out Entry) Cause {
	switch {
	case out.Outcome == Confirmed:
		return Acknowledged
	case out.Cause == NotAwaited && e.answer != NoCause:
		return e.answer
	case out.Cause == NoCause:
		return Other
	default:
		return out.Cause
	}
}

// extra are the copies beyond the first, by who made them. The application's own
// come before a replay's, a replay's before those put out after the run.
func (b *Books) extra(e *entry, seq int64) (extra [makers]int) {
	if e.total() < 2 {
		return extra
	}
	attempts := bits.OnesCount16(e.near)
	if e.flags&farAttempts != 0 {
		attempts += len(b.far[seq])
	}
	extra[MadeByApplication] = attempts
	extra[MadeByClient] = int(e.copies) - attempts
	extra[MadeByReplay] = int(e.replayed)
	extra[MadeByRepublish] = int(e.republished)
	for _, maker := range []Maker{MadeByApplication, MadeByReplay, MadeByRepublish} {
		if extra[maker] > 0 {
			extra[maker]-- // the first copy is not an extra one
			break
		}
	}
	return extra
}
