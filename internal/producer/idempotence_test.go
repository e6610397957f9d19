package producer

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
	"pgregory.net/rapid"

	"kafkasim.example/simd/internal/wire"
)

// written fails the test unless the partition's log holds the records that said
// these bytes, in this order.
func (r *rig) written(partition int32, want string) {
	r.t.Helper()
	var got []byte
	for _, kr := range r.read()[partition] {
		got = append(got, kr.Value[0])
	}
	if string(got) != want {
		r.t.Errorf("partition %d holds %q, want %q", partition, got, want)
	}
}

// say sends a record of this byte to partition 0, so long that no other one fits
// into a batch with it if batch.size is small.
func (c *client) say(what byte) {
	c.t.Helper()
	if err := c.sendRecord(&Record{Key: keyFor(0, c.Partitions()), Value: bytes.Repeat([]byte{what}, 50)}); err != nil {
		c.t.Fatal(err)
	}
}

// numbers are the epoch and the first sequence of each batch for partition 0
// that the brokers got.
func (r *rig) numbers() []string {
	var got []string
	for _, req := range r.requests() {
		for i, b := range req.batches {
			if req.parts[i] == 0 {
				got = append(got, fmt.Sprintf("%d:%d", b.ProducerEpoch, b.FirstSequence))
			}
		}
	}
	return got
}

func idempotent() Config {
	cfg := javaDefaults()
	cfg.Linger, cfg.BatchSize = 0, 1
	return cfg
}

// Every batch carries the producer's id and epoch, and counts its partition's
// records on (KIP-98).
func TestSequences(t *testing.T) {
	inBubble(t, 3, func(t *testing.T, r *rig) {
		cfg := javaDefaults()
		c := r.start(cfg)
		for range 3 {
			for range 4 {
				c.mustSend(0, 10)
			}
			c.mustSend(1, 10)
			time.Sleep(time.Second)
		}
		c.allConfirmed()
		next := make(map[int32]int32)
		for _, req := range r.requests() {
			for i, b := range req.batches {
				p := req.parts[i]
				if b.ProducerID < 0 || b.ProducerEpoch != 0 || b.FirstSequence != next[p] {
					t.Errorf("a batch for partition %d is of producer %d:%d from %d, want a producer, epoch 0, from %d", p, b.ProducerID, b.ProducerEpoch, b.FirstSequence, next[p])
				}
				next[p] += b.NumRecords
			}
		}
		if next[0] != 12 || next[1] != 3 {
			t.Errorf("the counts came to %v", next)
		}
	})
}

// Without enable.idempotence nothing is numbered.
func TestNoSequences(t *testing.T) {
	inBubble(t, 3, func(t *testing.T, r *rig) {
		c := r.start(articleConfig())
		c.mustSend(0, 10)
		c.allConfirmed()
		if b := r.requests()[0].batches[0]; b.ProducerID != -1 || b.ProducerEpoch != -1 || b.FirstSequence != -1 {
			t.Errorf("the batch is of producer %d:%d from %d, want -1 of each", b.ProducerID, b.ProducerEpoch, b.FirstSequence)
		}
	})
}

// An answer that is lost makes a second copy without numbers, and none with
// them: the broker knows the batch again, and says where it is.
func TestLostAnswer(t *testing.T) {
	for _, how := range []string{"time-out", "broken connection"} {
		for _, idempotence := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s, idempotence %v", how, idempotence), func(t *testing.T) {
				inBubble(t, 3, func(t *testing.T, r *rig) {
					cfg := idempotent()
					cfg.Idempotence = idempotence
					c := r.start(cfg)
					c.say('a')
					c.await(1)
					r.wire.LoseAnswers(1)
					c.say('b')
					time.Sleep(time.Second)
					r.wire.LoseAnswers(0)
					if how == "broken connection" {
						r.wire.Cut(r.addr(0))
						r.wire.Restore(r.addr(0))
					}
					a := c.await(2)[1]
					want, offset := "abb", int64(2)
					if idempotence {
						want, offset = "ab", 1
					}
					if a.Err != nil || a.Offset != offset {
						t.Errorf("%v, at offset %d, want it confirmed at %d", a.Err, a.Offset, offset)
					}
					r.written(0, want)
				})
			})
		}
	}
}

// What a broker may say to a numbered batch, and how the batches behind it that
// are under way come out of it: in order, without copies, under a new epoch where
// the count is broken (TransactionManager.canRetry, handleFailedBatch).
func TestNumberedBatchFails(t *testing.T) {
	for _, tt := range []struct {
		code  *kerr.Error
		start int64 // the log's, as the answer tells it
		fails bool
		epoch int16 // at the end
		want  string
	}{
		{kerr.NotEnoughReplicas, -1, false, 0, "abcde"},
		{kerr.InvalidRecord, -1, true, 1, "acde"},
		{kerr.OutOfOrderSequenceNumber, -1, false, 1, "abcde"}, // it is the next one: the broker has lost count
		{kerr.UnknownProducerID, 1, false, 1, "abcde"},         // its records have been deleted
		{kerr.UnknownProducerID, -1, false, 0, "abcde"},        // it does not say why: try again
		{kerr.InvalidProducerEpoch, -1, true, 1, "acde"},
		{kerr.DuplicateSequenceNumber, -1, false, 1, "acde"}, // a yes; but it is not true here, so that the next one is out of order
	} {
		t.Run(fmt.Sprintf("%s, log start %d", tt.code.Message, tt.start), func(t *testing.T) {
			inBubble(t, 3, func(t *testing.T, r *rig) {
				c := r.start(idempotent())
				c.say('a')
				c.await(1)
				n := 0
				r.onProduce(func(_ *kmsg.ProduceRequest, resp *kmsg.ProduceResponse) bool {
					if n++; n > 1 {
						return false
					}
					resp.Topics[0].Partitions[0].ErrorCode = tt.code.Code
					resp.Topics[0].Partitions[0].LogStartOffset = tt.start
					return true
				})
				r.wire.Slow(wire.Slowness{Latency: 20 * time.Millisecond}) // so that all are under way at once
				for _, what := range []byte("bcd") {
					c.say(what)
				}
				c.await(4)
				for _, a := range c.told() {
					switch fails := tt.fails && a.n == 1; {
					case fails && !errors.Is(a.Err, tt.code):
						t.Errorf("record %d: %v, want %v", a.n, a.Err, tt.code)
					case !fails && a.Err != nil:
						t.Errorf("record %d: %v", a.n, a.Err)
					}
				}
				if got, want := fmt.Sprint(r.numbers()[1:4]), "[0:1 0:2 0:3]"; got != want {
					t.Errorf("the batches were numbered %v, want %v", got, want)
				}
				c.say('e')
				c.await(5)
				got := r.numbers()
				var epoch int16
				fmt.Sscanf(got[len(got)-1], "%d:", &epoch)
				if epoch != tt.epoch {
					t.Errorf("the numbers were %v, want epoch %d at the end", got, tt.epoch)
				}
				r.written(0, tt.want)
			})
		})
	}
}

// A producer that may not get an id fails what it has, and asks again
// (Sender.shouldHandleAuthorizationError).
func TestNotAuthorizedForAnID(t *testing.T) {
	inBubble(t, 3, func(t *testing.T, r *rig) {
		n := 0
		r.ControlKey(kmsg.InitProducerID.Int16(), func(kreq kmsg.Request) (kmsg.Response, error, bool) {
			if n++; n > 3 {
				return nil, nil, false
			}
			r.KeepControl()
			resp := kreq.ResponseKind().(*kmsg.InitProducerIDResponse)
			resp.ErrorCode = kerr.ClusterAuthorizationFailed.Code
			return resp, nil, true
		})
		c := r.start(idempotent())
		c.say('a')
		if a := c.await(1)[0]; !errors.Is(a.Err, kerr.ClusterAuthorizationFailed) {
			t.Errorf("%v, want %v", a.Err, kerr.ClusterAuthorizationFailed)
		}
		time.Sleep(time.Second)
		c.say('b')
		if a := c.await(2)[1]; a.Err != nil {
			t.Errorf("after the rights were given: %v", a.Err)
		}
		synctest.Wait()
		if s := c.Stats(); s.BufferAvailable != s.BufferTotal {
			t.Errorf("%d bytes are not given back", s.BufferTotal-s.BufferAvailable)
		}
	})
}

// DefaultRecordBatch.incrementSequence, and that numbers keep their order over
// the wrap.
func TestSequenceArithmetic(t *testing.T) {
	if got := advance(math.MaxInt32, 1); got != 0 {
		t.Errorf("after 2^31-1 comes %d, want 0", got)
	}
	rapid.Check(t, func(rt *rapid.T) {
		first := rapid.Int32Range(0, math.MaxInt32).Draw(rt, "first")
		n := rapid.IntRange(1, 1<<29).Draw(rt, "records")
		next := advance(first, n)
		if next < 0 || distance(first, next) != int32(n) {
			rt.Fatalf("%d and %d on is %d, %d away", first, n, next, distance(first, next))
		}
		a, b := &batch{sequence: sequence{first: first}}, &batch{sequence: sequence{first: next}}
		if !a.before(b) || b.before(a) || a.before(a) {
			rt.Fatalf("%d does not come before %d", first, next)
		}
		if unnumbered := (&batch{sequence: noSequence}); !a.before(unnumbered) || unnumbered.before(a) {
			rt.Fatal("a numbered batch does not come before one that is not")
		}
		f := newFlow()
		f.acked = advance(first, n-1)
		if !f.isNext(next) || f.isNext(first) && n > 1 {
			rt.Fatalf("after %d, %d is the next one", f.acked, next)
		}
	})
}
