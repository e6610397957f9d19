package producer

import (
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"kafkasim.example/simd/internal/wire"
)

// max.in.flight.requests.per.connection (InFlightRequests.canSendMore): how many
// requests reach a broker that answers 100 ms later, and when.
func TestRequestsUnderWay(t *testing.T) {
	for _, tt := range []struct {
		most int
		want []int // ms
	}{
		{1, []int{50, 150, 250, 350, 450, 550}},
		{2, []int{50, 50, 150, 150, 250, 250}},
		{5, []int{50, 50, 50, 50, 50, 150}},
	} {
		t.Run(fmt.Sprint(tt.most), func(t *testing.T) {
			inBubble(t, 3, func(t *testing.T, r *rig) {
				cfg := javaDefaults()
				cfg.MaxInFlight, cfg.Linger, cfg.BatchSize = tt.most, 0, 1
				c := r.start(cfg)
				c.mustSend(0, 10)
				c.await(1) // the connection is there
				r.wire.Slow(wire.Slowness{Latency: 100 * time.Millisecond})
				began := r.now()
				first := len(r.requests())
				for range tt.want {
					c.mustSend(0, 10)
				}
				time.Sleep(25 * time.Millisecond)
				if got := c.Stats().InFlight; got != int64(tt.most) {
					t.Errorf("%d requests are under way, want %d", got, tt.most)
				}
				c.allConfirmed()
				for i, req := range r.requests()[first:] {
					if got, want := req.at-began, time.Duration(tt.want[i])*time.Millisecond; got < want || got > want+time.Millisecond {
						t.Errorf("request %d came after %v, want %v", i, got, want)
					}
				}
				for i, a := range c.told() {
					if a.n != i || a.Offset != int64(i) {
						t.Errorf("answer %d is that of record %d, at offset %d", i, a.n, a.Offset)
					}
				}
			})
		})
	}
}

// With one request at a time a partition keeps its order through any retry,
// also without numbers (guaranteeMessageOrder: RecordAccumulator.mutePartition).
func TestOneAtATimeKeepsOrder(t *testing.T) {
	inBubble(t, 3, func(t *testing.T, r *rig) {
		cfg := articleConfig()
		cfg.Retries, cfg.BatchSize = 1000, 1
		c := r.start(cfg)
		n := 0
		r.onProduce(func(_ *kmsg.ProduceRequest, resp *kmsg.ProduceResponse) bool {
			n++
			resp.Topics[0].Partitions[0].ErrorCode = kerr.NotEnoughReplicas.Code
			return n%3 != 0
		})
		for range 100 {
			c.mustSend(0, 10)
			time.Sleep(10 * time.Millisecond)
		}
		c.allConfirmed()
		for i, a := range c.told() {
			if a.n != i || a.Offset != int64(i) {
				t.Fatalf("answer %d is that of record %d, at offset %d", i, a.n, a.Offset)
			}
		}
	})
}

// With more than one at a time and no numbers a retry may overtake: that is what
// enable.idempotence is for (RecordAccumulator.reenqueue, addFirst).
func TestSeveralAtATimeMayReorder(t *testing.T) {
	inBubble(t, 3, func(t *testing.T, r *rig) {
		cfg := javaDefaults()
		cfg.Idempotence, cfg.Linger, cfg.BatchSize = false, 0, 1
		c := r.start(cfg)
		r.failAll(1, kerr.NotEnoughReplicas.Code)
		r.wire.Slow(wire.Slowness{Latency: time.Millisecond}) // so that all are under way at once
		for range 3 {
			c.mustSend(0, 100)
		}
		c.allConfirmed()
		if a := c.told()[2]; a.n != 0 || a.Offset != 2 {
			t.Errorf("the last answer is that of record %d, at offset %d; want the first record last, for it was tried again", a.n, a.Offset)
		}
	})
}

// A broker that tells of a throttle gets nothing more before it is over
// (KIP-219, NetworkClient.maybeThrottle); the others are not concerned, and the
// figure adds up.
func TestThrottle(t *testing.T) {
	inBubble(t, 3, func(t *testing.T, r *rig) {
		cfg := articleConfig()
		c := r.start(cfg)
		r.onProduce(func(_ *kmsg.ProduceRequest, resp *kmsg.ProduceResponse) bool {
			resp.ThrottleMillis = 1500
			return r.CurrentNode() == 0
		})
		for range 4 {
			c.mustSend(0, 10)
			c.mustSend(1, 10)
			time.Sleep(time.Millisecond)
		}
		c.allConfirmed()
		var times [3][]time.Duration
		for _, req := range r.requests() {
			times[req.node] = append(times[req.node], req.at)
		}
		// The records that came meanwhile go in one batch.
		if at := times[0]; len(at) != 2 || at[1]-at[0] != 1500*time.Millisecond {
			t.Errorf("broker 0 got requests at %v, want two, 1.5 s apart", at)
		}
		if at := times[1]; len(at) != 4 || at[3]-at[0] > 10*time.Millisecond {
			t.Errorf("broker 1 got requests at %v, want four at once", at)
		}
		if got := c.Stats().ThrottleTime; got != 3*time.Second {
			t.Errorf("the throttle time is %v, want 3 s", got)
		}
	})
}

// What is under way when a throttle is told of may take that much longer, for
// the broker does not look at it before (NetworkClient.maybeThrottle,
// InFlightRequests.incrementThrottleTime).
func TestThrottleExtendsWhatIsUnderWay(t *testing.T) {
	for _, tt := range []struct {
		after time.Duration // when the second request is answered
		want  error
	}{
		{after: 6 * time.Second, want: nil},
		{after: 8 * time.Second, want: ErrRequestTimeout},
	} {
		t.Run(tt.after.String(), func(t *testing.T) {
			inBubble(t, 3, func(t *testing.T, r *rig) {
				cfg := javaDefaults()
				cfg.Idempotence, cfg.Retries, cfg.RequestTimeout, cfg.Linger, cfg.BatchSize = false, 0, 2*time.Second, 0, 1
				c := r.start(cfg)
				n := 0
				r.onProduce(func(_ *kmsg.ProduceRequest, resp *kmsg.ProduceResponse) bool {
					if n++; n == 1 {
						resp.ThrottleMillis = 5000
						return true
					}
					r.delay(tt.after)
					return true
				})
				r.wire.Slow(wire.Slowness{Latency: time.Millisecond}) // so that both are under way at once
				c.mustSend(0, 10)
				c.mustSend(0, 10)
				if got := c.await(2)[1].Err; !errors.Is(got, tt.want) {
					t.Errorf("the answer after %v is %v, want %v", tt.after, got, tt.want)
				}
			})
		})
	}
}

// Under a broker's quota as the wire keeps it nothing is lost and nothing times
// out, whatever the number of requests under way.
func TestQuota(t *testing.T) {
	for _, most := range []int{1, 5} {
		t.Run(fmt.Sprint(most), func(t *testing.T) {
			inBubble(t, 3, func(t *testing.T, r *rig) {
				r.wire.SetQuota(wire.Quota{BytesPerSecond: 100_000})
				cfg := articleConfig()
				cfg.MaxInFlight, cfg.BufferMemory, cfg.MaxBlock = most, 1<<20, time.Minute
				c := r.start(cfg)
				began := time.Now()
				for range 300 {
					c.mustSend(0, 10_000)
				}
				c.allConfirmed()
				// 3 MB, less what the window lets through at first
				if took := time.Since(began); took < 18*time.Second || took > 32*time.Second {
					t.Errorf("3 MB took %v at 100 kB a second, want about half a minute", took)
				}
				if count, total := r.wire.Throttled(); count == 0 || c.Stats().ThrottleTime < total/2 {
					t.Errorf("the wire throttled %d times, %v in all; the producer heard of %v", count, total, c.Stats().ThrottleTime)
				}
				if steps := c.sender.steps.Load(); steps > 3000 {
					t.Errorf("the sender looked %d times for 300 records", steps)
				}
			})
		})
	}
}

// acks: what the request says, and what the answer can tell.
func TestAcks(t *testing.T) {
	for _, acks := range []int{-1, 0, 1} {
		t.Run(fmt.Sprint(acks), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t, 3, nil)
				cfg := articleConfig()
				cfg.Acks = acks
				c := r.start(cfg)
				for range 3 {
					c.mustSend(1, 10)
					time.Sleep(time.Second)
				}
				c.allConfirmed()
				for i, a := range c.told() {
					want := int64(i)
					if acks == 0 {
						want = -1 // nobody told
					}
					if a.Offset != want || a.Partition != 1 {
						t.Errorf("record %d is said to be at offset %d of partition %d, want %d of 1", a.n, a.Offset, a.Partition, want)
					}
				}
				for _, req := range r.requests() {
					if int(req.acks) != acks {
						t.Errorf("a request said acks=%d", req.acks)
					}
				}
				if n := len(r.read()[1]); n != 3 {
					t.Errorf("%d records are in the log, want 3", n)
				}
			})
		})
	}
}
