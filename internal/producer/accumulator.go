package producer

import (
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// accumulator holds the batches that have not been sent, a queue for each
// partition (RecordAccumulator).
type accumulator struct {
	cfg    Config
	pool   *pool
	wake   func()
	closed atomic.Bool
	// flushing counts the callers of Flush: while there are any, nothing lingers.
	flushing atomic.Int32
	buffers  sync.Pool // of *[]byte

	queues []*queue // one a partition; set once, before the first record

	mu         sync.Mutex
	unfinished map[*batch]struct{}
	ratio      atomic.Uint64 // float64 bits: how small compression makes records (CompressionRatioEstimator)
}

// queue is one partition's batches, oldest first.
type queue struct {
	mu      sync.Mutex
	batches []*batch
	made    int64 // batches so far
	// muted while a batch is under way and order must be kept, which is when
	// max.in.flight.requests.per.connection is 1. The sender's alone.
	muted bool
}

// append puts a record into its partition's last batch, or into a new one for
// which it waits for memory no longer than maxBlock (RecordAccumulator.append).
func (a *accumulator) append(partition int32, r *Record, maxBlock time.Duration, answer func(Answer)) error {
	q := a.queues[partition]
	if done, err := a.tryAppend(q, r, answer); done || err != nil {
		return err
	}
	size := max(a.cfg.BatchSize, RecordUpperBound(r))
	if err := a.pool.allocate(size, maxBlock, a.wake); err != nil {
		return err
	}
	now := time.Now()
	q.mu.Lock()
	if a.closed.Load() {
		q.mu.Unlock()
		a.pool.release(size)
		return ErrClosed
	}
	if a.appendLast(q, r, now, answer) { // somebody else made a batch meanwhile
		q.mu.Unlock()
		a.pool.release(size)
		return nil
	}
	b := newBatch(partition, size, a.buffer(size), now)
	b.append(r, now, a.compressionRatio(), answer)
	q.made++
	b.order = q.made
	q.batches = append(q.batches, b)
	a.mu.Lock()
	a.unfinished[b] = struct{}{}
	a.mu.Unlock()
	q.mu.Unlock()
	a.wake()
	return nil
}

func (a *accumulator) tryAppend(q *queue, r *Record, answer func(Answer)) (bool, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if a.closed.Load() {
		return false, ErrClosed
	}
	return a.appendLast(q, r, time.Now(), answer), nil
}

// appendLast tries the last batch of q, whose lock the caller holds.
func (a *accumulator) appendLast(q *queue, r *Record, now time.Time, answer func(Answer)) bool {
	if len(q.batches) == 0 {
		return false
	}
	last := q.batches[len(q.batches)-1]
	if !last.append(r, now, a.compressionRatio(), answer) {
		return false
	}
	if last.full {
		a.wake()
	}
	return true
}

// readiness is what the sender must know of a queue.
type readiness struct {
	sendable bool
	wait     time.Duration // until it may be sendable; meaningless when sendable or empty
	empty    bool
	expires  time.Time // when its first batch reaches delivery.timeout.ms
}

// ready says whether the queue's first batch should be sent now
// (RecordAccumulator.batchReady).
func (a *accumulator) ready(q *queue, now time.Time, hurry bool) readiness {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.batches) == 0 {
		return readiness{empty: true}
	}
	b := q.batches[0]
	since, wait, backingOff := b.created, a.cfg.Linger, false
	if b.attempts > 0 {
		since = b.tried
		if backoff := a.cfg.retryBackoff(b.attempts); now.Sub(since) < backoff {
			wait, backingOff = backoff, true
		}
	}
	r := readiness{expires: b.created.Add(a.cfg.DeliveryTimeout), wait: wait - now.Sub(since)}
	full := len(q.batches) > 1 || b.full
	r.sendable = !backingOff && (full || r.wait <= 0 || hurry)
	return r
}

// hurry says whether batches are sent without lingering: somebody waits for
// memory, for a flush, or for the producer to close.
func (a *accumulator) hurry() bool {
	return a.pool.queued() > 0 || a.flushing.Load() > 0 || a.closed.Load()
}

// take removes the queue's first batch if accept agrees to it.
func (q *queue) take(accept func(*batch) bool) *batch {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.batches) == 0 || !accept(q.batches[0]) {
		return nil
	}
	b := q.batches[0]
	b.full = true
	q.batches[0] = nil
	q.batches = q.batches[1:]
	return b
}

// putBack returns batches to the front of their queue (RecordAccumulator.reenqueue),
// or, where order is kept, to their place in it (insertInSequenceOrder).
func (q *queue) putBack(inOrder bool, batches ...*batch) {
	q.mu.Lock()
	defer q.mu.Unlock()
	at := 0
	for inOrder && at < len(q.batches) && q.batches[at].order < batches[0].order {
		at++
	}
	q.batches = slices.Insert(q.batches, at, batches...)
}

// finish answers a batch's records and only then gives its memory back, so that
// the worker who was waiting for the answer and those who wait for the memory
// race as they do in Java (Sender.completeBatch, maybeRemoveAndDeallocateBatch).
func (a *accumulator) finish(b *batch, err error, offset int64) {
	a.mu.Lock()
	delete(a.unfinished, b)
	a.mu.Unlock()
	b.finish(err, offset)
}

// free gives a finished batch's memory back.
func (a *accumulator) free(b *batch) {
	if b.held == 0 {
		return // part of a batch that was split: its memory went back with the whole
	}
	buf := b.buf
	b.buf, b.wire = nil, nil
	a.buffers.Put(&buf)
	a.pool.release(b.held)
}

// buffer is a buffer of at least size bytes, used before where there is one.
func (a *accumulator) buffer(size int64) []byte {
	if buf, ok := a.buffers.Get().(*[]byte); ok && int64(cap(*buf)) >= size {
		return (*buf)[:cap(*buf)]
	}
	return make([]byte, size)
}

// pending are the batches whose records have no answer yet.
func (a *accumulator) pending() []*batch {
	a.mu.Lock()
	defer a.mu.Unlock()
	all := make([]*batch, 0, len(a.unfinished))
	for b := range a.unfinished {
		all = append(all, b)
	}
	return all
}

// abort fails everything that has no answer yet with ErrClosed
// (RecordAccumulator.abortIncompleteBatches). Nothing can be appended any more.
func (a *accumulator) abort() {
	for _, q := range a.queues {
		q.mu.Lock() // an append that was faster than close has ended after this
		q.batches = nil
		q.mu.Unlock()
	}
	for _, b := range a.pending() {
		a.finish(b, ErrClosed, -1)
		a.pool.release(b.held) // but not its buffer: a request may still read it
	}
}
