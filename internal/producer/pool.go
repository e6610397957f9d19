package producer

import (
	"container/list"
	"math/rand/v2"
	"sync"
	"time"
)

// pool counts buffer.memory to the byte, as the Java client's BufferPool does.
//
// Who finds too little waits in a queue, and takes what comes free bit by bit
// until it has enough: memory that is freed wakes the first waiter only. A
// newcomer may be faster than the waiter who was woken, for the lock is not
// fair. How often that happens depends on how busy the machine's cores are, and
// it decides how many messages an overloaded producer loses: so it is a setting
// here, contention, the chance that a newcomer takes memory which others wait for.
type pool struct {
	total      int64
	contention float64

	mu      sync.Mutex
	free    int64
	waiters list.List // of chan struct{}, the longest waiting first
	closed  bool
	rng     *rand.Rand
}

func newPool(total int64, contention float64, seed uint64) *pool {
	return &pool{
		total:      total,
		free:       total,
		contention: contention,
		rng:        rand.New(rand.NewPCG(seed, 0x706f6f6c)),
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
	if p.free >= n && (p.waiters.Len() == 0 || p.rng.Float64() < p.contention) {
		p.free -= n
		p.signal()
		p.mu.Unlock()
		return nil
	}
	woken := make(chan struct{}, 1)
	place := p.waiters.PushBack(woken)
	p.mu.Unlock()

	timeout := time.NewTimer(maxBlock)
	defer timeout.Stop()
	var taken int64
	var err error
	for taken < n && err == nil {
		late := false
		select {
		case <-woken:
		case <-timeout.C:
			late = true
		}
		p.mu.Lock()
		if late {
			select {
			case <-woken: // just in time: what came free is for the taking, once
			default:
				err = ErrBufferExhausted
			}
		}
		if p.closed {
			err = ErrClosed
		}
		if err == nil {
			got := min(n-taken, p.free)
			p.free -= got
			taken += got
			if late && taken < n {
				err = ErrBufferExhausted
			}
		}
		if taken < n && err == nil {
			p.mu.Unlock() // what came free was not enough: keep it, and the place in the queue
		}
	}
	if err != nil {
		p.free += taken
	}
	p.waiters.Remove(place)
	p.signal()
	p.mu.Unlock()
	return err
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
	select {
	case first.Value.(chan struct{}) <- struct{}{}:
	default: // it is awake already
	}
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
