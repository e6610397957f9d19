package wire

import (
	"bufio"
	"encoding/binary"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// A conn is one connection through a wire, with the two goroutines that carry
// its frames.
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

	mu       sync.Mutex
	sent     []request // requests without a whole answer, in their order
	produces int       // how many of these are produce requests
	muted    time.Time // no request passes before
	deaf     bool      // an answer was lost: the client hears no more
}

func newConn(w *Wire, addr string, server net.Conn, r rule, draw func() *rand.Rand) *conn {
	c := &conn{
		wire: w, addr: addr, server: server,
		up: newStream(draw()), down: newStream(draw()),
		woken: make(chan struct{}, 1), done: make(chan struct{}),
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

// wake makes the carrier of requests look again at whether it may go on.
func (c *conn) wake() {
	select {
	case c.woken <- struct{}{}:
	default:
	}
}

// close ends the connection at once, with what is under way; the client gets
// err. Only the first close counts.
func (c *conn) close(err error) {
	c.once.Do(func() {
		close(c.done)
		c.up.abort(err, err)
		c.down.abort(err, err)
		c.server.Close()
	})
}

// carryRequests forwards what the client sends until one of the two has gone.
func (c *conn) carryRequests() {
	err := c.requests()
	var frame *FrameError
	switch {
	case errors.As(err, &frame):
		c.close(frame)
	case errors.Is(err, errServer):
		// The broker takes no more. What it has answered before is still to
		// come: the carrier of answers will meet the end of it.
		c.up.abort(net.ErrClosed, syscall.EPIPE)
	default:
		c.close(net.ErrClosed)
	}
}

// errServer: writing to the broker failed.
var errServer = errors.New("the broker takes no more")

func (c *conn) requests() error {
	buf := make([]byte, 4+headBytes)
	for {
		head, r, known, err := readRequest(c.up, buf, c.addr)
		if err != nil {
			c.server.Write(head) // half a frame is the broker's to judge
			return err
		}
		if known && !(r.produce && r.acks == 0) {
			c.push(r)
		}
		if err := c.forward(head, 4+r.bytes-len(head)); err != nil {
			return err
		}
	}
}

// forward sends the head of a frame, then the rest of it as it comes.
func (c *conn) forward(head []byte, rest int) error {
	if _, err := c.server.Write(head); err != nil {
		return errServer
	}
	for rest > 0 {
		piece, err := c.up.peek()
		if err != nil {
			return err
		}
		piece = piece[:min(len(piece), rest)]
		if _, err := c.server.Write(piece); err != nil {
			return errServer
		}
		c.up.skip(len(piece))
		rest -= len(piece)
	}
	return nil
}

// push adds a request to those that wait for an answer.
func (c *conn) push(r request) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.sent = append(c.sent, r)
	if r.produce {
		c.produces++
	}
}

// carryAnswers hands the broker's answers to the client until one of the two
// has gone.
func (c *conn) carryAnswers() {
	err := c.answers()
	var frame *FrameError
	switch {
	case errors.As(err, &frame):
		c.close(frame)
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		// The broker has closed. The client may read what came before.
		c.down.finish(io.EOF, io.ErrClosedPipe)
		c.up.abort(net.ErrClosed, syscall.EPIPE)
		c.once.Do(func() { close(c.done); c.server.Close() })
	default:
		c.close(syscall.ECONNRESET)
	}
}

func (c *conn) answers() error {
	from := bufio.NewReaderSize(c.server, 64<<10)
	for {
		prefix, err := from.Peek(4)
		if err != nil {
			c.down.Write(prefix)
			return err
		}
		size, err := frameSize(prefix, "broker", c.addr)
		if err != nil {
			return err
		}
		head, err := from.Peek(4 + min(size, 4))
		if err != nil {
			c.down.Write(head)
			return err
		}
		known := false
		if size >= 4 {
			_, known = c.match(int32(binary.BigEndian.Uint32(head[4:])))
		}
		if err := c.pass(from, 4+size); err != nil {
			return err
		}
		if known {
			c.pop()
		}
	}
}

// pass hands n bytes to the client as they come.
func (c *conn) pass(from *bufio.Reader, n int) error {
	for n > 0 {
		if _, err := from.Peek(1); err != nil {
			return err
		}
		piece, _ := from.Peek(min(n, from.Buffered()))
		if _, err := c.down.Write(piece); err != nil {
			return err
		}
		from.Discard(len(piece))
		n -= len(piece)
	}
	return nil
}

// match finds the request to which an answer belongs and makes it the first
// one. Those before it were never answered: they are forgotten.
func (c *conn) match(corr int32) (r request, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for i := range c.sent {
		if c.sent[i].corr == corr {
			for range i {
				c.shift()
			}
			return c.sent[0], true
		}
	}
	return r, false
}

// pop forgets the first request: it has been answered.
func (c *conn) pop() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.shift()
}

func (c *conn) shift() {
	if c.sent[0].produce {
		c.produces--
	}
	c.sent[0] = request{}
	c.sent = c.sent[1:]
}
