package publisher

import (
	"errors"
	"sync"
	"time"

	"kafkasim.example/simd/internal/ledger"
)

// worker is one thread of the application's pool.
type worker struct {
	p       *Publisher
	alarm   *time.Timer  // the end of the one wait or back-off that it is in
	answers chan verdict // of the one attempt that it waits for; holds one

	mu   sync.Mutex
	gone bool // Abort has been here: nothing may be opened any more
	open list // Callback: the attempts that this worker sent and that still listen
	free list // attempts to be used again
}

func newWorker(p *Publisher) *worker {
	w := &worker{p: p, alarm: time.NewTimer(time.Hour), answers: make(chan verdict, 1)}
	w.alarm.Stop()
	return w
}

// run works until there is nothing left to do.
func (w *worker) run() {
	for {
		t, ok := w.p.take()
		if !ok {
			return
		}
		if t.n == 0 {
			t.taken = w.p.now()
		}
		t.n++
		if w.p.cfg.Mode == Blocking {
			w.publish(t)
		} else {
			w.hand(t)
		}
	}
}

// publish is Java's send(...).get(wait) in a retry loop. The end of a wait does
// not take the record back: whoever tries again after one may be writing a
// second copy.
func (w *worker) publish(t try) {
	p := w.p
	for ; ; t.n++ {
		a, v := w.send(t)
		if a != nil {
			v = w.listen(a)
		}
		if !p.isDead() && p.cfg.Retry.wants(t.n, v.outcome) {
			p.retried(t, v, p.now())
			if w.sleep(p.cfg.Retry.pause(p.cfg.Seed, t.Seq, t.n)) {
				continue
			}
		}
		if p.isDead() {
			v = silence(ledger.ApplicationKilled)
		}
		p.told(t, v, p.now())
		return
	}
}

// hand makes one attempt, and leaves the rest to its callback.
func (w *worker) hand(t try) {
	a, v := w.send(t)
	switch {
	case a != nil: // the answer settles it, or Abort does
	case w.p.isDead():
		w.p.told(t, silence(ledger.ApplicationKilled), w.p.now())
	default:
		w.p.settle(t, v, w.p.now())
	}
}

// send makes one attempt and records whether the producer took it. It returns
// either the attempt, whose answer is still to come and is listened to, or what
// has come of it already.
func (w *worker) send(t try) (*attempt, verdict) {
	p := w.p
	a := w.attempt(t)
	fact := ledger.Fact{Kind: ledger.Accepted, Seq: t.Seq, Attempt: t.n}
	began := t.taken
	if t.n == 1 {
		fact.Queue = t.taken - t.Offered
	} else {
		began = p.now()
	}
	err := p.sender.Send(t.Message, int(t.n), a.done)
	fact.At = p.now()
	fact.Blocked = fact.At - began

	if err != nil {
		v := failed(causeOf(err))
		fact.Kind, fact.Cause = ledger.Refused, v.cause
		p.rec.Record(fact)
		w.mu.Lock()
		w.release(a)
		w.mu.Unlock()
		if p.cfg.Mode == Forget {
			v = silence(v.cause)
		}
		return nil, v
	}

	p.rec.Record(fact)
	w.mu.Lock()
	a.accepted = fact.At
	if a.state == early {
		fact, v := a.heard(a.answer, fact.At)
		w.release(a)
		w.mu.Unlock()
		p.rec.Record(fact)
		if p.cfg.Mode == Forget {
			v = silence(ledger.NotAwaited)
		}
		return nil, v
	}
	defer w.mu.Unlock()
	switch {
	case p.cfg.Mode == Forget:
		a.state = deaf
		return nil, silence(ledger.NotAwaited)
	case w.gone:
		a.state = deaf
		return nil, silence(ledger.ApplicationKilled)
	case p.cfg.Mode == Callback:
		w.open.push(a)
	}
	a.state = listening
	return a, verdict{}
}

// listen waits for a's answer until the wait or the application ends.
func (w *worker) listen(a *attempt) verdict {
	var end <-chan time.Time
	if w.p.cfg.Wait > 0 {
		w.alarm.Reset(w.p.cfg.Wait)
		defer w.alarm.Stop()
		end = w.alarm.C
	}
	select {
	case v := <-w.answers:
		w.mu.Lock()
		w.release(a)
		w.mu.Unlock()
		return v
	case <-end:
	case <-w.p.dead:
	}
	w.mu.Lock()
	late := a.state == listening
	if late {
		a.state = deaf // its answer gives it back, some day
	} else {
		w.release(a)
	}
	w.mu.Unlock()
	if late {
		return silence(ledger.WaitTimeout)
	}
	return <-w.answers // it has won by a hair, and is as good as here
}

// sleep waits for d, and says whether the application is alive after it.
func (w *worker) sleep(d time.Duration) bool {
	w.alarm.Reset(d)
	defer w.alarm.Stop()
	select {
	case <-w.alarm.C:
	case <-w.p.dead:
	}
	return !w.p.isDead()
}

// attempt gives an attempt at t that is about to be sent.
func (w *worker) attempt(t try) *attempt {
	w.mu.Lock()
	a := w.free.pop()
	w.mu.Unlock()
	if a == nil {
		a = &attempt{worker: w}
		a.done = a.receive
	}
	a.try, a.state, a.answer = t, inSend, Answer{}
	return a
}

// release keeps an attempt for the next use. The caller holds mu.
func (w *worker) release(a *attempt) {
	a.state = answered
	w.free.push(a)
}

// causeOf is why Send did not take an attempt.
func causeOf(err error) ledger.Cause {
	if refusal, ok := errors.AsType[*Refusal](err); ok {
		return refusal.Cause
	}
	return ledger.Other
}
