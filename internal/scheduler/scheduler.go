// Package scheduler is the clock of a run: it plays a plan against the time
// that passes. Each message is put before the application when it is due, and
// each fault begins and ends when the scenario says. The model is open: the
// load waits neither for the application nor for a fault, so whatever is slow
// behind it shows as lateness and queues, and never as a gentler load. The room
// knows nothing of Kafka, of what a message is, or of what a fault does; it
// owns the two interfaces that it drives, [Sink] and [Injector].
package scheduler

import (
	"context"
	"sync"
	"time"

	"kafkasim.example/simd/internal/ledger"
)

// Plan says how many messages there are and when each is due, as an offset from
// the run's base time. Due never decreases, and it is asked once for each
// message from 0 to Total-1, in that order.
type Plan interface {
	Total() int64
	Due(seq int64) time.Duration
}

// Sink takes the messages. Offer must not block: the clock does not stop for it.
// It returns why it did not take the message, or [ledger.NoCause].
type Sink interface {
	Offer(seq int64, due time.Duration) (dropped ledger.Cause)
}

// Injector makes the scenario's faults, named by their index, and takes them
// away again.
//
// Both may take their time, and both are called for several faults at once, but
// for one fault Heal always comes after Inject has returned. Inject must return
// soon after its context has ended. Heal must cope with a fault that could only
// be injected in part, or not at all: it is called for every fault that has an
// end and whose Inject was called, because half a fault must be taken away too.
type Injector interface {
	Inject(ctx context.Context, fault int) error
	Heal(ctx context.Context, fault int) error
}

// Event is one fault of the scenario.
type Event struct {
	At    time.Duration // when it begins, from the base time
	For   time.Duration // how long it lasts; 0: it is never healed
	Fault int           // its index in the scenario
}

// Play offers each message of the plan when it is due (or as soon after that as
// the machine allows, never before), and lets each fault begin and end on time.
// Offsets count from base. It returns nil when the last message has been
// offered and every fault that has an end has ended, even when that is long
// after the last message.
//
// Each fault that was begun leaves a [ledger.FaultBegan], dated when Inject was
// called, and each that was healed a [ledger.FaultEnded], dated when Heal had
// returned: in between, the fault may have been felt. A failure stands in their
// Note; the load goes on, and the fault is healed when its time comes.
//
// When ctx ends, Play offers nothing more, begins nothing more, heals at once
// what has begun (for which it allows ten seconds), and returns ctx's cause.
func Play(ctx context.Context, base time.Time, plan Plan, events []Event, sink Sink, inj Injector, rec ledger.Recorder) error {
	var faults sync.WaitGroup
	for _, e := range events {
		faults.Go(func() { playFault(ctx, base, e, inj, rec) })
	}
	playLoad(ctx, base, plan, sink)
	faults.Wait()
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return nil
}

// playLoad offers the plan's messages until there are none left or ctx ends.
func playLoad(ctx context.Context, base time.Time, plan Plan, sink Sink) {
	load := pace{plan: plan, total: plan.Total()}
	alarm := newAlarm()
	for ctx.Err() == nil {
		next, more := load.offerDue(time.Since(base), sink)
		// The burst has taken its time, too: how long to sleep is seen only now.
		if !more || !alarm.approach(ctx, next-time.Since(base)) {
			return
		}
	}
}

// burst is how many messages are offered between two looks at the clock and at
// the context: enough that looking costs nothing, few enough that the end of
// the run is noticed at once even when millions are overdue.
const burst = 1024

// pace is how far a plan has been played. It has no clock: the time elapsed
// goes in, when to look again comes out.
type pace struct {
	plan  Plan
	total int64
	seq   int64         // how many messages have been looked up
	due   time.Duration // when the last of them is due
	held  bool          // that last one has not been offered yet
}

// offerDue offers what is due once elapsed has passed, at most a burst of it,
// and says when to look again: when the next message is due, or, after a whole
// burst, at a time that has passed. more is false when none are left.
func (p *pace) offerDue(elapsed time.Duration, sink Sink) (next time.Duration, more bool) {
	for range burst {
		if !p.held {
			if p.seq == p.total {
				return 0, false
			}
			p.due, p.held = p.plan.Due(p.seq), true
			p.seq++
		}
		if p.due > elapsed {
			break
		}
		sink.Offer(p.seq-1, p.due)
		p.held = false
	}
	return p.due, true
}
