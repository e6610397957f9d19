package wire

import (
	"bufio"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"syscall"
	"time"
)

// carryRequests takes the client's requests to the broker until one of the two
// has gone.
func (c *conn) carryRequests() {
	err := c.requests()
	var frame *FrameError
	switch {
	case errors.As(err, &frame):
		c.close(frame)
	case errors.Is(err, errGone):
		// The broker takes no more. What it has answered before is still to
		// come: the carrier of answers will meet the end of it.
		c.up.abort(net.ErrClosed, syscall.EPIPE)
	default:
		// The client has closed, or the whole connection has ended already.
		c.hangUp()
	}
}

// errGone: writing to the broker failed.
var errGone = errors.New("the broker takes no more")

func (c *conn) requests() error {
	buf := make([]byte, 4+headBytes)
	for {
		head, r, err := readRequest(c.up, buf, c.addr)
		if err != nil {
			if len(head) > 0 {
				_, _ = c.server.Write(head) // half a frame is the broker's to judge, if it is still there
			}
			return err
		}
		if r.produce && c.swallow() {
			// Only whole ones: a broker would not have written half of one.
			body, err := readWhole(c.up, 4+r.bytes-len(head))
			if err != nil {
				return err
			}
			head = append(head, body...)
			if own, err := makeAnswer(r, head, &c.wire.offsets); err == nil { // else the broker may know what it is
				r.own = &own
			}
		}
		if err := c.awaitTurn(); err != nil {
			return err
		}
		if err := c.send(head, r); err != nil {
			return err
		}
	}
}

// send forwards a request, of which the head has been read; or swallows it, if
// the wire has an answer of its own.
func (c *conn) send(head []byte, r request) error {
	switch {
	case r.own == nil:
		if r.answered() {
			c.push(r)
		}
		if err := c.forward(head, 4+r.bytes-len(head)); err != nil {
			return err
		}
	case r.answered():
		if only := c.push(r); only {
			if err := c.answerOwn(r); err != nil {
				return err
			}
			return c.next()
		}
	}
	if r.produce && !r.answered() {
		c.charge(r)
	}
	return nil
}

// forward sends the head of a frame, then the rest of it as it comes. The head
// goes out together with the first piece of the rest: a packet less.
func (c *conn) forward(head []byte, rest int) error {
	for len(head) > 0 || rest > 0 {
		var pieces net.Buffers
		if len(head) > 0 {
			pieces = append(pieces, head)
		}
		var piece []byte
		var gone error
		if rest > 0 {
			if piece, gone = c.up.peek(); gone == nil {
				piece = piece[:min(len(piece), rest)]
				pieces = append(pieces, piece)
			}
		}
		if _, err := pieces.WriteTo(c.server); err != nil {
			return errGone
		}
		if gone != nil {
			return gone
		}
		c.up.skip(len(piece))
		head, rest = nil, rest-len(piece)
	}
	return nil
}

// answerOwn gives the client the wire's own answer to the first request.
//
// Who does it: the carrier of requests if no other request was before it when
// it was pushed, since the carrier of answers may then be waiting for a broker
// that has nothing to say; otherwise whoever has done with the one before, in
// next.
func (c *conn) answerOwn(r request) error {
	r.own.delay(c.charge(r))
	if !c.hears(r) {
		return nil
	}
	_, err := c.down.Write(r.own.frame())
	return err
}

// next is done with the first request, and with those after it that the wire
// itself answers.
func (c *conn) next() error {
	for {
		r, ok := c.pop()
		if !ok || r.own == nil {
			return nil
		}
		if err := c.answerOwn(r); err != nil {
			return err
		}
	}
}

// carryAnswers takes the broker's answers to the client until one of the two
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
		c.hangUp()
	default:
		c.close(syscall.ECONNRESET)
	}
}

func (c *conn) answers() error {
	from := bufio.NewReaderSize(c.server, 64<<10)
	for {
		prefix, err := from.Peek(4)
		if err != nil {
			return c.fragment(prefix, err)
		}
		size, err := frameSize(prefix, "broker", c.addr)
		if err != nil {
			return err
		}
		head, err := from.Peek(4 + min(size, 4))
		if err != nil {
			return c.fragment(head, err)
		}
		var r request
		known := false
		if size >= 4 {
			r, known, err = c.answered(int32(binary.BigEndian.Uint32(head[4:])))
		}
		if err == nil {
			err = c.answer(from, 4+size, r)
		}
		if err == nil && known {
			err = c.next()
		}
		if err != nil {
			return err
		}
	}
}

// answered finds the request to which an answer of the broker's belongs, and
// makes it the first one. Those before it the broker has passed over: they
// were no requests after all. An answer to nothing is carried all the same.
func (c *conn) answered(corr int32) (r request, known bool, err error) {
	if !c.awaits(corr) {
		return r, false, nil
	}
	for {
		if r = c.first(); r.corr == corr && r.own == nil {
			return r, true, nil
		}
		if err := c.next(); err != nil {
			return r, false, err
		}
	}
}

// answer takes an answer of n bytes, length prefix and all, to the client.
func (c *conn) answer(from *bufio.Reader, n int, r request) error {
	var throttle time.Duration
	if r.produce {
		throttle = c.charge(r)
	}
	learns := r.produce && c.rule.Load().swallow > 0
	if !c.hears(r) {
		_, err := from.Discard(n)
		return err
	}
	if throttle == 0 && !learns {
		return c.pass(from, n)
	}
	frame, err := readWhole(from, n)
	if err != nil {
		return c.fragment(frame, err)
	}
	if a, err := parseAnswer(frame, r.version); err == nil { // else it passes as it is
		if learns {
			c.wire.offsets.learn(a)
		}
		if throttle > 0 {
			a.delay(throttle)
			frame = a.frame()
		}
	}
	_, err = c.down.Write(frame)
	return err
}

// fragment hands over what has come of a frame that will never be whole, and
// returns why it will not.
func (c *conn) fragment(p []byte, err error) error {
	if c.hears(request{}) {
		_, _ = c.down.Write(p) // the client may be gone: err says why all the same
	}
	return err
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
		done, err := from.Discard(len(piece))
		if n -= done; err != nil {
			return err
		}
	}
	return nil
}
