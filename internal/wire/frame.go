package wire

import (
	"encoding/binary"
	"fmt"
	"io"

	"github.com/twmb/franz-go/pkg/kbin"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// MaxFrameBytes is the longest frame that a wire carries, without its length
// prefix: Kafka's default for socket.request.max.bytes. It holds for answers
// too; a fetch answers with 50 MiB at most by default (fetch.max.bytes).
const MaxFrameBytes = 100 << 20

// A FrameError is a length prefix that cannot be one. It ends the connection,
// since nobody knows where its next frame would begin.
type FrameError struct {
	From  string // "client" or "broker"
	Addr  string // the broker's address, as it was dialed
	Bytes int32  // what the length prefix says
}

// Error says whose frame it was and what a length may be.
func (e *FrameError) Error() string {
	text := fmt.Sprintf("wire: the %s sent a frame of %d bytes on the connection with %s; a Kafka frame has 0 to %d bytes", e.From, e.Bytes, e.Addr, MaxFrameBytes)
	const tlsAlert, tlsHandshake = 0x1503, 0x1603 // record type and major version
	if begin := e.Bytes >> 16; begin == tlsAlert || begin == tlsHandshake {
		text += "; it looks like TLS, which only one of the two seems to speak"
	}
	return text
}

// frameSize reads a length prefix.
func frameSize(prefix []byte, from, addr string) (int, error) {
	size := int32(binary.BigEndian.Uint32(prefix))
	if size < 0 || size > MaxFrameBytes {
		return 0, &FrameError{From: from, Addr: addr, Bytes: size}
	}
	return int(size), nil
}

// The API keys that a wire knows.
const produceKey = int16(kmsg.Produce)

// A request is what a wire remembers of a request until it is answered. One
// that is not known has no more than its size.
type request struct {
	known    bool
	version  int16
	corr     int32 // correlation id, which the answer repeats
	bytes    int   // of the frame without its length prefix
	produce  bool
	acks     int16  // of a produce request; 0 will not be answered
	clientID string // of a produce request; "" for null, as for Kafka

	body int     // where the body begins in the frame
	own  *answer // the wire's own, to a request that the broker never saw
}

// answered tells whether the broker will answer the request.
func (r request) answered() bool { return r.known && !(r.produce && r.acks == 0) }

// parseRequest reads a request's header from the first bytes of its frame, and
// of a produce request the acks, which come soon after. It is not known if they
// are too few.
//
// RequestHeader v0 to v2: key, version, correlation id, client id, since v2
// tags. ProduceRequest: transactional id (since version 3), acks, ...
func parseRequest(b []byte) (r request) {
	head := kbin.Reader{Src: b}
	r = request{known: true, produce: head.Int16() == produceKey, version: head.Int16(), corr: head.Int32()}
	if r.produce {
		if id := head.NullableString(); id != nil {
			r.clientID = *id
		}
		flexible := r.version >= 9
		if flexible {
			kmsg.SkipTags(&head)
		}
		r.body = len(b) - len(head.Src)
		switch {
		case flexible:
			head.CompactNullableString()
		case r.version >= 3:
			head.NullableString()
		}
		r.acks = head.Int16()
	}
	if !head.Ok() {
		return request{}
	}
	return r
}

const (
	// headBytes of a frame are enough to parse nearly every request.
	headBytes = 256
	// maxHeadBytes are enough for any: two strings of 32 KiB and a bit.
	maxHeadBytes = 80 << 10
)

// readRequest reads a frame's length prefix and as much of the frame as it
// takes to know the request. It returns these bytes, kept in buf while they
// fit. With an error, head is what could be read.
func readRequest(from io.Reader, buf []byte, addr string) (head []byte, r request, err error) {
	head = buf[:4]
	if n, err := io.ReadFull(from, head); err != nil {
		return head[:n], r, err
	}
	size, err := frameSize(head, "client", addr)
	if err != nil {
		return nil, r, err
	}
	for want := min(size, headBytes); ; want = min(size, 2*want) {
		have := len(head)
		head = append(head, make([]byte, 4+want-have)...)
		n, err := io.ReadFull(from, head[have:])
		if err != nil {
			return head[:have+n], r, err
		}
		if r = parseRequest(head[4:]); r.known || want == size || want > maxHeadBytes {
			r.bytes = size
			return head, r, nil
		}
	}
}

// readWhole reads n bytes. Memory is taken as they come, since nobody knows
// whether they all will. With an error, it returns what could be read.
func readWhole(from io.Reader, n int) ([]byte, error) {
	p, err := io.ReadAll(io.LimitReader(from, int64(n)))
	if err == nil && len(p) < n {
		err = io.ErrUnexpectedEOF
	}
	return p, err
}
