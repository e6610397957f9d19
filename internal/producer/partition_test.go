package producer

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"pgregory.net/rapid"
)

// Utils.murmur2: the values of Kafka's own UtilsTest.testMurmur2.
func TestMurmur2(t *testing.T) {
	for key, want := range map[string]int32{
		"21":                         -973932308,
		"foobar":                     -790332482,
		"a-little-bit-long-string":   -985981536,
		"a-little-bit-longer-string": -1486304829,
		"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8": -58897971,
		"abc": 479470107,
	} {
		if got := int32(murmur2([]byte(key))); got != want {
			t.Errorf("murmur2(%q) is %d, want %d", key, got, want)
		}
	}
}

// BuiltInPartitioner.partitionForKey, against franz-go's own.
func TestKeysGoWhereFranzGoPutsThem(t *testing.T) {
	other := kgo.StickyKeyPartitioner(nil).ForTopic(topic)
	rapid.Check(t, func(rt *rapid.T) {
		key := rapid.SliceOf(rapid.Byte()).Draw(rt, "key")
		if key == nil {
			key = []byte{}
		}
		n := rapid.IntRange(1, 1000).Draw(rt, "partitions")
		if got, want := int(byKey(key, n)), other.Partition(&kgo.Record{Key: key}, n); got != want {
			rt.Fatalf("%x goes to partition %d of %d, want %d", key, got, n, want)
		}
	})
}

func newSticky(batchSize int64, partitions ...int32) *sticky {
	s := &sticky{batchSize: batchSize, rng: rand.New(rand.NewPCG(1, 2))}
	s.spread.Store(&spread{partitions: partitions})
	return s
}

// BuiltInPartitioner.updatePartitionInfo (KIP-794, KAFKA-14156).
func TestStickyPartition(t *testing.T) {
	for _, tt := range []struct {
		name      string
		bytes     []int
		batchEnds bool
		moves     bool
	}{
		{"less than batch.size", []int{50, 49}, true, false},
		{"batch.size, and the batch ends with it", []int{50, 50}, true, true},
		{"batch.size, but the batch takes more", []int{50, 50}, false, false},
		{"just below twice batch.size", []int{50, 50, 99}, false, false},
		{"twice batch.size", []int{50, 50, 100}, false, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newSticky(100, 0, 1, 2)
			c := s.now()
			for _, n := range tt.bytes {
				s.add(c, n, tt.batchEnds)
			}
			if s.moved(c) != tt.moves {
				t.Errorf("moved: %v, want %v", s.moved(c), tt.moves)
			}
		})
	}
}

// BuiltInPartitioner.updatePartitionLoadStats: the odds of a partition are the
// longest queue's length + 1 less its own.
func TestStickyPrefersShortQueues(t *testing.T) {
	for _, tt := range []struct {
		name   string
		queues []int
		odds   []int // in parts of their sum
	}{
		{"all alike", []int{3, 3, 3}, []int{1, 1, 1}},
		{"one is slow", []int{0, 3, 1}, []int{4, 1, 3}},
		{"one is all there is", []int{7}, []int{1}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			partitions := []int32{4, 5, 6}[:len(tt.queues)]
			s := newSticky(100, partitions...)
			s.spread.Store(spreadByQueues(partitions, tt.queues))
			const draws = 10_000
			drawn := make(map[int32]int)
			for range draws {
				drawn[s.draw()]++
			}
			sum := 0
			for _, n := range tt.odds {
				sum += n
			}
			for i, p := range partitions {
				want := draws * tt.odds[i] / sum
				if got := drawn[p]; got < want-300 || got > want+300 {
					t.Errorf("partition %d was drawn %d times of %d, want about %d", p, got, draws, want)
				}
			}
		})
	}
}

// Records without a key fill one partition's batches before they go to the next
// one's, so that there are as few as can be, and all partitions get some.
func TestRecordsWithoutKeyFillBatches(t *testing.T) {
	inBubble(t, 9, func(t *testing.T, r *rig) {
		cfg := javaDefaults()
		cfg.BatchSize, cfg.Linger = 1000, 100*time.Millisecond
		c := r.start(cfg)
		for range 900 {
			if err := c.sendRecord(&Record{Value: make([]byte, 92)}); err != nil { // 100 bytes: 9 a batch
				t.Fatal(err)
			}
		}
		c.allConfirmed()
		// 100, and a few that were taken along before they were full
		if s := c.Stats(); s.BatchesSent > 120 {
			t.Errorf("900 records of 100 bytes went in %d batches, want about 100", s.BatchesSent)
		}
		used := make(map[int32]bool)
		for _, a := range c.told() {
			used[a.Partition] = true
		}
		if len(used) < 8 {
			t.Errorf("100 batches went to %d partitions of 9", len(used))
		}
	})
}

// A partition whose broker is slow gets fewer of the records without a key.
func TestRecordsWithoutKeyAvoidTheSlowBroker(t *testing.T) {
	inBubble(t, 3, func(t *testing.T, r *rig) {
		cfg := javaDefaults()
		cfg.BatchSize, cfg.MaxInFlight = 1000, 1
		c := r.start(cfg)
		r.wire.Cut(r.addr(1)) // for as long as it lasts
		for range 3000 {
			if err := c.sendRecord(&Record{Value: make([]byte, 492)}); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Millisecond)
		}
		r.wire.Restore(r.addr(1))
		c.allConfirmed()
		count := make(map[int32]int)
		for _, a := range c.told() {
			count[a.Partition]++
		}
		if count[1] > 200 || count[0] < 1000 || count[2] < 1000 {
			t.Errorf("the partitions got %v records, and partition 1's broker was away", count)
		}
	})
}
