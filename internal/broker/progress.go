package broker

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"
)

// progress is how far somebody has come in a topic: for each partition the
// offset that comes next. Any goroutine may ask; one moves it.
type progress struct {
	mu    sync.Mutex
	next  map[int32]int64
	moved chan struct{} // closed at the next move; nil while nobody waits
}

// set puts the next offset of a partition, back too.
func (p *progress) set(partition int32, next int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.next == nil {
		p.next = make(map[int32]int64)
	}
	p.next[partition] = next
	if p.moved != nil {
		close(p.moved)
		p.moved = nil
	}
}

// raise is set, but never back.
func (p *progress) raise(partition int32, next int64) {
	if next > p.at(partition) {
		p.set(partition, next)
	}
}

// at is the next offset of one partition; 0 when nothing of it was seen.
func (p *progress) at(partition int32) int64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.next[partition]
}

// all are the next offsets of every partition of which something was seen.
func (p *progress) all() map[int32]int64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	all := maps.Clone(p.next)
	if all == nil {
		all = make(map[int32]int64)
	}
	return all
}

// behind are the partitions whose next offset is below the given one, and the
// channel that is closed when any of them moves.
func (p *progress) behind(ends map[int32]int64) (late []int32, moved <-chan struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for partition, end := range ends {
		if p.next[partition] < end {
			late = append(late, partition)
		}
	}
	if p.moved == nil {
		p.moved = make(chan struct{})
	}
	slices.Sort(late)
	return late, p.moved
}

// reach returns when every partition has come to its end offset, or with an
// error that says who is how far behind and what stood in the way. Once a second
// it looks whether waiting still makes sense: gone says where each log begins by
// now, and what nobody can read any more is not waited for; problem says why
// nothing comes, and a missing permission ends the wait.
func (p *progress) reach(ctx context.Context, who string, ends map[int32]int64, gone func(context.Context) map[int32]int64, problem func() error) error {
	ends = maps.Clone(ends)
	for {
		late, moved := p.behind(ends)
		if len(late) == 0 {
			return nil
		}
		behind := func(why error) error {
			return fmt.Errorf("%s is behind in %s: partition %d ends at offset %d, and it is at %d: %w",
				who, count(len(late), "partition"), late[0], ends[late[0]], p.at(late[0]), why)
		}
		select {
		case <-moved:
		case <-time.After(time.Second):
			if err := problem(); isForbidden(err) {
				return behind(err)
			}
			for partition, start := range gone(ctx) {
				if start >= ends[partition] {
					delete(ends, partition)
				}
			}
		case <-ctx.Done():
			err := context.Cause(ctx)
			if last := problem(); last != nil {
				err = fmt.Errorf("%w (the last error: %w)", err, last)
			}
			return behind(err)
		}
	}
}
