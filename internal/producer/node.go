package producer

import (
	"context"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// node is one broker as the sender knows it: the connection for produce
// requests, what is under way on it, and how long to hold off
// (ClusterConnectionStates, InFlightRequests).
type node struct {
	id         int32
	link       *link // nil: not connected
	connecting bool
	failures   int       // connections in a row that were refused or broke
	dialAfter  time.Time // reconnect.backoff.ms
	muteUntil  time.Time // told by the broker to hold off (KIP-219)

	inFlight []*request // oldest first
	writing  *request   // the last of them, as long as it is not written; the next must not overtake it
	drained  int        // which of its partitions was looked at last
}

// link is the life of one connection: when it is cancelled, so is everything
// that is under way on it, and the cause says why.
type link struct {
	ctx    context.Context
	cancel context.CancelCauseFunc
}

// node is the broker with that id, known before or not.
func (s *sender) node(id int32) *node {
	at, ok := slices.BinarySearchFunc(s.nodes, id, func(n *node, id int32) int { return int(n.id) - int(id) })
	if !ok {
		s.nodes = slices.Insert(s.nodes, at, &node{id: id})
	}
	return s.nodes[at]
}

// reach says whether the node can be sent a request now (NetworkClient.ready).
// If it is not connected, and it is time, that begins.
func (s *sender) reach(now time.Time, n *node, again *horizon) bool {
	switch {
	case n.connecting || n.writing != nil || len(n.inFlight) >= s.cfg.MaxInFlight:
		return false // what they wait for wakes the sender
	case n.link == nil && n.dialAfter.After(now):
		again.until(n.dialAfter)
		return false
	case n.link == nil:
		s.connect(n)
		return false
	case n.muteUntil.After(now):
		again.until(n.muteUntil)
		return false
	}
	return true
}

// connect opens the connection for produce requests. As in Java nothing is
// drained for a broker that is not connected, so a refused dial is no batch's
// try. The limit is request.timeout.ms (in Java socket.connection.setup.timeout.ms
// for the connection, and request.timeout.ms for ApiVersions).
func (s *sender) connect(n *node) {
	n.connecting = true
	s.goRequest(func(ctx context.Context) func() {
		ctx, cancel := context.WithTimeout(ctx, s.cfg.RequestTimeout)
		defer cancel()
		err := s.client.EnsureProduceConnectionIsOpen(ctx, n.id)
		return func() {
			n.connecting = false
			if err != nil {
				s.disconnected(time.Now(), n, err)
				return
			}
			ctx, cancel := context.WithCancelCause(s.ctx)
			n.link = &link{ctx, cancel}
			n.failures = 0
		}
	})
}

// disconnected notes that there is no connection to the node any more, and ends
// what is under way on it (NetworkClient.processDisconnection).
func (s *sender) disconnected(now time.Time, n *node, cause error) {
	if n.link != nil {
		n.link.cancel(cause)
		n.link = nil
	}
	n.failures++
	n.dialAfter = now.Add(s.cfg.reconnectBackoff(n.failures, s.rng))
	s.refreshes.wanted = true
}

// timeOut closes connections on which an answer is overdue: every request on
// them counts as timed out (NetworkClient.handleTimedOutRequests).
func (s *sender) timeOut(now time.Time, again *horizon) {
	for _, n := range s.nodes {
		if n.link == nil {
			continue
		}
		for _, r := range n.inFlight {
			if r.link != n.link {
				continue // its end is on its way
			}
			due := r.sent.Add(s.cfg.RequestTimeout + r.throttled)
			if !due.After(now) {
				s.disconnected(now, n, ErrRequestTimeout)
				break
			}
			again.until(due)
		}
	}
}

// throttle holds the node off. Java gives what is under way to it that much more
// time, for a broker that throttles reads nothing (NetworkClient.maybeThrottle).
func (n *node) throttle(now time.Time, d time.Duration) {
	if until := now.Add(d); until.After(n.muteUntil) {
		n.muteUntil = until
	}
	for _, r := range n.inFlight {
		r.throttled += d
	}
}

// wrote notes what came of writing the request that was to be written.
func (n *node) wrote(bytes int, err error) {
	if n.writing == nil {
		return
	}
	n.writing.written = n.writing.written || bytes > 0
	if err == nil {
		n.writing = nil
	}
}

// writes is the hook by which franz-go tells that it has written a request. From
// then on the next can follow (InFlightRequests.canSendMore).
type writes struct{ s *sender }

// OnBrokerWrite implements [kgo.HookBrokerWrite].
func (w writes) OnBrokerWrite(meta kgo.BrokerMetadata, key int16, bytes int, _, _ time.Duration, err error) {
	if key == kmsg.Produce.Int16() {
		w.s.post(func() { w.s.node(meta.NodeID).wrote(bytes, err) })
	}
}
