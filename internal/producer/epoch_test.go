package producer

import (
	"errors"
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"

	"kafkasim.example/simd/internal/wire"
)

// A numbered batch that is given up leaves a gap, or does not: nobody knows. When
// nothing of the partition is under way any more the producer begins another
// epoch, with numbers from zero, and life goes on (KIP-360,
// TransactionManager.maybeResolveSequences).
func TestExpiredBatchBeginsAnEpoch(t *testing.T) {
	for _, written := range []bool{true, false} {
		t.Run(fmt.Sprintf("written %v", written), func(t *testing.T) {
			inBubble(t, 3, func(t *testing.T, r *rig) {
				cfg := idempotent()
				cfg.DeliveryTimeout, cfg.RequestTimeout = 10*time.Second, 4*time.Second
				c := r.start(cfg)
				c.say('a')
				c.await(1)
				if written {
					r.wire.LoseAnswers(1)
				} else {
					r.ignore(3)
				}
				c.say('b') // is tried at 0, 4 and 8 s
				if a := c.await(2)[1]; !errors.Is(a.Err, ErrDeliveryTimeout) {
					t.Errorf("%v, want %v", a.Err, ErrDeliveryTimeout)
				}
				r.wire.LoseAnswers(0)
				c.say('c')
				c.say('d')
				for _, a := range c.await(4)[2:] {
					if a.Err != nil {
						t.Errorf("record %d: %v", a.n, a.Err)
					}
				}
				if written {
					r.written(0, "abcd")
				} else {
					r.written(0, "acd")
				}
				if got, want := fmt.Sprint(r.numbers()[:5]), "[0:0 0:1 0:1 0:1 1:0]"; got != want {
					t.Errorf("the batches were numbered %v, want %v", got, want)
				}
			})
		})
	}
}

// A batch that expires on its first try, having waited long for it, leaves no
// doubt behind in Java. If it is missing, the broker refuses what comes behind as
// out of order, until that expires too, and only then another epoch begins.
func TestExpiredOnItsFirstTry(t *testing.T) {
	for _, written := range []bool{true, false} {
		t.Run(fmt.Sprintf("written %v", written), func(t *testing.T) {
			inBubble(t, 3, func(t *testing.T, r *rig) {
				cfg := idempotent()
				cfg.DeliveryTimeout, cfg.RequestTimeout = 10*time.Second, 9*time.Second
				c := r.start(cfg)
				c.say('a')
				c.await(1)
				r.wire.Cut(r.addr(0))
				c.say('b') // waits for its first try
				time.Sleep(5 * time.Second)
				r.wire.Restore(r.addr(0))
				if written {
					r.wire.LoseAnswers(1)
				} else {
					r.ignore(1)
				}
				if a := c.await(2)[1]; !errors.Is(a.Err, ErrDeliveryTimeout) {
					t.Errorf("%v, want %v", a.Err, ErrDeliveryTimeout)
				}
				r.wire.LoseAnswers(0)
				c.say('c')
				err := c.await(3)[2].Err
				c.say('d')
				if a := c.await(4)[3]; a.Err != nil {
					t.Errorf("record %d: %v", a.n, a.Err)
				}
				if written {
					if err != nil {
						t.Errorf("the record behind it: %v", err)
					}
					r.written(0, "abcd")
				} else {
					if !errors.Is(err, ErrDeliveryTimeout) {
						t.Errorf("the record behind it: %v, want %v", err, ErrDeliveryTimeout)
					}
					r.written(0, "ad")
				}
			})
		})
	}
}

// Another partition has its batches that are under way end in the old epoch, and
// begins at zero in the new one only then (shouldStopDrainBatchesForPartition,
// maybeUpdateProducerIdAndEpoch).
func TestOtherPartitionsFollow(t *testing.T) {
	inBubble(t, 3, func(t *testing.T, r *rig) {
		c := r.start(idempotent())
		for p := range int32(3) {
			c.mustSend(p, 100)
		}
		c.await(3)
		r.wire.Slow(wire.Slowness{Latency: time.Second}, r.addr(1))
		c.mustSend(1, 100)
		r.failAll(1, kerr.InvalidRecord.Code)
		c.mustSend(0, 100)
		c.await(4)
		for p := range int32(3) {
			c.mustSend(p, 100)
			c.mustSend(p, 100)
		}
		for _, a := range c.await(11)[4:] {
			if a.Err != nil {
				t.Errorf("record %d: %v", a.n, a.Err)
			}
		}
		got := make(map[int32][]string)
		for _, req := range r.requests() {
			b := req.batches[0]
			got[req.parts[0]] = append(got[req.parts[0]], fmt.Sprintf("%d:%d at %ds", b.ProducerEpoch, b.FirstSequence, int(req.at.Seconds())))
		}
		for p, want := range []string{
			"[0:0 at 0s 0:1 at 0s 1:0 at 0s 1:1 at 0s]",
			"[0:0 at 0s 0:1 at 0s 1:0 at 1s 1:1 at 1s 1:2 at 1s]", // the second is refused, see mayRetryNumbered
			"[0:0 at 0s 1:0 at 0s 1:1 at 0s]",
		} {
			if fmt.Sprint(got[int32(p)]) != want {
				t.Errorf("partition %d was sent %v, want %v", p, got[int32(p)], want)
			}
		}
	})
}

// As long as a batch of doubtful fate is followed by another one that is under
// way, nothing new is numbered (RecordAccumulator.shouldStopDrainBatchesForPartition,
// hasUnresolvedSequence).
func TestNothingNewWhileInDoubt(t *testing.T) {
	inBubble(t, 3, func(t *testing.T, r *rig) {
		cfg := idempotent()
		cfg.DeliveryTimeout, cfg.RequestTimeout = 10*time.Second, 4*time.Second
		c := r.start(cfg)
		c.say('a')
		c.await(1)
		r.wire.LoseAnswers(1)
		c.say('b') // expires at 10 s, after several tries
		time.Sleep(3 * time.Second)
		c.say('c') // expires at 13 s
		time.Sleep(7*time.Second + time.Millisecond)
		before := len(r.numbers())
		c.say('d')
		time.Sleep(2900 * time.Millisecond)
		for _, n := range r.numbers()[before:] {
			if n != "0:1" && n != "0:2" {
				t.Errorf("%s was sent while the batch before it was in doubt", n)
			}
		}
		r.wire.LoseAnswers(0)
		if a := c.await(4)[3]; a.Err != nil {
			t.Errorf("record %d: %v", a.n, a.Err)
		}
		r.written(0, "abcd")
	})
}

// After the last epoch comes another producer id (bumpIdempotentProducerEpoch).
func TestEpochsRunOut(t *testing.T) {
	inBubble(t, 3, func(t *testing.T, r *rig) {
		c := r.start(idempotent())
		c.sender.post(func() {
			c.sender.ids.epoch = math.MaxInt16
		})
		c.say('a')
		c.await(1)
		id := r.requests()[0].batches[0].ProducerID
		r.failAll(1, kerr.InvalidRecord.Code)
		c.say('b')
		c.say('c')
		c.await(3)
		reqs := r.requests()
		if b := reqs[len(reqs)-1].batches[0]; b.ProducerID == id || b.ProducerEpoch != 0 || b.FirstSequence != 0 {
			t.Errorf("the last batch is of producer %d:%d from %d, want another producer than %d, at its beginning", b.ProducerID, b.ProducerEpoch, b.FirstSequence, id)
		}
		r.written(0, "ac")
	})
}
