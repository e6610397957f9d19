package producer

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"kafkasim.example/simd/internal/wire"
)

// sizes are how many records each batch had, in the order in which the brokers
// got them.
func sizes(requests []produced) []int {
	var n []int
	for _, req := range requests {
		for _, b := range req.batches {
			n = append(n, int(b.NumRecords))
		}
	}
	return n
}

// A record with a key of 6 bytes and a value of 85 takes 100 bytes of a batch,
// whose header takes 61.
const hundred = 85

// linger.ms and batch.size: RecordAccumulator.batchReady, MemoryRecordsBuilder.hasRoomFor.
func TestBatching(t *testing.T) {
	for _, tt := range []struct {
		name   string
		linger time.Duration
		pause  time.Duration // after each record
		batch  int64
		want   []int
	}{
		{"all at once fill batches", 5 * time.Millisecond, 0, 1061, []int{10, 10, 10, 10, 10}},
		{"a byte too few for ten", 5 * time.Millisecond, 0, 1060, []int{9, 9, 9, 9, 9, 5}},
		{"one a millisecond, 4.5 ms each", 4500 * time.Microsecond, time.Millisecond, 16384, slices.Repeat([]int{5}, 10)},
		{"no lingering, one at a time", 0, time.Millisecond, 16384, slices.Repeat([]int{1}, 50)},
		{"a long linger ends with the batch", time.Hour, 0, 561, slices.Repeat([]int{5}, 10)},
		{"batch.size 0: each record alone", 5 * time.Millisecond, 0, 0, slices.Repeat([]int{1}, 50)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			inBubble(t, 1, func(t *testing.T, r *rig) {
				cfg := javaDefaults()
				cfg.Linger, cfg.BatchSize, cfg.DeliveryTimeout = tt.linger, tt.batch, 2*time.Hour
				c := r.start(cfg)
				time.Sleep(time.Second) // the connection is there, so that nothing waits for it
				c.mustSend(0, 0)
				c.await(1)
				first := len(r.requests())
				for range 50 {
					c.mustSend(0, hundred)
					time.Sleep(tt.pause)
				}
				c.allConfirmed()
				if got := sizes(r.requests()[first:]); !slices.Equal(got, tt.want) {
					t.Errorf("the batches had %v records, want %v", got, tt.want)
				}
			})
		})
	}
}

// The time that a lone record lingers is linger.ms, to the nanosecond.
func TestLinger(t *testing.T) {
	for _, linger := range []time.Duration{0, time.Millisecond, 5 * time.Millisecond, 250 * time.Microsecond, 3 * time.Second} {
		t.Run(linger.String(), func(t *testing.T) {
			inBubble(t, 1, func(t *testing.T, r *rig) {
				cfg := javaDefaults()
				cfg.Linger = linger
				c := r.start(cfg)
				sent := time.Now()
				c.mustSend(0, 10)
				if got := c.await(1)[0].at.Sub(sent); got != linger {
					t.Errorf("the answer came after %v, want %v", got, linger)
				}
			})
		})
	}
}

// A record larger than batch.size goes in a batch of its own; the one that was
// filling before it closes.
func TestLargeRecordGoesAlone(t *testing.T) {
	inBubble(t, 1, func(t *testing.T, r *rig) {
		cfg := javaDefaults()
		cfg.BatchSize = 1000
		c := r.start(cfg)
		for _, bytes := range []int{10, 10, 5000, 10, 10} {
			c.mustSend(0, bytes)
		}
		c.allConfirmed()
		if got, want := sizes(r.requests()), []int{2, 1, 2}; !slices.Equal(got, want) {
			t.Errorf("the batches had %v records, want %v", got, want)
		}
	})
}

// max.request.size limits a request, which has one batch a partition
// (RecordAccumulator.drainBatchesForOneNode).
func TestRequestSize(t *testing.T) {
	for _, tt := range []struct {
		max  int64
		want [][]int32 // the partitions in each request
	}{
		{max: 1 << 20, want: [][]int32{{0, 3, 6, 9}}},
		{max: 2 * 161, want: [][]int32{{0, 3}, {6, 9}}},
		{max: 2*161 - 1, want: [][]int32{{0}, {3}, {6}, {9}}},
	} {
		t.Run(fmt.Sprint(tt.max), func(t *testing.T) {
			inBubble(t, 12, func(t *testing.T, r *rig) {
				cfg := javaDefaults()
				cfg.MaxRequestSize, cfg.Idempotence = tt.max, false
				c := r.start(cfg)
				for p := int32(0); p < 12; p += 3 { // all of them broker 0's
					c.mustSend(p, hundred)
				}
				c.allConfirmed()
				var got [][]int32
				for _, req := range r.requests() {
					got = append(got, req.parts)
				}
				if fmt.Sprint(got) != fmt.Sprint(tt.want) {
					t.Errorf("the requests had batches for the partitions %v, want %v", got, tt.want)
				}
			})
		})
	}
}

// However much there is for the first partitions of a broker, the others get
// their turn (RecordAccumulator.getDrainIndex).
func TestNoPartitionStarves(t *testing.T) {
	inBubble(t, 9, func(t *testing.T, r *rig) {
		cfg := articleConfig()
		cfg.BatchSize, cfg.MaxRequestSize, cfg.BufferMemory = 1, 200, 1<<20
		c := r.start(cfg)
		r.wire.Slow(wire.Slowness{Latency: time.Millisecond}) // so that everything is there after the first request
		for range 100 {
			for _, p := range []int32{0, 3, 6} { // all of them broker 0's; a request has room for one
				c.mustSend(p, hundred)
			}
		}
		c.allConfirmed()
		last := make(map[int32]int)
		for i, req := range r.requests() {
			for _, p := range req.parts {
				if i-last[p] > 3 {
					t.Fatalf("partition %d waited for %d requests", p, i-last[p])
				}
				last[p] = i
			}
		}
	})
}

// A batch that does not fit into what is left of a request is the first of the
// next one: no smaller one may take its place for ever.
func TestLargeBatchDoesNotStarve(t *testing.T) {
	inBubble(t, 9, func(t *testing.T, r *rig) {
		cfg := articleConfig()
		cfg.BatchSize, cfg.MaxRequestSize, cfg.BufferMemory = 1, 1000, 1<<20
		c := r.start(cfg)
		r.wire.Slow(wire.Slowness{Latency: time.Millisecond}) // so that everything is there after the first request
		for range 20 {
			c.mustSend(0, hundred)
			c.mustSend(3, 800)
			c.mustSend(6, hundred)
		}
		c.allConfirmed()
		waited := 0
		for _, req := range r.requests() {
			if waited++; slices.Contains(req.parts, 3) {
				waited = 0
			}
			if waited > 2 {
				t.Fatal("the large batches of partition 3 wait for the small ones")
			}
		}
	})
}

// While somebody waits for memory nothing lingers (RecordAccumulator.partitionReady,
// exhausted). But to wait does not wake the sender: it sees that when it looks.
func TestNobodyLingersWhileMemoryIsShort(t *testing.T) {
	inBubble(t, 3, func(t *testing.T, r *rig) {
		cfg := javaDefaults()
		cfg.BufferMemory, cfg.BatchSize, cfg.Linger = 20_000, 5_000, 10*time.Second
		c := r.start(cfg)
		for p := range int32(3) { // so that all brokers are connected
			c.mustSend(p, 10)
		}
		c.await(3)
		for p := range int32(3) {
			c.mustSend(p, 10)
		}
		synctest.Wait()
		go func() { _ = c.send(0, 8_000) }() // there are only 5,000 bytes left
		time.Sleep(time.Second)
		if n := len(r.requests()); n != 3 {
			t.Fatalf("%d requests were sent, but everything is to linger, and nothing woke the sender", n)
		}
		filling := &Record{Key: keyFor(1, 3)}
		for used := 61 + recordSize(&Record{Key: filling.Key, Value: make([]byte, 10)}, 0, 0); used+recordSize(filling, 1000, 1) < 5_000; {
			filling.Value = append(filling.Value, 0)
		}
		if err := c.sendRecord(filling); err != nil { // fills the batch to the last byte, which wakes it
			t.Fatal(err)
		}
		synctest.Wait()
		if n := len(c.told()); n < 7 {
			t.Errorf("%d records are answered at once, want the 7 that were there", n)
		}
		time.Sleep(10*time.Second + time.Millisecond) // with their memory there is enough: the other may linger
		if n := len(c.told()); n != 8 {
			t.Errorf("%d records are answered after linger.ms, want all 8", n)
		}
	})
}

// MESSAGE_TOO_LARGE: a batch of many is split by batch.size, and what is too
// large still by half; a record alone fails (Sender.completeBatch,
// RecordAccumulator.splitAndReenqueue, ProducerBatch.split). It takes no retry.
func TestTooLargeForTheBroker(t *testing.T) {
	for _, tt := range []struct {
		name   string
		values []int
		limit  int   // max.message.bytes
		want   []int // records in each batch that the broker took, sorted
		failed []int
	}{
		// 861 bytes, in batches of at most 430, then of 180, but of at least one record
		{"by half", slices.Repeat([]int{hundred}, 8), 400, []int{2, 3, 3}, nil},
		{"by half, and again", slices.Repeat([]int{hundred}, 8), 280, []int{1, 1, 1, 1, 1, 1, 2}, nil},
		{"one alone", []int{400}, 280, nil, []int{0}},
		{"one among others", []int{hundred, 400, hundred}, 280, []int{1, 1}, []int{1}},
	} {
		for _, idempotent := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, idempotence %v", tt.name, idempotent), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					r := newRig(t, 1, map[string]string{"max.message.bytes": fmt.Sprint(tt.limit)})
					cfg := javaDefaults()
					cfg.BatchSize, cfg.Idempotence = 2000, idempotent
					if !idempotent {
						cfg.Retries = 0
					}
					c := r.start(cfg)
					for _, n := range tt.values {
						c.mustSend(0, n)
					}
					c.await(len(tt.values))
					var failed []int
					for _, a := range c.told() {
						if a.Err != nil {
							failed = append(failed, a.n)
							if !errors.Is(a.Err, kerr.MessageTooLarge) {
								t.Errorf("record %d: %v, want MESSAGE_TOO_LARGE", a.n, a.Err)
							}
						}
					}
					slices.Sort(failed)
					if !slices.Equal(failed, tt.failed) {
						t.Errorf("records %v failed, want %v", failed, tt.failed)
					}
					var took []int
					for _, req := range r.requests() {
						for i, b := range req.batches {
							if int(b.Length)+12 <= tt.limit {
								took = append(took, int(req.batches[i].NumRecords))
							}
						}
					}
					slices.Sort(took)
					if !slices.Equal(took, tt.want) {
						t.Errorf("the broker took batches of %v records, want %v", took, tt.want)
					}
					synctest.Wait() // memory comes back after the answers
					if s := c.Stats(); s.BufferAvailable != s.BufferTotal || s.RecordRetries != 0 {
						t.Errorf("%d bytes are not given back, and %d retries are counted", s.BufferTotal-s.BufferAvailable, s.RecordRetries)
					}
					// What came behind is in order, and numbered on.
					for range 20 {
						c.mustSend(0, 10)
						time.Sleep(10 * time.Millisecond)
					}
					for _, a := range c.await(len(tt.values) + 20)[len(tt.values):] {
						if a.Err != nil {
							t.Errorf("record %d: %v", a.n, a.Err)
						}
					}
				})
			})
		}
	}
}

// Flush waits for the parts of a batch that was split (ProduceRequestResult.awaitAllDependents).
func TestFlushAwaitsParts(t *testing.T) {
	inBubble(t, 1, func(t *testing.T, r *rig) {
		cfg := javaDefaults()
		cfg.Linger = time.Second
		c := r.start(cfg)
		for range 10 {
			c.mustSend(0, 10)
		}
		n := 0
		r.onProduce(func(_ *kmsg.ProduceRequest, resp *kmsg.ProduceResponse) bool {
			if n++; n > 1 {
				r.delay(time.Second)
				return false
			}
			resp.Topics[0].Partitions[0].ErrorCode = kerr.MessageTooLarge.Code
			return true
		})
		if err := c.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := len(c.told()); got != 10 {
			t.Errorf("%d of 10 records are answered after Flush", got)
		}
	})
}

// With compression a batch is filled to what its records are thought to take
// once compressed; what comes out larger is split (CompressionRatioEstimator).
func TestCompressedBatchesFill(t *testing.T) {
	inBubble(t, 1, func(t *testing.T, r *rig) {
		cfg := javaDefaults()
		cfg.Compression, cfg.BatchSize, cfg.Linger = "gzip", 2000, time.Second
		c := r.start(cfg)
		for range 400 {
			c.mustSend(0, hundred) // zeros: compress well
			time.Sleep(5 * time.Millisecond)
		}
		c.allConfirmed()
		got := sizes(r.requests())
		if first, last := got[0], slices.Max(got); first > 20 || last < first+2 {
			t.Errorf("the batches had %v records, want more in the later ones", got)
		}
	})
}

// Two who get memory for the same partition at the same time make one batch; the
// memory of the other goes back (RecordAccumulator.append, appendNewBatch).
func TestMemoryForABatchThatIsThereAlready(t *testing.T) {
	for _, key := range []bool{true, false} {
		t.Run(fmt.Sprintf("with key %v", key), func(t *testing.T) {
			inBubble(t, 3, func(t *testing.T, r *rig) {
				cfg := articleConfig()
				cfg.BufferMemory, cfg.MaxBlock = 4*cfg.BatchSize, time.Hour
				c := r.start(cfg)
				r.wire.Slow(wire.Slowness{Latency: time.Second})
				var all sync.WaitGroup
				for i := range 400 {
					all.Go(func() {
						rec := &Record{Value: make([]byte, 5000)}
						if key {
							rec.Key = keyFor(int32(i%3), 3)
						}
						if err := c.sendRecord(rec); err != nil {
							t.Error(err)
						}
					})
				}
				all.Wait()
				c.allConfirmed()
				c.Close(time.Minute)
				c.gone(t, 400)
			})
		})
	}
}
