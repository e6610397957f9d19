package broker

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// commitBytes is how much a consumer reads at most before it commits, though a
// second has not passed: an embedded topic holds what is not committed.
const commitBytes = 8 << 20

// leaveWithin is how long a consumer that is closed tries to commit and to leave
// its group: in an outage nobody answers, and the group finds out by itself.
const leaveWithin = 5 * time.Second

// session is how long the group keeps a member's place that it hears nothing of
// (session.timeout.ms, the Java consumer's default).
const session = 45 * time.Second

// Consumer is the application's own consumer: the only member of its group, it
// begins at the earliest record and commits what it has read, every second. What
// it had read but not committed when its group threw it out, it gets again.
type Consumer struct {
	c      *Cluster
	topic  string
	each   func(Record)
	client *kgo.Client

	stop   context.CancelFunc // ends reading and committing
	kill   context.CancelFunc // ends every request of the client
	work   sync.WaitGroup
	once   sync.Once
	forget func() // its commits no longer hold back the deleting of records

	next    progress
	commits progress
	hurry   chan struct{} // much was read: commit

	mu      sync.Mutex
	lost    time.Time // when the client gave its partitions up, last
	problem error     // why nothing comes; nil once something came
}

// Consume joins the group and reads the topic, through dial (nil: directly). It
// calls each for every record, one at a time, from a goroutine of its own. ctx is
// for the opening alone: [Consumer.Close] ends it. It goes on after any outage.
func (c *Cluster) Consume(ctx context.Context, topic, group string, dial DialFunc, each func(Record)) (*Consumer, error) {
	if err := ours("group", group); err != nil {
		return nil, err
	}
	if dial == nil {
		dial = c.dial
	}
	k := &Consumer{c: c, topic: topic, each: each, hurry: make(chan struct{}, 1)}
	var alive, running context.Context
	alive, k.kill = context.WithCancel(context.WithoutCancel(ctx))
	running, k.stop = context.WithCancel(alive)
	var err error
	k.client, err = kgo.NewClient(slices.Concat(c.Opts(), c.fetchOpts(), []kgo.Opt{
		kgo.WithContext(alive),
		kgo.ClientID(group),
		kgo.Dialer(dial),
		kgo.ConsumeTopics(topic),
		kgo.ConsumerGroup(group),
		kgo.SessionTimeout(session),
		kgo.OnPartitionsLost(k.lose),
		kgo.AdjustFetchOffsetsFn(k.resume),
		kgo.DisableAutoCommit(), // commits does it: the client's own forgets what it had read when it resumes
	})...)
	if err != nil {
		k.kill()
		return nil, fmt.Errorf("consuming topic %q as group %q: %w", topic, group, err)
	}
	if err := c.enter(k); err != nil {
		k.kill()
		k.client.Close()
		return nil, err
	}
	k.forget = c.trimOf(topic).addConsumer(&k.commits)
	k.work.Go(func() { k.run(running) })
	k.work.Go(func() { k.commitAll(running) })
	return k, nil
}

// Close commits what was read, leaves the group, and waits for the last call of
// each to return. When the cluster does not answer within 5 s, it goes without.
// It may be called more than once, but not from each.
func (k *Consumer) Close() {
	k.once.Do(func() {
		k.stop()
		k.work.Wait()
		within, cancel := context.WithTimeout(context.Background(), leaveWithin)
		defer cancel()
		k.commit(within)
		_ = k.client.LeaveGroupContext(within) // its error changes nothing: we go
		k.kill()
		k.client.Close()
		k.forget()
		k.c.leave(k)
	})
}

// Position is the offset that comes next, for each partition of which something
// was read: the furthest, should some come again.
func (k *Consumer) Position() map[int32]int64 { return k.next.all() }

// Committed is the offset that was committed last, for each partition with a
// commit of this consumer's.
func (k *Consumer) Committed() map[int32]int64 { return k.commits.all() }

// CaughtUp returns when everything that is in the log as of this call has been
// read, and each has returned. It waits through outages, as long as ctx allows.
func (k *Consumer) CaughtUp(ctx context.Context) error {
	ends, err := k.c.endsOnceReached(ctx, k.topic)
	if err != nil {
		return err
	}
	gone := func(ctx context.Context) map[int32]int64 {
		starts, err := k.c.startOffsets(ctx, k.topic)
		if err != nil {
			return nil // asked again in a second
		}
		return starts
	}
	return k.next.reach(ctx, "the consumer", ends, gone, func() error {
		k.mu.Lock()
		defer k.mu.Unlock()
		return k.problem
	})
}

// run reads until ctx is done.
func (k *Consumer) run(ctx context.Context) {
	unmarked := 0
	for {
		fetches := k.client.PollFetches(ctx)
		if ctx.Err() != nil {
			return
		}
		at := time.Now()
		var problem error
		fetches.EachPartition(func(p kgo.FetchTopicPartition) {
			if p.Err != nil {
				problem = p.Err
			}
			if len(p.Records) == 0 {
				return
			}
			var next int64
			for _, rec := range p.Records {
				next = rec.Offset + 1
				unmarked += size(rec)
				if !control(rec) {
					k.each(Record{rec.Partition, rec.Offset, rec.Key, rec.Headers, at})
				}
				rec.Recycle()
			}
			k.next.raise(p.Partition, next)
			k.note(nil)
		})
		if problem != nil {
			k.note(k.c.unreadable(k.topic, problem))
			pause(ctx)
		}
		if unmarked >= commitBytes {
			unmarked = 0
			select {
			case k.hurry <- struct{}{}:
			default:
			}
		}
	}
}

// lose and resume make of this client a Java consumer. That one keeps its
// partitions, and its place in them, until the group has thrown it out; this one
// gives them up when its brokers cannot be dialed for a second. Back within the
// session, it goes on where it was; later, as anybody, where it committed.
func (k *Consumer) lose(_ context.Context, _ *kgo.Client, partitions map[string][]int32) {
	if len(partitions) == 0 {
		return // it had given them up before, and failed once more to join
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.lost = time.Now()
}

func (k *Consumer) resume(_ context.Context, from map[string]map[int32]kgo.Offset) (map[string]map[int32]kgo.Offset, error) {
	k.mu.Lock()
	kept := !k.lost.IsZero() && time.Since(k.lost) < session
	k.mu.Unlock()
	if !kept {
		return from, nil
	}
	for p := range from[k.topic] {
		if next := k.next.at(p); next > 0 {
			from[k.topic][p] = kgo.NewOffset().At(next)
		}
	}
	return from, nil
}

// commitAll commits every second, and sooner when much was read.
func (k *Consumer) commitAll(ctx context.Context) {
	second := time.NewTicker(time.Second)
	defer second.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-second.C:
		case <-k.hurry:
		}
		k.commit(ctx)
	}
}

// commit commits what was read and is not committed yet, and takes note of the
// answer. What was refused is committed again the next time.
func (k *Consumer) commit(ctx context.Context) {
	news := make(map[int32]kgo.EpochOffset)
	for p, next := range k.next.all() {
		if next > k.commits.at(p) {
			news[p] = kgo.EpochOffset{Epoch: -1, Offset: next}
		}
	}
	if len(news) == 0 {
		return
	}
	k.client.CommitOffsetsSync(ctx, map[string]map[int32]kgo.EpochOffset{k.topic: news},
		func(_ *kgo.Client, _ *kmsg.OffsetCommitRequest, resp *kmsg.OffsetCommitResponse, err error) {
			if err != nil {
				if !errors.Is(err, context.Canceled) {
					k.note(fmt.Errorf("committing: %w", err))
				}
				return
			}
			for _, t := range resp.Topics {
				for _, p := range t.Partitions {
					if err := kerr.ErrorForCode(p.ErrorCode); err != nil {
						k.note(fmt.Errorf("committing partition %d: %w", p.Partition, err))
						continue
					}
					k.commits.set(p.Partition, news[p.Partition].Offset)
				}
			}
		})
}

func (k *Consumer) note(problem error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.problem = problem
}
