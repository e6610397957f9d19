package broker

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

// Gap is a stretch of a partition's offsets: from From up to but not including To.
type Gap struct {
	Partition int32
	From, To  int64
}

// Reader reads a topic's whole log, each offset once.
type Reader struct {
	c      *Cluster
	topic  string
	each   func(Record)
	client *kgo.Client
	admin  *kadm.Client // requests of its own, over the same client

	stop context.CancelFunc
	work sync.WaitGroup
	once sync.Once

	next     progress
	trim     *trim         // nil: the cluster has its own retention
	hurry    chan struct{} // much was read: delete what is due
	unmarked int           // bytes read since it last said so; the reading goroutine's own

	mu        sync.Mutex
	unread    []Gap
	truncated []Gap
	problem   error // why nothing comes; nil once something came
}

// ReadLog reads the whole log of a topic, from offset 0 of each partition on.
// Started before the first message, no retention outruns it. It calls each for
// every record, one at a time, from a goroutine of its own; while each works,
// no more is fetched than one answer of each broker. ctx is for the opening
// alone: [Reader.Close] ends it.
//
// It dials directly. When brokers go away, it goes on when they are back. It
// reads what transactions have not committed, or have aborted, too.
//
// From an embedded topic, it deletes the records that it has read and the
// consumers have committed; see [Topic.Retention].
func (c *Cluster) ReadLog(ctx context.Context, topic string, each func(Record)) (*Reader, error) {
	leaders, _, err := c.Leaders(ctx, topic)
	if err != nil {
		return nil, fmt.Errorf("reading the log: %w", err)
	}
	start := make(map[int32]kgo.Offset)
	for p := range leaders {
		start[p] = kgo.NewOffset().At(0)
	}
	client, err := kgo.NewClient(slices.Concat(c.Opts(), c.fetchOpts(), []kgo.Opt{
		kgo.ClientID(readerClientID),
		kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{topic: start}),
		// An offset that is not in the log is never passed over silently: see mend.
		kgo.ConsumeResetOffset(kgo.NoResetOffset()),
	})...)
	if err != nil {
		return nil, fmt.Errorf("reading the log of topic %q: %w", topic, err)
	}
	r := &Reader{
		c:      c,
		topic:  topic,
		each:   each,
		client: client,
		admin:  kadm.NewClient(client),
		trim:   c.trimOf(topic),
		hurry:  make(chan struct{}, 1),
	}
	if err := c.enter(r); err != nil {
		client.Close()
		return nil, err
	}
	var running context.Context
	running, r.stop = context.WithCancel(context.WithoutCancel(ctx))
	r.work.Go(func() { r.run(running) })
	if r.trim != nil {
		leave := r.trim.addReader(&r.next)
		r.work.Go(func() {
			defer leave()
			r.trim.run(running, r.admin, r.hurry)
		})
	}
	return r, nil
}

// Close stops reading and waits for the last call of each to return. It may be
// called more than once, but not from each.
func (r *Reader) Close() {
	r.once.Do(func() {
		r.stop()
		r.work.Wait()
		r.client.Close()
		r.c.leave(r)
	})
}

// Position is the offset that comes next, for each partition of which something
// was read.
func (r *Reader) Position() map[int32]int64 { return r.next.all() }

// Unread are the offsets that nobody can read any more: deleted before the reader
// came to them.
func (r *Reader) Unread() []Gap {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.unread)
}

// Truncated are the offsets that were read and that the cluster lost afterwards
// (an unclean leader election): other records may have taken their places, and
// were read too.
func (r *Reader) Truncated() []Gap {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.truncated)
}

// CaughtUp returns when everything that is in the log as of this call has been
// read, and each has returned. It waits through outages, as long as ctx allows.
func (r *Reader) CaughtUp(ctx context.Context) error {
	ends, err := r.c.endsOnceReached(ctx, r.topic)
	if err != nil {
		return err
	}
	nothingMore := func(context.Context) map[int32]int64 { return nil } // mend moves past what is gone
	return r.next.reach(ctx, "the log reader", ends, nothingMore, func() error {
		r.mu.Lock()
		defer r.mu.Unlock()
		return r.problem
	})
}

// run reads until ctx is done.
func (r *Reader) run(ctx context.Context) {
	for {
		fetches := r.client.PollFetches(ctx)
		if ctx.Err() != nil {
			return
		}
		at := time.Now()
		var problem error
		lost := make(map[int32]int64) // partition -> see mend
		fetches.EachPartition(func(p kgo.FetchTopicPartition) {
			r.take(p, at)
			switch dataLoss, ok := errors.AsType[*kgo.ErrDataLoss](p.Err); {
			case ok:
				lost[p.Partition] = dataLoss.ResetTo
			case errors.Is(p.Err, kerr.OffsetOutOfRange):
				lost[p.Partition] = math.MaxInt64
			case p.Err != nil:
				problem = p.Err
			}
		})
		for len(lost) > 0 && ctx.Err() == nil {
			err := r.mend(ctx, lost)
			if err == nil {
				break
			}
			r.note(err) // most likely, the cluster has gone away
			pause(ctx)
		}
		if problem != nil {
			r.note(r.c.unreadable(r.topic, problem))
			pause(ctx)
		}
	}
}

// take hands a partition's records on. An offset comes once: what was read before
// is skipped, and what is passed over is noted.
func (r *Reader) take(p kgo.FetchTopicPartition, at time.Time) {
	if len(p.Records) == 0 {
		return
	}
	next := r.next.at(p.Partition)
	for _, rec := range p.Records {
		if rec.Offset > next {
			r.skip(Gap{p.Partition, next, rec.Offset})
		}
		if rec.Offset >= next {
			next = rec.Offset + 1
			r.unmarked += size(rec)
			if !control(rec) {
				r.each(Record{rec.Partition, rec.Offset, rec.Key, rec.Headers, at})
			}
		}
		rec.Recycle()
	}
	r.next.set(p.Partition, next)
	r.note(nil)
	if r.unmarked >= trimBytes {
		r.unmarked = 0
		select {
		case r.hurry <- struct{}{}:
		default:
		}
	}
}

// mend finds where to go on in partitions whose next offset is not in the log: at
// its start when retention has overtaken the reader, and where the cluster's log
// parts from what was read when the cluster has lost some of that. lost has what
// the cluster says about the latter, which may be nothing (the largest number).
func (r *Reader) mend(ctx context.Context, lost map[int32]int64) error {
	starts, err := r.c.startOffsets(ctx, r.topic)
	if err != nil {
		return err
	}
	ends, err := r.c.EndOffsets(ctx, r.topic)
	if err != nil {
		return err
	}
	goOn := make(map[int32]kgo.EpochOffset)
	for p, parts := range lost {
		read := r.next.at(p)
		next := min(read, parts, ends[p])
		next = max(next, starts[p]) // a log also parts from what was read where it was deleted
		if next > read {
			r.skip(Gap{p, read, next})
		} else if next < read {
			r.undo(Gap{p, next, read})
		}
		r.next.set(p, next)
		goOn[p] = kgo.EpochOffset{Epoch: -1, Offset: next}
	}
	r.client.SetOffsets(map[string]map[int32]kgo.EpochOffset{r.topic: goOn})
	return nil
}

func (r *Reader) skip(g Gap) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.unread = append(r.unread, g)
}

func (r *Reader) undo(g Gap) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.truncated = append(r.truncated, g)
}

// note keeps why nothing comes; nil: something came.
func (r *Reader) note(problem error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.problem = problem
}
