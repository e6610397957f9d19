package wire

import (
	"context"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"net"
	"os"
	"sync"
	"syscall"
	"time"
)

// DialFunc dials a broker, as [net.Dialer.DialContext] does.
type DialFunc = func(ctx context.Context, network, addr string) (net.Conn, error)

// A Wire stands between clients and brokers: whoever dials through it has a
// connection on which everything here can be changed while it lives. Its
// methods may be called from any goroutine.
//
// Addresses are those that were dialed, letter by letter. A method that takes
// addresses means all of them if it is given none: those not seen yet, and
// those for which something else was set before.
type Wire struct {
	dial DialFunc

	mu      sync.Mutex
	closed  bool
	seed    uint64
	dials   map[string]uint64 // how often each address was dialed
	all     rule
	some    map[string]rule // for the addresses that were named
	conns   map[*conn]struct{}
	quotas  quotas
	offsets offsets
	wg      sync.WaitGroup // what carries the frames of each connection
}

// A rule is what holds for one broker's connections.
type rule struct {
	cut     bool
	slow    Slowness
	lose    float64 // of the answers to produce requests
	swallow float64 // of the produce requests
}

// Slowness is a bad cable. The zero value is a good one.
type Slowness struct {
	// Latency is what a request and its answer take longer, half of it each
	// way; a dial takes all of it.
	Latency time.Duration
	// Jitter is at most what they take longer than that, by chance (uniform),
	// half of it each way. What comes late makes what is behind it late too:
	// nothing is overtaken.
	Jitter time.Duration
	// BytesPerSecond is what a connection carries, each way; 0 is no limit.
	BytesPerSecond float64
}

// New returns a Wire that dials brokers with dial, which must do the TLS
// handshake if there is one: a wire reads frames in the clear. What it draws by
// chance comes from the seed 0; see [Wire.SetSeed].
func New(dial DialFunc) *Wire {
	return &Wire{dial: dial, dials: map[string]uint64{}, some: map[string]rule{}, conns: map[*conn]struct{}{}}
}

// SetSeed sets where chance comes from on connections dialed from now on. Each
// has its own: it depends on the seed, on the address and on how often that was
// dialed before.
func (w *Wire) SetSeed(seed uint64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.seed = seed
}

// Dial connects to addr and returns the client's end. It is refused
// ([syscall.ECONNREFUSED]) while the address is cut.
func (w *Wire) Dial(ctx context.Context, network, addr string) (net.Conn, error) {
	r, err := w.admit(network, addr)
	if err != nil {
		return nil, err
	}
	if err := pause(ctx, r.slow.Latency); err != nil {
		return nil, dialError(network, addr, err)
	}
	server, err := w.dial(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	c, err := w.join(network, addr, server)
	if err != nil {
		server.Close()
		return nil, err
	}
	return &end{c}, nil
}

// admit tells by which rule addr may be dialed, if it may.
func (w *Wire) admit(network, addr string) (rule, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.admitted(network, addr)
}

func (w *Wire) admitted(network, addr string) (rule, error) {
	r := w.rule(addr)
	switch {
	case w.closed:
		return r, dialError(network, addr, net.ErrClosed)
	case r.cut:
		return r, dialError(network, addr, os.NewSyscallError("connect", syscall.ECONNREFUSED))
	}
	return r, nil
}

// join makes a connection of what was dialed, unless the address was cut
// meanwhile.
func (w *Wire) join(network, addr string, server net.Conn) (*conn, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	r, err := w.admitted(network, addr)
	if err != nil {
		return nil, err
	}
	c := newConn(w, addr, server, r, w.draw(addr))
	w.conns[c] = struct{}{}
	w.wg.Go(func() {
		var requests sync.WaitGroup
		requests.Go(c.carryRequests)
		c.carryAnswers()
		requests.Wait()
		w.forget(c)
	})
	return c, nil
}

// draw returns a maker of sources of chance for the next connection to addr.
func (w *Wire) draw(addr string) func() *rand.Rand {
	h := fnv.New64a()
	fmt.Fprintf(h, "%s %d", addr, w.dials[addr])
	w.dials[addr]++
	chance := rand.NewPCG(w.seed, h.Sum64())
	return func() *rand.Rand { return rand.New(rand.NewPCG(chance.Uint64(), chance.Uint64())) }
}

// rule returns what holds for addr.
func (w *Wire) rule(addr string) rule {
	if r, ok := w.some[addr]; ok {
		return r
	}
	return w.all
}

// Cut closes the connections to these addresses at once and refuses new ones,
// as when the machine at the other end has gone.
func (w *Wire) Cut(addrs ...string) {
	for _, c := range w.change(addrs, func(r *rule) { r.cut = true }) {
		c.close(syscall.ECONNRESET)
	}
}

// Restore ends a [Wire.Cut].
func (w *Wire) Restore(addrs ...string) {
	w.change(addrs, func(r *rule) { r.cut = false })
}

// Slow makes the connections to these addresses slow from now on. The zero
// Slowness heals them.
func (w *Wire) Slow(s Slowness, addrs ...string) {
	w.change(addrs, func(r *rule) { r.slow = s })
}

// LoseAnswers makes this fraction (0 to 1) of the answers to produce requests
// never arrive: the broker has them written, and the client does not know.
//
// Kafka answers the requests of a connection in order, so nothing that comes
// after a lost answer can be understood, and the client hears nothing more on
// that connection, as when the way back is broken. Its requests still pass. It
// ends when the client does as clients do when a request times out: close the
// connection and open another one. A fraction of 0 loses no more; connections
// that have lost an answer already stay silent.
func (w *Wire) LoseAnswers(fraction float64, addrs ...string) {
	w.change(addrs, func(r *rule) { r.lose = fraction })
}

// Swallow makes this fraction (0 to 1) of the produce requests vanish: the
// broker never sees them, and the client is told yes for every partition, with
// offsets that it can believe. Requests without acknowledgement (acks=0) just
// vanish.
//
// An idempotent producer (enable.idempotence) will be refused by the broker
// after that: it numbers its batches, and one is missing
// (OUT_OF_ORDER_SEQUENCE_NUMBER).
func (w *Wire) Swallow(fraction float64, addrs ...string) {
	w.change(addrs, func(r *rule) { r.swallow = fraction })
}

// SetQuota sets how much each client may produce at each broker from now on.
//
// The wire then does what a broker does under a quota (KIP-219). When a produce
// request has been answered, its size is counted, the answer goes to the client
// with the time that it is throttled for (ThrottleTimeMs; if the broker has
// given it a longer one, that), and no further request of the connection passes
// until that time is over. A connection that is muted stays so for its time,
// even if the quota is lifted.
func (w *Wire) SetQuota(q Quota) {
	w.quotas.set(q)
	w.mu.Lock()
	defer w.mu.Unlock()
	for c := range w.conns {
		c.wake()
	}
}

// Throttled returns how often clients have been throttled by the quota, and for
// how long in all.
func (w *Wire) Throttled() (count int64, total time.Duration) {
	return w.quotas.throttled()
}

// change changes the rules of these addresses and returns the connections that
// it concerns.
func (w *Wire) change(addrs []string, how func(*rule)) (concerned []*conn) {
	w.mu.Lock()
	defer w.mu.Unlock()
	named := map[string]bool{}
	for _, addr := range addrs {
		named[addr] = true
		r := w.rule(addr)
		how(&r)
		w.some[addr] = r
	}
	if len(addrs) == 0 {
		how(&w.all)
		for addr, r := range w.some {
			how(&r)
			w.some[addr] = r
		}
	}
	for c := range w.conns {
		if len(addrs) == 0 || named[c.addr] {
			c.apply(w.rule(c.addr))
			concerned = append(concerned, c)
		}
	}
	return concerned
}

// forget lets go of a connection that has ended.
func (w *Wire) forget(c *conn) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.conns, c)
}

// Close closes every connection, refuses new ones, and returns when all that
// the Wire has started has ended.
func (w *Wire) Close() error {
	w.mu.Lock()
	w.closed = true
	conns := make([]*conn, 0, len(w.conns))
	for c := range w.conns {
		conns = append(conns, c)
	}
	w.mu.Unlock()
	for _, c := range conns {
		c.close(net.ErrClosed)
	}
	w.wg.Wait()
	return nil
}

func dialError(network, addr string, err error) error {
	return &net.OpError{Op: "dial", Net: network, Addr: address{network, addr}, Err: err}
}

// address is a [net.Addr] that was not resolved.
type address struct{ network, addr string }

func (a address) Network() string { return a.network }
func (a address) String() string  { return a.addr }

// pause waits for d, or for the end of ctx.
func pause(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
