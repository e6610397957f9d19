package ledger

import (
	"io"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// shards is how many locks recorders spread over; a power of two.
	shards = 8
	// defaultFlush is how long a fact may wait for the file.
	defaultFlush = 200 * time.Millisecond
	// defaultMaxPending is how many bytes of facts may wait for the disk.
	defaultMaxPending = 256 << 20
)

// File is what a [Log] needs of its file. [*os.File] is one.
type File interface {
	io.WriteCloser
	Truncate(size int64) error
	Sync() error
}

// Options are how a [Log] works. The zero Options are good ones.
type Options struct {
	// Flush is how long a fact may wait before it goes to the file and to Each;
	// 0 means 200 ms.
	Flush time.Duration
	// Each, if set, gets every fact: batch by batch, in the file's order, from
	// the log's one writer goroutine. The slice is used again afterwards.
	// It must not call Flush or Close.
	Each func([]Fact)
	// Sync asks for an fsync whenever facts went to the file, not only at Close:
	// then they survive the machine's end as well as the process's.
	Sync bool
	// MaxPending is how many bytes of encoded facts may wait for the disk before
	// the log gives up on it; 0 means 256 MiB.
	MaxPending int64
	// Open makes the file, if set; it must not exist before. Left out: a new
	// file of the operating system's.
	Open func(path string) (File, error)
}

// Log is a [Recorder] that takes facts from many goroutines and carries them to
// a file and to [Options.Each].
//
// Record encodes a fact into the open block of one of a few shards, chosen by
// Seq, under that shard's own lock; no recorder ever waits for the disk. Encoding
// at once costs less than keeping the Fact for the writer would: some eight
// bytes go through memory instead of 128. One writer goroutine closes the open blocks every [Options.Flush], or sooner when
// one is full, writes them, decodes them again and hands them to Each. So Each
// sees exactly what [Read] will: times in whole microseconds, and of each kind
// the fields that its comment names. The facts of one message keep the order in
// which they were recorded; beyond that the order is that of time, give or take
// a Flush.
//
// A disk error ends the file, which keeps all whole blocks before it, and not
// the log: facts go on to Each. See [Log.Err]. A disk that does not keep up is
// given up as well, once [Options.MaxPending] bytes wait for it; but while a
// single write hangs, Each waits with it, and what is recorded takes memory.
type Log struct {
	path string
	file File
	opts Options

	shards [shards]shard
	queue  queue

	full    chan struct{}      // capacity 1: a block waits
	flushes chan chan struct{} // Flush's requests, closed when done
	closing chan struct{}
	once    sync.Once
	done    chan struct{} // closed by the writer goroutine as its last act

	bytes  atomic.Int64 // in the file
	err    atomic.Pointer[DiskError]
	failed chan struct{}

	// The writer goroutine's own.
	taken []*block
	facts []Fact
}

// shard is where the recorders of every eighth message meet.
type shard struct {
	mu     sync.Mutex
	open   *block // nil until the next fact comes
	closed bool
	_      [40]byte // a cache line of its own
}

// Create makes a new facts file at path and starts its log. The errors are
// *[DiskError]. The caller must Close the log.
func Create(path string, opts Options) (*Log, error) {
	if opts.Flush <= 0 {
		opts.Flush = defaultFlush
	}
	if opts.MaxPending <= 0 {
		opts.MaxPending = defaultMaxPending
	}
	if opts.Open == nil {
		opts.Open = func(path string) (File, error) {
			return os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644)
		}
	}
	file, err := opts.Open(path)
	if err != nil {
		return nil, &DiskError{Path: path, Step: "create", Err: err}
	}
	l := &Log{
		path:    path,
		file:    file,
		opts:    opts,
		full:    make(chan struct{}, 1),
		flushes: make(chan chan struct{}),
		closing: make(chan struct{}),
		done:    make(chan struct{}),
		failed:  make(chan struct{}),
	}
	if l.write([]byte(title)); l.Err() != nil {
		file.Close()
		return nil, l.Err()
	}
	go l.run()
	return l, nil
}

// Record implements [Recorder]. A fact that is recorded after Close is not
// kept. A fact of no kind, or whose outcome or maker does not exist, is a
// mistake in the program, and Record panics.
func (l *Log) Record(f Fact) {
	if f.Kind == 0 || f.Kind >= kinds || f.Outcome > Unknown || f.Maker >= makers {
		panic("ledger: recorded a fact whose kind, outcome or maker does not exist")
	}
	s := &l.shards[uint64(f.Seq)%shards]
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return
	}
	if s.open == nil {
		s.open = l.queue.blank()
	}
	s.open.add(&f)
	if s.open.full() {
		l.seal(s)
		select {
		case l.full <- struct{}{}:
		default: // the writer has been told already
		}
	}
}

// seal queues a shard's open block for the writer. The shard must be locked: so
// its blocks are queued in the order in which they were filled.
func (l *Log) seal(s *shard) {
	if s.open == nil {
		return
	}
	waiting := l.queue.put(s.open)
	s.open = nil
	if waiting > l.opts.MaxPending {
		l.fail("keep up", ErrTooSlow, waiting)
	}
}

// Flush returns when every fact that was recorded before is in the file, or
// lost to its error, and was handed to Each. It returns Err.
func (l *Log) Flush() error {
	flushed := make(chan struct{})
	select {
	case l.flushes <- flushed:
		<-flushed
	case <-l.done:
	}
	return l.Err()
}

// Close flushes, syncs and closes the file, and waits for the writer goroutine.
// It returns Err. Calling it again does nothing more.
func (l *Log) Close() error {
	l.once.Do(func() { close(l.closing) })
	<-l.done
	return l.Err()
}

// Err is the first thing that went wrong with the file, a *[DiskError], or nil.
func (l *Log) Err() error {
	if err := l.err.Load(); err != nil {
		return err
	}
	return nil
}

// Failed is closed at the first disk error. Facts go on to Each all the same.
func (l *Log) Failed() <-chan struct{} { return l.failed }

// Bytes is how long the file is: its whole blocks.
func (l *Log) Bytes() int64 { return l.bytes.Load() }

// Pending is how many facts were recorded and are not yet in the file and
// handed to Each.
func (l *Log) Pending() int {
	pending := l.queue.pending()
	for i := range l.shards {
		s := &l.shards[i]
		s.mu.Lock()
		if s.open != nil {
			pending += int64(s.open.facts)
		}
		s.mu.Unlock()
	}
	return int(pending)
}

// fail keeps the first error. It may be called by recorders and by the writer.
func (l *Log) fail(step string, err error, waiting int64) {
	failure := &DiskError{Path: l.path, Step: step, Kept: l.Bytes(), Waiting: waiting, Err: err}
	if l.err.CompareAndSwap(nil, failure) {
		close(l.failed)
	}
}
