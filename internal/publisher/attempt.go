package publisher

import (
	"time"

	"kafkasim.example/simd/internal/ledger"
)

// try is a message in hand, and which attempt at it is being made or was the last.
type try struct {
	Message
	n     int32         // counts from 1; 0: none yet
	taken time.Duration // when a worker first took the message
}

// verdict is what an attempt, or a whole message, has come to.
type verdict struct {
	outcome ledger.Outcome
	cause   ledger.Cause
}

// failed is a no, which always has a cause.
func failed(cause ledger.Cause) verdict {
	if cause == ledger.NoCause {
		cause = ledger.Other
	}
	return verdict{ledger.Failed, cause}
}

// silence is to have heard nothing.
func silence(cause ledger.Cause) verdict { return verdict{ledger.Unknown, cause} }

// state is where an attempt stands between the application, which may stop
// listening, and the producer, which answers when it likes. It is guarded by
// the mutex of the attempt's worker, so that of an answer and the end of a wait
// at the same moment exactly one wins, and both sides know which.
type state uint8

const (
	inSend    state = iota // Send has not returned
	early                  // Send has not returned, and the answer is there already
	listening              // somebody waits for the answer
	deaf                   // nobody does: the answer will be recorded, and that is all
	answered               // whoever sent it has the answer
)

// attempt is one call of Send, from the call to the answer. It is used again
// when the application and the producer have both done with it: whoever is the
// second to let go of it gives it back.
type attempt struct {
	try
	worker   *worker
	done     func(Answer)  // receive, bound once
	accepted time.Duration // when Send returned
	state    state
	answer   Answer // of an early one

	prev, next *attempt // in one of its worker's lists
}

// receive is the producer's call with the answer.
func (a *attempt) receive(ans Answer) {
	w := a.worker
	w.mu.Lock()
	if a.state == inSend {
		// The application cannot hear an answer before Send has returned. So the
		// worker takes it from here, and the facts stay in their order.
		a.state, a.answer = early, ans
		w.mu.Unlock()
		return
	}
	now, t, waited := w.p.now(), a.try, a.state == listening
	fact, v := a.heard(ans, now)
	switch {
	case waited && w.p.cfg.Mode == Blocking:
		a.state = answered // the worker has it still, and gives it back
	case waited:
		w.open.remove(a)
		w.release(a)
	default:
		w.release(a)
	}
	w.mu.Unlock()

	w.p.rec.Record(fact)
	switch {
	case waited && w.p.cfg.Mode == Blocking:
		w.answers <- v // there is room: a worker waits for one attempt at a time
	case waited:
		w.p.settle(t, v, now)
	}
}

// heard is the fact that a was answered with ans at now, and the verdict on it.
func (a *attempt) heard(ans Answer, now time.Duration) (ledger.Fact, verdict) {
	fact := ledger.Fact{Kind: ledger.Answered, Seq: a.Seq, Attempt: a.n, At: now, Ack: now - a.accepted}
	v := verdict{outcome: ledger.Confirmed}
	if ans.Err == nil {
		fact.Partition, fact.Offset = ans.Partition, ans.Offset
	} else {
		v = failed(ans.Cause)
	}
	fact.Outcome, fact.Cause = v.outcome, v.cause
	return fact, v
}

// list is a chain of attempts that links through themselves, so that keeping
// account of those that are open allocates nothing.
type list struct{ head *attempt }

func (l *list) push(a *attempt) {
	a.prev, a.next = nil, l.head
	if l.head != nil {
		l.head.prev = a
	}
	l.head = a
}

func (l *list) remove(a *attempt) {
	if a.prev == nil {
		l.head = a.next
	} else {
		a.prev.next = a.next
	}
	if a.next != nil {
		a.next.prev = a.prev
	}
	a.prev, a.next = nil, nil
}

// pop takes one out, or returns nil.
func (l *list) pop() *attempt {
	a := l.head
	if a != nil {
		l.remove(a)
	}
	return a
}
