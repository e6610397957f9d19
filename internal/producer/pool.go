package producer

import (
	"container/list"
	"math"
	"math/rand/v2"
	"sync"
	"time"
)

// pool counts buffer.memory to the byte, as the Java client's BufferPool does.
//
// Who finds too little waits in a queue, and takes what comes free bit by bit
// until it has enough: memory that is freed wakes the first waiter only. But the
// lock is not fair, so a newcomer may be faster than the waiter who was woken,
// above all the worker who has just got the answer that freed the memory:
//
//	sender:   answers worker A ... frees memory, wakes waiter B
//	worker A:                 next record: is there memory? yes!
//	waiter B:                                                   is there memory? no: waits on
//
// How often that happens depends on how busy the machine's cores are, and it
// decides how many messages an overloaded producer loses. So it is a setting,
// contention, from which comes the chance that a woken waiter must wait for a
// core, and that newcomers may help themselves until it has one.
type pool struct {
	total  int64
	outrun float64 // the chance that a woken waiter must wait for a core

	mu      sync.Mutex
	free    int64
	waiters list.List // of *waiting, the longest waiting first
	open    bool      // the waiter that was woken last has no core yet
	closed  bool
	rng     *rand.Rand
}

// mostOutrun is how often a waiter must wait for a core if all threads fight for
// the cores. It is chosen so that the overloaded producer of the article, case 2,
// loses what it lost there: a hundred or two of 28,765. Were it twice as much,
// waiters would starve by the thousand; a quarter of it, and none is lost.
const mostOutrun = 0.2

// waiting is somebody in the queue.
type waiting struct {
	need  int64     // bytes
	woken chan bool // capacity 1: whether it must wait for a core
	awake bool      // was woken, and has not looked yet
}

// coreWait is how long a woken waiter waits for a core: long enough for a worker
// that was answered to send its next record, and nothing beside any time-out.
const coreWait = 100 * time.Microsecond

func newPool(total int64, contention float64, seed uint64) *pool {
	return &pool{
		total:  total,
		free:   total,
		outrun: contention * mostOutrun,
		rng:    rand.New(rand.NewPCG(seed, 0x706f6f6c)),
	}
}

// allocate takes n bytes, at most total, waiting for them no longer than
// maxBlock. It returns ErrBufferExhausted or ErrClosed.
func (p *pool) allocate(n int64, maxBlock time.Duration) error {
	p.mu.Lock()
	if p.closed {
		p.mu.Unlock()
		return ErrClosed
	}
	if p.free >= n && !p.promised() {
		p.free -= n
		p.signal()
		p.mu.Unlock()
		return nil
	}
	w := &waiting{need: n, woken: make(chan bool, 1)}
	place := p.waiters.PushBack(w)
	p.mu.Unlock()

	timeout := time.NewTimer(maxBlock)
	defer timeout.Stop()
	var taken int64
	for {
		late := w.await(timeout)
		p.mu.Lock()
		err := p.take(w, n, &taken, late)
		if err == nil && taken < n {
			p.mu.Unlock() // what came free was not enough: keep it, and the place in the queue
			continue
		}
		if err != nil {
			p.free += taken
		}
		p.waiters.Remove(place)
		p.signal()
		p.mu.Unlock()
		return err
	}
}

// promised says whether what is free is for the first waiter: it was woken for
// it, and has a core. Callers hold mu.
func (p *pool) promised() bool {
	first := p.waiters.Front()
	return first != nil && first.Value.(*waiting).awake && !p.open
}

// await waits until woken and, if it has to, for a core. It says whether the
// time is over.
func (w *waiting) await(timeout *time.Timer) (late bool) {
	select {
	case <-timeout.C:
		return true
	case slow := <-w.woken:
		if !slow {
			return false
		}
	}
	core := time.NewTimer(coreWait)
	defer core.Stop()
	select {
	case <-timeout.C:
		return true
	case <-core.C:
		return false
	}
}

// take gives the waiter what is free, as far as it needs it. The caller holds mu.
func (p *pool) take(w *waiting, n int64, taken *int64, late bool) error {
	if p.closed {
		return ErrClosed
	}
	if w.awake { // also if it is late: it was woken in time
		got := min(n-*taken, p.free)
		p.free -= got
		*taken += got
		w.awake = false
	}
	if late && *taken < n {
		return ErrBufferExhausted
	}
	return nil
}

// release gives n bytes back.
func (p *pool) release(n int64) {
	p.mu.Lock()
	p.free += n
	p.signal()
	p.mu.Unlock()
}

// signal wakes the first waiter if there is anything for it. Callers hold mu.
func (p *pool) signal() {
	first := p.waiters.Front()
	if first == nil || p.free == 0 && !p.closed {
		return
	}
	if w := first.Value.(*waiting); !w.awake {
		p.open = p.rng.Float64() < p.outrunOf(p.free/w.need)
		w.awake = true
		w.woken <- p.open
	}
}

// outrunOf is the chance that newcomers are faster than somebody in a chain of so
// many waiters. When an answer frees the memory of many messages at once, each
// waiter is woken by the one before it, while all the workers who were answered
// come at the same time: so the more came free, the likelier newcomers get some.
func (p *pool) outrunOf(chain int64) float64 {
	return 1 - math.Pow(1-p.outrun, float64(max(1, chain)))
}

// close makes every waiter, and everybody who comes later, fail with ErrClosed.
func (p *pool) close() {
	p.mu.Lock()
	p.closed = true
	p.signal() // each waiter wakes the next as it leaves
	p.mu.Unlock()
}

func (p *pool) available() int64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.free
}

// queued is how many wait for memory.
func (p *pool) queued() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.waiters.Len()
}
