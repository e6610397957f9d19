// Package publisher is the application under test: a pool of workers takes
// messages from a queue, hands each to the producer, and does about the answer
// what the scenario says (waits for it, is called back, or never listens; tries
// again, or gives up). Every message and every answer passes through here, so
// this is where it is recorded what the application was told, and what the
// producer said, which need not be the same. The room does not know when
// messages are due or why, what they look like, or which client sends them; it
// owns the interface that it drives, [Sender].
package publisher

import (
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"kafkasim.example/simd/internal/ledger"
)

// Message is what the application knows of a message. The times are offsets
// from the run's base time.
type Message struct {
	Seq     int64
	Due     time.Duration // when it should have been offered
	Offered time.Duration // when it was
}

// Sender is the producer, as the application sees it.
//
// Send hands over one attempt at a message, counted from 1. It may block, as
// Java's KafkaProducer.send does for metadata and for buffer memory. An error,
// a [*Refusal], says that the attempt was not taken and can never be written;
// done is not called then. Otherwise done is called once, from any goroutine,
// perhaps before Send has returned; it does not block. A done that is never
// called leaves the application waiting, as it would in life.
type Sender interface {
	Send(m Message, attempt int, done func(Answer)) error
}

// Answer is the producer's last word on an attempt that it had taken: a yes
// with the place in the log, or an error with its cause.
type Answer struct {
	Err       error
	Cause     ledger.Cause // of Err
	Partition int32
	Offset    int64
}

// Refusal is the error of a Send that did not take the attempt.
type Refusal struct {
	Cause ledger.Cause
	Err   error
}

// Error implements error.
func (r *Refusal) Error() string {
	if r.Err == nil {
		return fmt.Sprintf("the producer refused the message: %v", r.Cause)
	}
	return r.Err.Error()
}

// Unwrap gives the producer's own error.
func (r *Refusal) Unwrap() error { return r.Err }

// Mode is how the application listens to answers.
type Mode uint8

const (
	// Blocking: a worker sends, then waits for the answer before it takes the
	// next message, as Java's producer.send(...).get(wait) does.
	Blocking Mode = iota
	// Callback: a worker sends and goes on; the message is told when the answer
	// comes. Wait means nothing here.
	Callback
	// Forget: a worker sends and goes on, and nobody ever looks at the answer.
	// Wait and Retry mean nothing here. Every message is told Unknown when Send
	// has returned: with the cause NotAwaited, or with the refusal's own cause,
	// which Java's client hides in a future that nobody asks.
	Forget
)

// Config is what the application is like.
type Config struct {
	Mode    Mode
	Workers int           // at least 1
	Queue   int           // messages that may wait for a worker; 0: any number
	Wait    time.Duration // Blocking: for the answer, from when Send has returned; 0: for ever
	Retry   Retry         // Blocking; of Callback, what OnError wants
	Seed    uint64        // of the retries' jitter
}

// Publisher is a running application. Its workers start with [New] and must be
// ended: by [Publisher.Drain] or [Publisher.Stop], and by [Publisher.Abort] if
// those have not succeeded. Every message offered leaves exactly one
// [ledger.Told] or [ledger.Dropped], whatever happens.
type Publisher struct {
	cfg    Config
	base   time.Time
	sender Sender
	rec    ledger.Recorder

	workers []*worker
	running sync.WaitGroup // the workers, and the timers of callback retries

	// inHand counts the messages that have left the queue and are not settled.
	// It grows only under mu, as the queue shrinks: whoever holds mu and finds
	// both at nothing knows that nothing is left.
	inHand atomic.Int64
	closed atomic.Bool // no more offers; set under mu

	dead     chan struct{} // closed by Abort: stop waiting, whoever you are
	finished chan struct{} // closed when nothing is left and nothing can come

	mu      sync.Mutex
	work    *sync.Cond          // there is something to take, or nothing ever again
	idle    int                 // workers that wait for work
	queue   queue[Message]      // what no worker has taken yet
	again   queue[try]          // what is due for another attempt; goes before the queue
	resting map[*time.Timer]try // Callback: what waits for its back-off to end
	why     ledger.Cause        // of dropping an offer, once closed
	killed  bool                // dead is closed
	settled bool                // finished is closed
}

// New starts an application with cfg on sender. All its offsets count from base.
func New(cfg Config, base time.Time, sender Sender, rec ledger.Recorder) *Publisher {
	p := &Publisher{
		cfg: cfg, base: base, sender: sender, rec: rec,
		dead: make(chan struct{}), finished: make(chan struct{}),
		resting: make(map[*time.Timer]try),
	}
	if cfg.Mode == Forget {
		p.cfg.Retry = Retry{}
	}
	p.work = sync.NewCond(&p.mu)
	for range max(1, cfg.Workers) {
		w := newWorker(p)
		p.workers = append(p.workers, w)
		p.running.Go(w.run)
	}
	return p
}

// Offer puts a message that was due at due before the application. It never
// blocks. It returns why the message was dropped, or [ledger.NoCause].
func (p *Publisher) Offer(seq int64, due time.Duration) (dropped ledger.Cause) {
	now := p.now()
	p.rec.Record(ledger.Fact{Kind: ledger.Offered, Seq: seq, At: now, Lag: now - due})

	p.mu.Lock()
	switch {
	case p.closed.Load():
		dropped = p.why
	case p.cfg.Queue > 0 && p.queue.len() >= p.cfg.Queue:
		dropped = ledger.QueueFull
	default:
		p.queue.push(Message{Seq: seq, Due: due, Offered: now})
		p.wake()
	}
	p.mu.Unlock()

	if dropped != ledger.NoCause {
		p.drop(seq, dropped, now)
	}
	return dropped
}

// Queued is how many messages wait for a worker.
func (p *Publisher) Queued() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.queue.len()
}

// Busy is how many messages a worker has taken and the application has not
// been told the last word on. In Callback mode that includes those whose answer
// is still to come and those that will be tried again.
func (p *Publisher) Busy() int { return int(p.inHand.Load()) }

// take waits for work: a message whose turn has come, for the first time or
// again. ok is false when the worker should go home.
func (p *Publisher) take() (t try, ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for {
		switch {
		case p.killed || p.settled:
			return try{}, false
		case p.again.len() > 0:
			return p.again.pop(), true // it has been in hand all the time
		case p.queue.len() > 0:
			p.inHand.Add(1)
			return try{Message: p.queue.pop()}, true
		}
		p.idle++
		p.work.Wait()
		p.idle--
	}
}

// wake makes an idle worker look for work. The caller holds mu.
func (p *Publisher) wake() {
	if p.idle > 0 {
		p.work.Signal()
	}
}

// settle does what the application does when an attempt has ended with v and no
// worker stands by: it lets the message rest before the next attempt, or takes
// v as the last word.
func (p *Publisher) settle(t try, v verdict, now time.Duration) {
	if !p.cfg.Retry.wants(t.n, v.outcome) {
		p.told(t, v, now)
		return
	}
	p.retried(t, v, now)
	if !p.rest(t, p.cfg.Retry.pause(p.cfg.Seed, t.Seq, t.n)) {
		p.told(t, silence(ledger.ApplicationKilled), now)
	}
}

// rest puts t aside for d, unless the application is dead.
func (p *Publisher) rest(t try, d time.Duration) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.killed {
		return false
	}
	p.running.Add(1)
	var timer *time.Timer
	timer = time.AfterFunc(d, func() { // which cannot look before mu is free
		defer p.running.Done()
		p.mu.Lock()
		defer p.mu.Unlock()
		if t, ok := p.resting[timer]; ok {
			delete(p.resting, timer)
			p.again.push(t)
			p.wake()
		}
	})
	p.resting[timer] = t
	return true
}

// retried records that an attempt ended with v and that another will be made.
func (p *Publisher) retried(t try, v verdict, now time.Duration) {
	p.rec.Record(ledger.Fact{
		Kind: ledger.Retried, Seq: t.Seq, Attempt: t.n, At: now, Outcome: v.outcome, Cause: v.cause,
	})
}

// told records the last word on a message, which is then in hand no more.
func (p *Publisher) told(t try, v verdict, now time.Duration) {
	p.rec.Record(ledger.Fact{
		Kind: ledger.Told, Seq: t.Seq, Attempt: t.n, At: now, Outcome: v.outcome, Cause: v.cause,
		Send: now - t.taken, Total: now - t.Due,
	})
	p.letGo(1)
}

// drop records that a message will never be handed to the producer.
func (p *Publisher) drop(seq int64, why ledger.Cause, now time.Duration) {
	p.rec.Record(ledger.Fact{Kind: ledger.Dropped, Seq: seq, At: now, Cause: why})
}

// now is the offset of this moment.
func (p *Publisher) now() time.Duration { return time.Since(p.base) }

// isDead says whether Abort has been called.
func (p *Publisher) isDead() bool {
	select {
	case <-p.dead:
		return true
	default:
		return false
	}
}
