package publisher

import (
	"context"

	"kafkasim.example/simd/internal/ledger"
)

// Drain is the normal end. What is offered from now on is dropped
// (application_stopped). Drain returns nil when every message that was taken has
// been told, waits and retries included, or ctx's cause when ctx ends first: the
// application then goes on, and [Publisher.Abort] ends it.
func (p *Publisher) Drain(ctx context.Context) error {
	p.mu.Lock()
	p.close(ledger.ApplicationStopped)
	p.mu.Unlock()
	p.letGo(0)
	return p.wait(ctx)
}

// Stop is a graceful shutdown: as [Publisher.Drain], but what no worker has
// taken yet is dropped (application_stopped), too.
func (p *Publisher) Stop(ctx context.Context) error {
	p.mu.Lock()
	p.close(ledger.ApplicationStopped)
	waiting := p.empty()
	p.mu.Unlock()
	p.dropAll(waiting, ledger.ApplicationStopped)
	return p.wait(ctx)
}

// Abort is the application's sudden death. What no worker has taken is dropped
// (application_killed); what has been taken is told Unknown for the same cause,
// whatever answer may be on its way. Answers that come later are recorded all
// the same: the producer may outlive its application.
//
// Waits and back-offs end at once, but a worker inside Send comes back only when
// Send does, and Abort returns when all of them have. So it calls free, which
// must end every Send: closing the producer does. It does so when nothing can be
// taken or told any more, or a dying application would hear its own producer's
// refusals. Abort may be called at any time, also when the application has ended
// or is ending in another way.
func (p *Publisher) Abort(free func()) {
	p.mu.Lock()
	p.close(ledger.ApplicationKilled)
	if !p.killed {
		p.killed = true
		close(p.dead)
	}
	waiting, again := p.empty(), p.again
	p.again = queue[try]{}
	for timer, t := range p.resting {
		if timer.Stop() {
			p.running.Done()
		}
		again.push(t)
	}
	clear(p.resting)
	p.work.Broadcast()
	p.mu.Unlock()

	p.dropAll(waiting, ledger.ApplicationKilled)
	for again.len() > 0 {
		p.told(again.pop(), silence(ledger.ApplicationKilled), p.now())
	}
	for _, w := range p.workers {
		for t, ok := w.leave(); ok; t, ok = w.leave() {
			p.told(t, silence(ledger.ApplicationKilled), p.now())
		}
	}
	free()
	p.running.Wait()
}

// leave forbids w's callbacks to say anything more, and takes one message away
// from them. ok is false when there is none left.
func (w *worker) leave() (t try, ok bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.gone = true
	a := w.open.pop()
	if a == nil {
		return try{}, false
	}
	a.state = deaf
	return a.try, true
}

// close refuses what is offered from now on. The caller holds mu.
func (p *Publisher) close(why ledger.Cause) {
	p.closed.Store(true)
	if !p.killed { // death is final
		p.why = why
	}
}

// empty takes all that waits for a worker into the caller's hands. The caller
// holds mu.
func (p *Publisher) empty() queue[Message] {
	waiting := p.queue
	p.queue = queue[Message]{}
	p.inHand.Add(int64(waiting.len()))
	return waiting
}

// dropAll drops what empty has taken.
func (p *Publisher) dropAll(waiting queue[Message], why ledger.Cause) {
	now, n := p.now(), int64(waiting.len())
	for waiting.len() > 0 {
		p.drop(waiting.pop().Seq, why, now)
	}
	p.letGo(n)
}

// letGo takes n settled messages out of hand, and sends the workers home when
// they were the last.
func (p *Publisher) letGo(n int64) {
	if p.inHand.Add(-n) > 0 || !p.closed.Load() {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.settled && p.inHand.Load() == 0 && p.queue.len() == 0 {
		p.settled = true
		close(p.finished)
		p.work.Broadcast()
	}
}

// wait waits until everything is settled and the workers have gone home.
func (p *Publisher) wait(ctx context.Context) error {
	select {
	case <-p.finished:
		p.running.Wait()
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
