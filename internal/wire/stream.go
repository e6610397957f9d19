package wire

import (
	"io"
	"math/rand/v2"
	"os"
	"sync"
	"time"
)

const (
	// streamBytes is how much a stream holds before its writer has to wait, as
	// for the buffers of a socket.
	streamBytes = 1 << 20
	// firstBytes is what it begins with: most connections never need more.
	firstBytes = 16 << 10
	// gulpBytes are written at a time, so that the reader can begin with the
	// first of them while the writer copies the next.
	gulpBytes = 128 << 10
	// packetBytes is the unit in which a limited bandwidth delivers.
	packetBytes = 4 << 10
)

// A stream is one direction of a connection in memory: a ring of at most
// [streamBytes] bytes that one goroutine writes and another one reads. Unlike
// [net.Pipe], a writer need not wait for its reader until the ring is full; and
// bytes can take their time on the way (see [stream.slow]).
//
// Everybody who waits here waits on a condition variable or for a timer, so
// that a testing/synctest bubble sees it as durably blocked.
type stream struct {
	mu       sync.Mutex
	readable sync.Cond
	writable sync.Cond

	ring  []byte
	first int   // index in ring of the first unread byte
	n     int   // bytes unread
	read  int64 // bytes read since the beginning
	ripe  int64 // bytes that have arrived since the beginning; read <= ripe <= read+n

	readErr  error // the reader gets it at once
	lastErr  error // the reader gets it after the last byte
	writeErr error // the writer gets it at once

	readBy, writeBy deadline

	pace    pace
	packets []packet  // on the way: those that are not ripe
	free    time.Time // when the cable has carried the last ripe packet
	arrival deadline  // of packets[0]; only ever wakes the reader
	rng     *rand.Rand
}

// A pace is how slow one direction is.
type pace struct {
	latency, jitter time.Duration
	bytesPerSecond  float64
}

// A packet is a run of bytes with one time of arrival.
type packet struct {
	until  int64     // its end, in bytes since the stream's beginning
	bytes  int       // its size
	sent   time.Time // when it was written
	jitter float64   // its part of the pace's jitter, 0 to 1
}

func newStream(rng *rand.Rand) *stream {
	s := &stream{rng: rng}
	s.readable.L, s.writable.L = &s.mu, &s.mu
	return s
}

// Write puts all of p into the stream and waits while it is full. It returns
// how many bytes went in, and why no more did.
func (s *stream) Write(p []byte) (n int, err error) {
	for {
		k, err := s.write(p[:min(len(p), gulpBytes)])
		p, n = p[k:], n+k
		if err != nil || len(p) == 0 {
			return n, err
		}
	}
}

func (s *stream) write(p []byte) (n int, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for {
		switch {
		case s.writeErr != nil:
			return n, s.writeErr
		case s.writeBy.passed():
			return n, os.ErrDeadlineExceeded
		case len(p) == 0:
			return n, nil
		}
		if s.n == streamBytes {
			s.writable.Wait()
			continue
		}
		k := s.put(p)
		s.sent(k)
		p, n = p[k:], n+k
		s.readable.Broadcast()
	}
}

// put copies as much of p into the ring as fits, and grows the ring if it must.
func (s *stream) put(p []byte) int {
	if want := s.n + len(p); want > len(s.ring) && len(s.ring) < streamBytes {
		size := max(len(s.ring), firstBytes)
		for size < want && size < streamBytes {
			size *= 2
		}
		// A new ring rather than a moved one: the reader may hold a piece of
		// the old one (see peek).
		ring := make([]byte, size)
		k := copy(ring, s.ring[s.first:min(s.first+s.n, len(s.ring))])
		copy(ring[k:], s.ring[:s.n-k])
		s.ring, s.first = ring, 0
	}
	k := 0
	for k < len(p) && s.n < len(s.ring) {
		end := (s.first + s.n) % len(s.ring)
		room := s.ring[end:]
		if end < s.first {
			room = s.ring[end:s.first]
		}
		c := copy(room, p[k:])
		s.n += c
		k += c
	}
	return k
}

// sent notes that k more bytes have been written.
func (s *stream) sent(k int) {
	if s.pace == (pace{}) && len(s.packets) == 0 {
		s.ripe += int64(k)
		return
	}
	unit := k
	if s.pace.bytesPerSecond > 0 {
		unit = packetBytes
	}
	end := s.read + int64(s.n)
	for now := time.Now(); k > 0; k -= min(k, unit) {
		c := min(k, unit)
		s.packets = append(s.packets, packet{until: end - int64(k) + int64(c), bytes: c, sent: now, jitter: s.rng.Float64()})
	}
}

// arrived lets ripen what has arrived by now. What is still on the way will
// wake the reader.
func (s *stream) arrived() {
	k := 0
	for now := time.Now(); k < len(s.packets); k++ {
		p := &s.packets[k]
		at := p.sent.Add(s.pace.latency + time.Duration(p.jitter*float64(s.pace.jitter)))
		if at.Before(s.free) {
			at = s.free
		}
		if s.pace.bytesPerSecond > 0 {
			at = at.Add(time.Duration(float64(p.bytes) / s.pace.bytesPerSecond * float64(time.Second)))
		}
		if at.After(now) {
			s.arrival.set(at, &s.readable)
			break
		}
		s.ripe, s.free = p.until, at
	}
	s.packets = s.packets[k:]
}

// slow sets the pace from now on. Bytes on the way keep their order, whatever
// the jitter; those that a healthy stream (the zero pace) has on the way arrive
// at once.
func (s *stream) slow(p pace) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if p == s.pace {
		return
	}
	s.pace = p
	if now := time.Now(); s.free.After(now) {
		s.free = now
	}
	if p == (pace{}) {
		s.packets, s.ripe = nil, s.read+int64(s.n)
	}
	s.readable.Broadcast()
}

// Read takes what has arrived, at least one byte, and waits if there is none.
func (s *stream) Read(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(p) == 0 {
		return 0, s.readErr
	}
	if err := s.await(); err != nil {
		return 0, err
	}
	n := 0
	for n < len(p) {
		piece := s.piece()
		if len(piece) == 0 {
			break
		}
		k := copy(p[n:], piece)
		s.drop(k)
		n += k
	}
	return n, nil
}

// peek returns a piece of what has arrived, at least one byte, and waits if
// there is none. It stays the stream's, and is the reader's to look at until
// it is given to skip.
func (s *stream) peek() ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.await(); err != nil {
		return nil, err
	}
	return s.piece(), nil
}

// skip takes k bytes of what was peeked at.
func (s *stream) skip(k int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if k <= s.n { // else aborted meanwhile
		s.drop(k)
	}
}

// await returns when there is something to read, or with the reason why not.
func (s *stream) await() error {
	for {
		switch {
		case s.readErr != nil:
			return s.readErr
		case s.readBy.passed():
			return os.ErrDeadlineExceeded
		}
		if len(s.packets) > 0 {
			s.arrived()
		}
		switch {
		case s.ripe > s.read:
			return nil
		case s.n == 0 && s.lastErr != nil:
			return s.lastErr
		}
		s.readable.Wait()
	}
}

// piece is the longest piece of the ring that has arrived and not been read.
func (s *stream) piece() []byte {
	return s.ring[s.first:min(s.first+int(s.ripe-s.read), len(s.ring))]
}

func (s *stream) drop(k int) {
	s.first, s.n, s.read = s.first+k, s.n-k, s.read+int64(k)
	if s.first == len(s.ring) || s.n == 0 {
		s.first = 0
	}
	s.writable.Broadcast()
}

// finish ends the stream after what it holds: then its reader gets last, and
// its writer gets refused from now on.
func (s *stream) finish(last, refused error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.lastErr == nil {
		s.lastErr = last
	}
	s.end(refused)
}

// abort ends the stream now. What it holds is gone; its reader gets read and
// its writer refused. The first end counts.
func (s *stream) abort(read, refused error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.readErr == nil {
		s.readErr = read
	}
	s.ring, s.first, s.n, s.packets, s.ripe = nil, 0, 0, nil, s.read
	s.end(refused)
}

func (s *stream) end(refused error) {
	if s.writeErr == nil {
		s.writeErr = refused
	}
	s.readable.Broadcast()
	s.writable.Broadcast()
	if s.readErr != nil {
		s.readBy.stop()
		s.arrival.stop()
	}
	s.writeBy.stop()
}

func (s *stream) setReadDeadline(t time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.readBy.set(t, &s.readable)
}

func (s *stream) setWriteDeadline(t time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.writeBy.set(t, &s.writable)
}

// A deadline wakes those who wait on a condition when its time has come. A
// timer that fires late, for a time that was changed meanwhile, does no harm:
// whoever is woken looks at the clock again.
type deadline struct {
	at    time.Time
	timer *time.Timer
}

// set must be called with the condition's lock held.
func (d *deadline) set(at time.Time, cond *sync.Cond) {
	d.at = at
	switch {
	case at.IsZero():
		d.stop()
	case d.timer == nil:
		d.timer = time.AfterFunc(time.Until(at), func() {
			cond.L.Lock()
			defer cond.L.Unlock()
			cond.Broadcast()
		})
	default:
		d.timer.Reset(time.Until(at))
	}
	cond.Broadcast() // a time that has passed already is not left to the timer
}

func (d *deadline) passed() bool { return !d.at.IsZero() && !time.Now().Before(d.at) }

func (d *deadline) stop() {
	if d.timer != nil {
		d.timer.Stop()
	}
}

var _ io.ReadWriter = (*stream)(nil)
