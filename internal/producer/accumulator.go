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
	wake   func() // the sender
	sticky sticky
	ratio  ratio
	closed atomic.Bool
	// flushing counts the callers of Flush: while there are any, nothing lingers.
	flushing atomic.Int32
	buffers  sync.Pool // of *[]byte

	queues []*queue // one a partition; set once, before the first record
	// What waits for giveBack; the sender's alone.
	freed  int64 // bytes
	ending []ending
}

// queue is one partition's batches, oldest first. Anybody adds behind; only the
// sender takes away and puts back.
type queue struct {
	mu      sync.Mutex
	batches []*batch
	used    bool // had a batch at some time
	// muted while a batch is under way and order must be kept, which is when
	// max.in.flight.requests.per.connection is 1. The sender's alone.
	muted bool
}

// outcome is what came of putting a record into a batch.
type outcome int

const (
	appended   outcome = iota // to a batch that was there
	began                     // a batch of its own
	needMemory                // for a batch of its own
	tryAgain                  // the partition was chosen anew
	tooLate                   // the accumulator is closed
)

// append puts a record into its partition's last batch, or into a new one for
// which it waits for memory no longer than maxBlock (RecordAccumulator.append).
// ms is the record's timestamp.
func (a *accumulator) append(r *Record, ms int64, maxBlock time.Duration, answer func(Answer)) error {
	var held int64 // bytes of memory for a new batch
	for {
		switch a.put(r, ms, held, answer) {
		case began:
			a.wake()
			return nil
		case appended:
			if held > 0 {
				a.pool.release(held) // somebody else made a batch meanwhile
			}
			return nil
		case tooLate:
			if held > 0 {
				a.pool.release(held)
			}
			return ErrClosed
		case needMemory:
			size := max(a.cfg.BatchSize, RecordUpperBound(r))
			if err := a.pool.allocate(size, maxBlock); err != nil {
				return err
			}
			held = size
		}
	}
}

// put does one attempt, without waiting for anything.
func (a *accumulator) put(r *Record, ms, held int64, answer func(Answer)) outcome {
	partition, chosen := a.partition(r)
	q := a.queues[partition]
	q.mu.Lock()
	defer q.mu.Unlock()
	if a.closed.Load() {
		return tooLate
	}
	if a.sticky.moved(chosen) {
		return tryAgain
	}
	if q.lastFull() {
		// What was put off while a batch was filling is made good now.
		if a.sticky.add(chosen, 0, true); a.sticky.moved(chosen) {
			return tryAgain
		}
	}
	if n := len(q.batches); n > 0 {
		last := q.batches[n-1]
		before := last.size()
		if last.append(r, ms, answer) {
			full := last.full()
			a.sticky.add(chosen, last.size()-before, full)
			if full {
				a.wake()
			}
			return appended
		}
	}
	if held == 0 {
		return needMemory
	}
	b := newBatch(partition, held, a.buffer(held), a.expectedRatio(), time.Now())
	b.append(r, ms, answer)
	q.batches = append(q.batches, b)
	q.used = true
	a.sticky.add(chosen, b.size(), b.full())
	return began
}

// partition is where the record goes: by its key, or, without one, to the
// partition that is chosen at present.
func (a *accumulator) partition(r *Record) (int32, *choice) {
	if r.Key != nil {
		return byKey(r.Key, len(a.queues)), nil
	}
	c := a.sticky.now()
	return c.partition, c
}

// expectedRatio is what a new batch goes by; 0: nothing is compressed.
func (a *accumulator) expectedRatio() float64 {
	if a.cfg.Compression == "" || a.cfg.Compression == "none" {
		return 0
	}
	return a.ratio.expected()
}

// hurry says whether batches are sent without lingering: somebody waits for
// memory, for a flush, or for the producer to close. As in Java, who begins to
// wait for memory does not wake the sender for that.
func (a *accumulator) hurry() bool {
	return a.flushing.Load() > 0 || a.closed.Load() || a.pool.queued() > 0
}

// readiness is what the sender must know of a queue.
type readiness struct {
	batches  int  // that wait
	used     bool // the queue, at some time
	sendable bool
	wait     time.Duration // until it may be sendable
	expires  time.Time     // when its first batch reaches delivery.timeout.ms
}

// ready says whether the queue's first batch should be sent now
// (RecordAccumulator.batchReady). The epoch is the present leader's.
func (a *accumulator) ready(q *queue, now time.Time, hurry bool, epoch int32) readiness {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.batches) == 0 {
		return readiness{used: q.used}
	}
	b := q.batches[0]
	b.sawLeader(epoch)
	r := readiness{batches: len(q.batches), used: true, expires: b.created.Add(a.cfg.DeliveryTimeout)}
	waited := now.Sub(b.tried)
	if b.backingOff(now) {
		r.wait = b.backoff - waited
	} else {
		r.wait = a.cfg.Linger - waited
		r.sendable = r.wait <= 0 || hurry || len(q.batches) > 1 || b.full()
	}
	return r
}

// lastFull says whether the next record will begin a batch
// (RecordAccumulator.allBatchesFull). The caller holds the lock.
func (q *queue) lastFull() bool {
	n := len(q.batches)
	return n == 0 || q.batches[n-1].full()
}

// take removes the queue's first batch if accept agrees to it.
func (q *queue) take(accept func(*batch) bool) *batch {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.batches) == 0 || !accept(q.batches[0]) {
		return nil
	}
	b := q.batches[0]
	b.closed = true
	q.batches[0] = nil
	q.batches = q.batches[1:]
	return b
}

// putBack returns batches to the front of their queue (RecordAccumulator.reenqueue),
// or, if they are numbered, to their place in it (insertInSequenceOrder).
func (q *queue) putBack(batches ...*batch) {
	q.mu.Lock()
	defer q.mu.Unlock()
	at := 0
	for at < len(q.batches) && q.batches[at].before(batches[0]) {
		at++
	}
	q.batches = slices.Insert(q.batches, at, batches...)
}

// all is what waits in the queue now.
func (q *queue) all() []*batch {
	q.mu.Lock()
	defer q.mu.Unlock()
	return slices.Clone(q.batches)
}

// free puts a batch's memory aside to be given back, when no request can read it
// any more. The sender's alone.
func (a *accumulator) free(b *batch) {
	if b.held == 0 {
		return // part of a batch that was split: its memory went back with the whole
	}
	buf := b.buf
	b.buf, b.wire = nil, nil
	a.buffers.Put(&buf)
	a.freed += b.held
}

// ending is the end of a batch that its records have still to be told.
type ending struct {
	*batch
	err    error
	offset int64
}

// finish ends a batch; its records are told by giveBack.
func (a *accumulator) finish(b *batch, err error, offset int64) {
	b.over = true
	a.ending = append(a.ending, ending{b, err, offset})
}

// giveBack gives the pool what was freed and tells the records their end, all at
// once: Java's sender works off an answer within microseconds, before anybody whom
// it wakes has a core. The memory comes first, or a worker who is told at once
// would be there too early for it, and contention would decide nothing.
func (a *accumulator) giveBack() {
	if a.freed > 0 {
		a.pool.release(a.freed)
		a.freed = 0
	}
	for _, e := range a.ending {
		e.batch.finish(e.err, e.offset)
	}
	clear(a.ending)
	a.ending = a.ending[:0]
}

// buffer is a buffer of at least size bytes, used before where there is one.
func (a *accumulator) buffer(size int64) []byte {
	if buf, ok := a.buffers.Get().(*[]byte); ok && int64(cap(*buf)) >= size {
		return (*buf)[:cap(*buf)]
	}
	return make([]byte, size)
}
