package publisher

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"kafkasim.example/simd/internal/ledger"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// fate is what a fake sender does with one attempt.
type fate struct {
	blocks time.Duration // inside Send
	refuse ledger.Cause  // then
	never  bool          // the answer never comes
	after  time.Duration // the answer comes so long after Send; 0: inside Send; negative: when the sender is closed
	no     ledger.Cause  // the answer is this no
}

const atClose = -1 // of fate.after

// fake is a producer that does as it is told.
type fake struct {
	fate func(m Message, attempt int) fate

	mu     sync.Mutex
	left   []func(Answer) // to be answered when closed
	closed chan struct{}
	timers sync.WaitGroup
}

func newFake(f func(m Message, attempt int) fate) *fake {
	return &fake{fate: f, closed: make(chan struct{})}
}

var _ Sender = (*fake)(nil)

func (s *fake) Send(m Message, attempt int, done func(Answer)) error {
	f := s.fate(m, attempt)
	select {
	case <-s.closed:
		return &Refusal{Cause: ledger.Closed}
	default:
	}
	if f.blocks > 0 {
		block := time.NewTimer(f.blocks)
		defer block.Stop()
		select {
		case <-block.C:
		case <-s.closed:
			return &Refusal{Cause: ledger.Closed}
		}
	}
	answer := Answer{Partition: int32(m.Seq % 9), Offset: m.Seq}
	if f.no != ledger.NoCause {
		answer = Answer{Err: errors.New(f.no.String()), Cause: f.no}
	}
	switch {
	case f.refuse != ledger.NoCause:
		return &Refusal{Cause: f.refuse}
	case f.never:
	case f.after == 0:
		done(answer)
	case f.after > 0:
		s.timers.Go(func() {
			time.Sleep(f.after)
			done(answer)
		})
	default:
		s.mu.Lock()
		defer s.mu.Unlock()
		select {
		case <-s.closed: // meanwhile
			done(Answer{Err: errors.New("closed"), Cause: ledger.Closed})
		default:
			s.left = append(s.left, done)
		}
	}
	return nil
}

// close fails what has not been answered and what is still inside Send.
func (s *fake) close() {
	s.mu.Lock()
	close(s.closed)
	left := s.left
	s.mu.Unlock()
	for _, done := range left {
		done(Answer{Err: errors.New("closed"), Cause: ledger.Closed})
	}
}

// notebook is a recorder that keeps everything.
type notebook struct {
	mu    sync.Mutex
	facts []ledger.Fact
}

func (n *notebook) Record(f ledger.Fact) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.facts = append(n.facts, f)
}

// of returns the facts of one message, in words.
func (n *notebook) of(seq int64) []string {
	n.mu.Lock()
	defer n.mu.Unlock()
	var words []string
	for _, f := range n.facts {
		if f.Seq == seq {
			words = append(words, inWords(f))
		}
	}
	return words
}

// inWords is a fact as a line: what the kind sets, and nothing else.
func inWords(f ledger.Fact) string {
	verdict := f.Outcome.String()
	if f.Cause != ledger.NoCause {
		verdict += " " + f.Cause.String()
	}
	switch f.Kind {
	case ledger.Offered:
		return fmt.Sprintf("%v offered, lag %v", f.At, f.Lag)
	case ledger.Dropped:
		return fmt.Sprintf("%v dropped %v", f.At, f.Cause)
	case ledger.Accepted:
		return fmt.Sprintf("%v accepted %d, queue %v, blocked %v", f.At, f.Attempt, f.Queue, f.Blocked)
	case ledger.Refused:
		return fmt.Sprintf("%v refused %d %v, queue %v, blocked %v", f.At, f.Attempt, f.Cause, f.Queue, f.Blocked)
	case ledger.Answered:
		place := ""
		if f.Outcome == ledger.Confirmed {
			place = fmt.Sprintf(" at %d/%d", f.Partition, f.Offset)
		}
		return fmt.Sprintf("%v answered %d %s%s, ack %v", f.At, f.Attempt, verdict, place, f.Ack)
	case ledger.Retried:
		return fmt.Sprintf("%v retried %d %s", f.At, f.Attempt, verdict)
	case ledger.Told:
		return fmt.Sprintf("%v told %d %s, send %v, total %v", f.At, f.Attempt, verdict, f.Send, f.Total)
	default:
		return fmt.Sprintf("unexpected %+v", f)
	}
}
