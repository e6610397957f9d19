package ledger

import "sync"

// maxFree is how many empty blocks a queue keeps for the next ones that need a
// block: 4 MiB.
const maxFree = 64

// queue holds the blocks that wait for the writer, first in, first out, and the
// empty ones that it has given back.
type queue struct {
	mu     sync.Mutex
	sealed []*block
	free   []*block
	bytes  int64 // of the blocks that wait or that the writer has in hand
	facts  int64 // in the same blocks
}

// blank returns an empty block.
func (q *queue) blank() *block {
	q.mu.Lock()
	defer q.mu.Unlock()
	if n := len(q.free); n > 0 {
		b := q.free[n-1]
		q.free = q.free[:n-1]
		return b
	}
	return newBlock()
}

// put queues a block and says how many bytes wait now.
func (q *queue) put(b *block) (bytes int64) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.sealed = append(q.sealed, b)
	q.bytes += int64(len(b.buf))
	q.facts += int64(b.facts)
	return q.bytes
}

// take returns all that waits, in order. spare is an old answer of take's that
// is no longer needed.
func (q *queue) take(spare []*block) []*block {
	q.mu.Lock()
	defer q.mu.Unlock()
	taken := q.sealed
	q.sealed = spare[:0]
	return taken
}

// done takes back a block that the writer has finished with.
func (q *queue) done(b *block) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.bytes -= int64(len(b.buf))
	q.facts -= int64(b.facts)
	if len(q.free) < maxFree {
		b.reset()
		q.free = append(q.free, b)
	}
}

// pending is how many facts wait or are in the writer's hands.
func (q *queue) pending() int64 {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.facts
}
