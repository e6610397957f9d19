package publisher

// chunkLen is how many items a queue allocates at a time: 24 KiB of messages.
const chunkLen = 1024

// queue is an unbounded first-in-first-out queue. It is a chain of chunks, so
// that ten million waiting messages are not copied as it grows, cost little more
// than their own bytes, and are given back as they leave.
type queue[T any] struct {
	head, tail *chunk[T] // items leave at head and enter at tail
	from, to   int       // the first item in head, and one past the last in tail
	n          int
}

type chunk[T any] struct {
	items [chunkLen]T
	next  *chunk[T]
}

func (q *queue[T]) len() int { return q.n }

func (q *queue[T]) push(item T) {
	switch {
	case q.tail == nil:
		q.tail = new(chunk[T])
		q.head = q.tail
	case q.to == chunkLen:
		q.tail.next = new(chunk[T])
		q.tail, q.to = q.tail.next, 0
	}
	q.tail.items[q.to] = item
	q.to++
	q.n++
}

// pop takes the oldest item. The queue must not be empty.
func (q *queue[T]) pop() T {
	var none T
	if q.from == chunkLen {
		q.head, q.from = q.head.next, 0
	}
	item := q.head.items[q.from]
	q.head.items[q.from] = none
	q.from++
	q.n--
	if q.n == 0 { // start over in the same chunk: a short queue allocates once
		q.tail, q.from, q.to = q.head, 0, 0
	}
	return item
}
