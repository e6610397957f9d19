package broker

import (
	"context"
	"maps"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
)

// trim decides what of an embedded topic may be forgotten, so that memory holds
// what is on its way and not the whole run. A record goes when every log reader
// has read it and every consumer has committed it, or when the topic's retention
// has passed since the log readers read it: a consumer that lags more than that
// loses records, as on any cluster. Retention cannot outrun the log reader.
type trim struct {
	topic     string
	retention time.Duration // 0: records wait for the consumer without end

	mu      sync.Mutex
	readers map[*progress]struct{} // what the log readers have read
	commits map[*progress]struct{} // what the consumers have committed
	gone    map[int32]int64        // deleted up to here
	marks   []mark                 // where the readers were, oldest first, a retention back
}

type mark struct {
	at   time.Time
	read map[int32]int64
}

// How often records are deleted at most, unless so many bytes were read meanwhile.
const (
	trimEvery = 100 * time.Millisecond
	trimBytes = 4 << 20
)

func newTrim(topic string, retention time.Duration) *trim {
	return &trim{
		topic:     topic,
		retention: retention,
		readers:   make(map[*progress]struct{}),
		commits:   make(map[*progress]struct{}),
		gone:      make(map[int32]int64),
	}
}

// trimOf is the topic's trim; nil on a cluster that has its own retention, and
// for a topic that was not made here.
func (c *Cluster) trimOf(topic string) *trim {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.trims[topic]
}

// addReader and addConsumer enter somebody for whom records wait; what they
// return ends that. They do nothing on a nil trim.
func (t *trim) addReader(read *progress) (remove func())      { return t.add(false, read) }
func (t *trim) addConsumer(commits *progress) (remove func()) { return t.add(true, commits) }

func (t *trim) add(consumer bool, p *progress) (remove func()) {
	if t == nil {
		return func() {}
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	to := t.readers
	if consumer {
		to = t.commits
	}
	to[p] = struct{}{}
	return func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		delete(to, p)
	}
}

// due are the partitions of which something may go now, and up to which offset.
func (t *trim) due(now time.Time) map[int32]int64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	read := lowest(t.readers)
	upTo := lowest(t.commits)
	if t.retention > 0 {
		for partition, expired := range t.expired(now, read) {
			upTo[partition] = max(upTo[partition], expired)
		}
	}
	due := make(map[int32]int64)
	for partition, next := range read {
		if to := min(next, upTo[partition]); to > t.gone[partition] {
			due[partition] = to
		}
	}
	return due
}

// expired notes where the readers are now, and answers where they were a
// retention ago. Fifty notes a retention are exact enough.
func (t *trim) expired(now time.Time, read map[int32]int64) map[int32]int64 {
	if n := len(t.marks); n == 0 || now.Sub(t.marks[n-1].at) >= t.retention/50 {
		t.marks = append(t.marks, mark{now, read})
	}
	var expired map[int32]int64
	for len(t.marks) > 0 && now.Sub(t.marks[0].at) >= t.retention {
		expired = t.marks[0].read
		t.marks = t.marks[1:]
	}
	return expired
}

func (t *trim) done(partition int32, upTo int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.gone[partition] = max(t.gone[partition], upTo)
}

// lowest are the offsets that everybody has come to; none when nobody is there.
func lowest(of map[*progress]struct{}) map[int32]int64 {
	var low map[int32]int64
	for p := range of {
		all := p.all()
		if low == nil {
			low = all
			continue
		}
		for partition, next := range low {
			low[partition] = min(next, all[partition])
		}
	}
	if low == nil {
		return make(map[int32]int64)
	}
	return low
}

// run deletes what is due until ctx is done: at every tick, and when hurry says
// that much was read. What a broker refuses, because it no longer leads the
// partition, is due again at the next tick.
func (t *trim) run(ctx context.Context, admin *kadm.Client, hurry <-chan struct{}) {
	tick := time.NewTicker(trimEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		case <-hurry:
		}
		due := t.due(time.Now())
		if len(due) == 0 {
			continue
		}
		var offsets kadm.Offsets
		for partition, to := range due {
			offsets.AddOffset(t.topic, partition, to, -1)
		}
		// An error for the whole leaves the others' answers valid (a ShardErrors).
		answers, _ := admin.DeleteRecords(ctx, offsets)
		for partition, a := range maps.All(answers[t.topic]) {
			if a.Err == nil {
				t.done(partition, due[partition])
			}
		}
	}
}
