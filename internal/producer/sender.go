package producer

import (
	"context"
	"iter"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// sender is the one goroutine that drains the accumulator, sends, retries and
// expires (Sender). Everything in it belongs to that goroutine, except the
// inbox, through which the goroutines that wait for brokers hand it what they got.
type sender struct {
	cfg        Config
	client     *kgo.Client
	acc        *accumulator
	compressor kgo.Compressor
	stats      *counters
	rng        *rand.Rand
	ctx        context.Context // ends with the sender; for those who wait for brokers

	wakeup  chan struct{} // capacity 1
	inboxMu sync.Mutex
	inbox   []func()
	waiting sync.WaitGroup // goroutines that wait for brokers
	steps   atomic.Int64   // rounds so far

	metadata  *metadata // nil until the first answer
	lookup    *lookup
	refreshes refreshes

	nodes []*node // by id
	flows []flow  // by partition
	ids   identification

	readyNodes []*node // of the last round, for the next to write into
	queued     []int

	closing atomic.Bool
	aborted atomic.Bool
}

// run is the sender's life. It returns when the producer is closed and nothing
// is left to send, or when it was aborted.
func (s *sender) run() {
	ctx, cancel := context.WithCancel(context.Background())
	s.ctx = ctx
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		s.readInbox()
		if s.aborted.Load() || s.closing.Load() && s.idle() {
			break
		}
		timer.Reset(s.step(time.Now()))
		s.acc.giveBack()
		select {
		case <-s.wakeup:
		case <-timer.C:
		}
	}
	s.giveUp(ErrClosed)
	s.acc.giveBack()
	cancel() // those who wait for brokers give up
	s.waiting.Wait()
	s.readInbox() // what was under way gives its memory back
}

// step is one round (Sender.runOnce): what is ready is sent, what is too old
// fails. It returns how long until there is something to do, unless woken before.
func (s *sender) step(now time.Time) time.Duration {
	s.steps.Add(1)
	again := &horizon{now: now, at: now.Add(s.cfg.RequestTimeout)} // NetworkClient.poll never waits longer
	if !s.refreshes.asking {
		if wait := s.refreshIn(now); wait > 0 {
			again.in(wait)
		} else {
			s.refresh()
		}
	}
	if s.metadata == nil {
		return again.wait()
	}
	s.identify(now, again)
	s.timeOut(now, again)
	for _, n := range s.ready(now, again) {
		if s.reach(now, n, again) {
			s.send(now, n, s.drain(now, n))
		}
	}
	s.expire(now, again)
	return again.wait()
}

// ready is which brokers have something to get (RecordAccumulator.ready).
func (s *sender) ready(now time.Time, again *horizon) []*node {
	nodes := s.readyNodes[:0]
	adaptive := s.acc.sticky.current.Load() != nil
	queued := s.queued[:0] // batches, of each partition that has a leader
	hurry := s.acc.hurry()
	for p, q := range s.acc.queues {
		leader := s.metadata.leaders[p]
		r := s.acc.ready(q, now, hurry, leader.epoch)
		adaptive = adaptive && r.used
		if leader.node >= 0 {
			queued = append(queued, r.batches)
		}
		if r.batches == 0 {
			continue
		}
		again.until(r.expires)
		switch {
		case leader.node < 0:
			s.wantMetadata(again)
		case q.muted:
		case !r.sendable:
			again.in(r.wait)
		default:
			if n := s.node(leader.node); !slices.Contains(nodes, n) {
				nodes = append(nodes, n)
			}
		}
	}
	if adaptive && len(queued) > 0 {
		s.acc.sticky.spread.Store(spreadByQueues(s.metadata.led, queued))
	}
	s.readyNodes, s.queued = nodes, queued
	return nodes
}

// wantMetadata sees to it that the metadata is asked for again.
func (s *sender) wantMetadata(again *horizon) {
	s.refreshes.wanted = true
	if !s.refreshes.asking {
		again.in(s.refreshIn(again.now))
	}
}

// spread has records without a key go to any partition that has a leader
// (BuiltInPartitioner.nextPartition).
func (s *sender) spread() {
	partitions := s.metadata.led
	if len(partitions) == 0 {
		for p := range s.metadata.leaders {
			partitions = append(partitions, int32(p))
		}
	}
	s.acc.sticky.spread.Store(&spread{partitions: partitions})
}

// underWay yields the batches that are under way and not over, the oldest
// request of each broker first.
func (s *sender) underWay() iter.Seq[*batch] {
	return func(yield func(*batch) bool) {
		for _, n := range s.nodes {
			for _, r := range n.inFlight {
				for _, b := range r.batches {
					if !b.over && !yield(b) {
						return
					}
				}
			}
		}
	}
}

// unfinished is every batch whose records have no answer yet.
func (s *sender) unfinished() []*batch {
	all := slices.Collect(s.underWay())
	for _, q := range s.acc.queues {
		all = append(all, q.all()...)
	}
	return all
}

// idle says whether nothing is left to send or to wait for.
func (s *sender) idle() bool {
	for _, n := range s.nodes {
		if len(n.inFlight) > 0 {
			return false
		}
	}
	return len(s.unfinished()) == 0
}

// goRequest runs ask beside the sender, and what it returns in the sender.
func (s *sender) goRequest(ask func(context.Context) func()) {
	s.waiting.Go(func() { s.post(ask(s.ctx)) })
}

// post has the sender run f.
func (s *sender) post(f func()) {
	s.inboxMu.Lock()
	s.inbox = append(s.inbox, f)
	s.inboxMu.Unlock()
	s.wake()
}

func (s *sender) readInbox() {
	s.inboxMu.Lock()
	inbox := s.inbox
	s.inbox = nil
	s.inboxMu.Unlock()
	for _, f := range inbox {
		f()
		s.acc.giveBack()
	}
}

// wake makes the sender look again. It never blocks.
func (s *sender) wake() {
	select {
	case s.wakeup <- struct{}{}:
	default:
	}
}

// horizon is the nearest moment at which the sender has something to do.
type horizon struct{ now, at time.Time }

func (h *horizon) until(t time.Time) {
	if t.Before(h.at) {
		h.at = t
	}
}

func (h *horizon) in(d time.Duration) { h.until(h.now.Add(d)) }

func (h *horizon) wait() time.Duration { return max(0, h.at.Sub(h.now)) }
