package broker

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestEmbeddedLogIsReadWholeInABubble(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := embed(t)
		createTopic(t, c, Topic{Name: "simd-t", Partitions: 9, Replication: 3})
		var log kept
		r, err := c.ReadLog(t.Context(), "simd-t", log.add)
		if err != nil {
			t.Fatal(err)
		}
		produce(t, c, "simd-t", 9, 1000, 100)
		if err := r.CaughtUp(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := log.len(); got != 1000 {
			t.Errorf("read %d records, want 1000", got)
		}
		r.Close()
	})
}

// kept is the records that a reader or a consumer was given.
type kept struct {
	mu      sync.Mutex
	offsets map[int32][]int64
	keys    []string
}

func (k *kept) add(r Record) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.offsets == nil {
		k.offsets = make(map[int32][]int64)
	}
	k.offsets[r.Partition] = append(k.offsets[r.Partition], r.Offset)
	k.keys = append(k.keys, string(r.Key))
}

func (k *kept) len() int {
	k.mu.Lock()
	defer k.mu.Unlock()
	return len(k.keys)
}

func (k *kept) of(partition int32) []int64 {
	k.mu.Lock()
	defer k.mu.Unlock()
	return slices.Clone(k.offsets[partition])
}

// embed opens an embedded cluster and closes it at the test's end.
func embed(t testing.TB) *Cluster {
	t.Helper()
	c, err := Embed(context.Background(), EmbedConfig{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func createTopic(t testing.TB, c *Cluster, topic Topic) {
	t.Helper()
	if err := c.CreateTopic(t.Context(), topic); err != nil {
		t.Fatal(err)
	}
}

// produce writes n records of so many bytes, keyed by their numbers, over all
// partitions in turn, and waits for the answers.
func produce(t testing.TB, c *Cluster, topic string, partitions int32, n, bytes int) {
	t.Helper()
	p, err := kgo.NewClient(append(c.Opts(),
		kgo.RecordPartitioner(kgo.ManualPartitioner()),
		kgo.ProducerLinger(5*time.Millisecond),
		kgo.ProducerBatchCompression(kgo.NoCompression()),
	)...)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	value := make([]byte, bytes)
	var failed firstError
	for i := range n {
		p.Produce(t.Context(), &kgo.Record{
			Topic: topic, Partition: int32(i) % partitions, Key: fmt.Append(nil, i), Value: value,
			Headers: []kgo.RecordHeader{{Key: "simd-run", Value: []byte("c0000000000000000000")}, {Key: "simd-seq", Value: fmt.Append(nil, i)}, {Key: "simd-attempt", Value: []byte("1")}},
		}, func(_ *kgo.Record, err error) { failed.note(err) })
	}
	if err := p.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := failed.get(); err != nil {
		t.Fatalf("producing: %v", err)
	}
}

// firstError keeps the first error of many callbacks.
type firstError struct {
	mu  sync.Mutex
	err error
}

func (f *firstError) note(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.err == nil {
		f.err = err
	}
}

func (f *firstError) get() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.err
}
