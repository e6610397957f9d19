package producer

import (
	"context"
	"math/rand/v2"
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

	metadata      *metadata // nil until the first answer
	known         chan struct{}
	metadataState metadataState

	nodes    map[int32]*node
	flows    []flow // by partition
	ids      identity
	inFlight map[*request]struct{}

	closing atomic.Bool
	aborted atomic.Bool
}

// node is what the sender knows of one broker (ClusterConnectionStates, InFlightRequests).
type node struct {
	inFlight  int
	writing   *request // waits to be written; the next must not overtake it
	refused   int      // dials in a row
	downUntil time.Time
	muteUntil time.Time // told by the broker to hold off (KIP-219)
	next      int       // partition at which its next drain starts
}

// run is the sender's life. It returns when the producer is closed and nothing
// is left to send, or when it was aborted.
func (s *sender) run(ctx context.Context) {
	ctx, cancel := context.WithCancel(ctx)
	defer s.waiting.Wait()
	defer cancel() // those who wait for brokers give up
	defer s.acc.abort()
	s.ctx = ctx

	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		s.readInbox()
		if s.aborted.Load() || s.closing.Load() && s.idle() {
			return
		}
		timer.Reset(s.step(time.Now()))
		select {
		case <-s.wakeup:
		case <-timer.C:
		}
	}
}

// step is one round (Sender.runOnce): what is ready is sent, what is too old
// fails. It returns when to look again, unless woken before.
func (s *sender) step(now time.Time) time.Duration {
	again := &horizon{now: now, at: now.Add(time.Minute)}
	if wait := s.refreshIn(now); !s.metadataState.asking {
		if wait <= 0 {
			s.refresh(now)
		} else {
			again.in(wait)
		}
	}
	if s.metadata == nil {
		return again.wait()
	}
	s.identify(now, again)
	for id := range s.ready(now, again) {
		s.send(now, id, s.drain(now, id))
	}
	s.expire(now, again)
	return again.wait()
}

// ready is the set of brokers that can be sent to and have something to get.
func (s *sender) ready(now time.Time, again *horizon) map[int32]struct{} {
	ready := make(map[int32]struct{}, len(s.nodes))
	hurry := s.acc.hurry()
	for p, q := range s.acc.queues {
		r := s.acc.ready(q, now, hurry)
		if r.empty {
			continue
		}
		again.until(r.expires)
		switch leader := s.metadata.leaders[p]; {
		case q.muted:
		case leader < 0:
			s.wantMetadata(again)
		case !r.sendable:
			again.in(r.wait)
		default:
			if free := s.node(leader).freeAt(now, s.cfg.MaxInFlight); !free.After(now) {
				ready[leader] = struct{}{}
			} else if !free.Equal(busy) {
				again.until(free)
			}
		}
	}
	return ready
}

// busy is the far moment at which a node with its hands full is free: an
// answer will wake the sender before.
var busy = time.Unix(1<<40, 0)

// freeAt is when the node can be sent another request.
func (n *node) freeAt(now time.Time, maxInFlight int) time.Time {
	if n.writing != nil || n.inFlight >= maxInFlight {
		return busy
	}
	if n.downUntil.After(n.muteUntil) {
		return n.downUntil
	}
	return n.muteUntil
}

func (s *sender) node(id int32) *node {
	n, ok := s.nodes[id]
	if !ok {
		n = new(node)
		s.nodes[id] = n
	}
	return n
}

// drain takes at most one batch of each of the broker's partitions, as many as
// fit into a request, starting where the last drain ended so that no partition
// starves (RecordAccumulator.drainBatchesForOneNode).
func (s *sender) drain(now time.Time, id int32) []*batch {
	n := s.node(id)
	var batches []*batch
	size := 0
	start := n.next
	for i := range s.acc.queues {
		p := (start + i) % len(s.acc.queues)
		q := s.acc.queues[p]
		if s.metadata.leaders[p] != id || q.muted {
			continue
		}
		b := q.take(func(b *batch) bool {
			if b.attempts > 0 && now.Sub(b.tried) < s.cfg.retryBackoff(b.attempts) {
				return false
			}
			if len(batches) > 0 && size+len(b.buf) > int(s.cfg.MaxRequestSize) {
				return false
			}
			return s.mayDrain(p, b)
		})
		if b == nil {
			continue
		}
		n.next = p + 1
		q.muted = s.cfg.MaxInFlight == 1
		s.number(p, b)
		ratio, err := b.seal(s.compressor)
		if err != nil {
			q.muted = false
			s.conclude(b, err, -1)
			s.acc.free(b)
			continue
		}
		if s.compressor != nil {
			s.acc.sawRatio(ratio)
		}
		size += len(b.wire)
		batches = append(batches, b)
	}
	return batches
}

// expire fails what has reached delivery.timeout.ms, in the queues and on the
// way (KIP-91: Sender.getExpiredInflightBatches, RecordAccumulator.expiredBatches).
func (s *sender) expire(now time.Time, again *horizon) {
	expired := func(b *batch) bool { return now.Sub(b.created) >= s.cfg.DeliveryTimeout }
	for _, q := range s.acc.queues {
		for b := q.take(expired); b != nil; b = q.take(expired) {
			s.conclude(b, ErrDeliveryTimeout, -1)
			s.acc.free(b)
		}
	}
	for r := range s.inFlight {
		for _, b := range r.batches {
			switch {
			case b.over:
			case expired(b):
				// Its memory stays taken until the request is over: it may still be written.
				s.conclude(b, ErrDeliveryTimeout, -1)
			default:
				again.until(b.created.Add(s.cfg.DeliveryTimeout))
			}
		}
	}
}

// conclude gives a batch's records their answer.
func (s *sender) conclude(b *batch, err error, offset int64) {
	b.over = true
	s.leaveFlow(b, err)
	if err != nil {
		s.stats.recordErrors.Add(int64(b.records()))
	}
	s.acc.finish(b, err, offset)
}

// idle says whether nothing is left to send or to wait for.
func (s *sender) idle() bool {
	if len(s.inFlight) > 0 {
		return false
	}
	for _, q := range s.acc.queues {
		q.mu.Lock()
		left := len(q.batches)
		q.mu.Unlock()
		if left > 0 {
			return false
		}
	}
	return true
}

func (s *sender) wantMetadata(again *horizon) {
	s.metadataState.wanted = true
	if !s.metadataState.asking {
		again.in(s.refreshIn(again.now))
	}
}

// goRequest runs ask beside the sender, and what it returns in the sender.
func (s *sender) goRequest(ask func(context.Context) func()) {
	ctx := s.ctx
	s.waiting.Go(func() { s.post(ask(ctx)) })
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
