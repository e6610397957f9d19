package wire

import (
	"math/rand/v2"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// A conn is one connection through a wire. Two goroutines carry its frames; in
// carry.go is what they do.
type conn struct {
	wire   *Wire
	addr   string // the broker's, as it was dialed
	server net.Conn
	up     *stream // the client's requests
	down   *stream // the broker's answers
	rule   atomic.Pointer[rule]

	woken chan struct{} // holds one: a reason to look again at whose turn it is
	done  chan struct{} // closed when the connection is
	once  sync.Once

	mu        sync.Mutex
	sent      []request // requests without a whole answer, in their order
	produces  int       // how many of these are produce requests
	muted     time.Time // no request passes before
	deaf      bool      // an answer was lost: the client hears no more
	swallows  *rand.Rand
	forgetful *rand.Rand
}

func newConn(w *Wire, addr string, server net.Conn, r rule, chance func() *rand.Rand) *conn {
	c := &conn{
		wire: w, addr: addr, server: server,
		up: newStream(chance()), down: newStream(chance()),
		woken: make(chan struct{}, 1), done: make(chan struct{}),
		swallows: chance(), forgetful: chance(),
	}
	c.apply(r)
	return c
}

// apply makes r the connection's rule, except for a cut: see close.
func (c *conn) apply(r rule) {
	c.rule.Store(&r)
	half := pace{latency: r.slow.Latency / 2, jitter: r.slow.Jitter / 2, bytesPerSecond: r.slow.BytesPerSecond}
	c.up.slow(half)
	c.down.slow(half)
}

// close ends the connection at once, with what is under way; the client gets
// err. Only the first end counts.
func (c *conn) close(err error) {
	c.up.abort(err, err)
	c.down.abort(err, err)
	c.hangUp()
}

// hangUp closes the broker's side.
func (c *conn) hangUp() {
	c.once.Do(func() {
		close(c.done)
		c.server.Close()
	})
}

// wake makes the carrier of requests look again at whether it may go on.
func (c *conn) wake() {
	select {
	case c.woken <- struct{}{}:
	default:
	}
}

// awaitTurn returns when the next request may pass, or with net.ErrClosed when
// the connection has ended.
//
// A broker reads no request of a connection while it has one to answer or the
// connection is muted (KIP-219; SocketServer and RequestChannel: muteStateEvent).
// Under a quota a wire must do as much: a request that has passed already could
// not be muted any more.
func (c *conn) awaitTurn() error {
	for {
		c.mu.Lock()
		muted := time.Until(c.muted)
		busy := c.produces > 0 && c.wire.quotas.on()
		c.mu.Unlock()
		if muted <= 0 && !busy {
			return nil
		}
		var over <-chan time.Time
		if muted > 0 {
			over = time.After(muted)
		}
		select {
		case <-c.done:
			return net.ErrClosed
		case <-c.woken:
		case <-over:
		}
	}
}

// charge counts an answered produce request against the quota and mutes the
// connection for as long as the client is throttled.
func (c *conn) charge(r request) (throttle time.Duration) {
	throttle = c.wire.quotas.charge(c.addr, r.clientID, r.bytes)
	if throttle > 0 {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.muted = time.Now().Add(throttle)
	}
	return throttle
}

// swallow decides by chance whether a produce request is swallowed.
func (c *conn) swallow() bool {
	return c.chance(c.swallows, c.rule.Load().swallow)
}

// hears decides by chance whether an answer to a produce request gets lost on
// its way, and tells whether the client hears this answer.
func (c *conn) hears(r request) bool {
	lost := r.produce && c.chance(c.forgetful, c.rule.Load().lose)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.deaf = c.deaf || lost
	return !c.deaf
}

func (c *conn) chance(rng *rand.Rand, fraction float64) bool {
	if fraction <= 0 {
		return false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return rng.Float64() < fraction
}

// push adds a request to those that wait for an answer, and tells whether it
// is the only one.
func (c *conn) push(r request) (only bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.sent = append(c.sent, r)
	if r.produce {
		c.produces++
	}
	return len(c.sent) == 1
}

// first returns the request that waits for its answer the longest. There is
// one.
func (c *conn) first() request {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.sent[0]
}

// awaits tells whether a request with this correlation id waits for an answer
// of the broker's.
func (c *conn) awaits(corr int32) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	for i := range c.sent {
		if c.sent[i].corr == corr && c.sent[i].own == nil {
			return true
		}
	}
	return false
}

// pop forgets the first request, which has been answered or never will be, and
// returns the one that is now the first.
func (c *conn) pop() (r request, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.sent[0].produce {
		c.produces--
		c.wake()
	}
	c.sent[0] = request{}
	c.sent = c.sent[1:]
	if len(c.sent) == 0 {
		return r, false
	}
	return c.sent[0], true
}
