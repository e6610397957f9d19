package producer

import (
	"encoding/binary"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
	"pgregory.net/rapid"

	"kafkasim.example/simd/internal/wire"
)

// trouble is something that goes wrong for a while.
type trouble struct {
	at, lasts time.Duration
	what      string
	node      int32
	partition int32
}

func (tr trouble) String() string {
	return fmt.Sprintf("%s of broker %d, partition %d, from %v for %v", tr.what, tr.node, tr.partition, tr.at, tr.lasts)
}

func troubles(kinds ...string) *rapid.Generator[[]trouble] {
	ms := func(rt *rapid.T, what string, most int) time.Duration {
		return time.Duration(rapid.IntRange(0, most).Draw(rt, what)) * time.Millisecond
	}
	return rapid.SliceOfN(rapid.Custom(func(rt *rapid.T) trouble {
		return trouble{
			at:        ms(rt, "at", 4000),
			lasts:     ms(rt, "lasts", 4000),
			what:      rapid.SampledFrom(kinds).Draw(rt, "what"),
			node:      int32(rapid.IntRange(0, 2).Draw(rt, "node")),
			partition: int32(rapid.IntRange(0, 3).Draw(rt, "partition")),
		}
	}), 0, 6)
}

// make makes the trouble when it is due, and mends it.
func (r *rig) make(tr trouble) {
	time.Sleep(tr.at)
	switch addr := r.addr(tr.node); tr.what {
	case "cut":
		r.wire.Cut(addr)
		time.Sleep(tr.lasts)
		r.wire.Restore(addr)
	case "short cut":
		r.wire.Cut(addr)
		r.wire.Restore(addr)
	case "lost answers":
		r.wire.LoseAnswers(0.3, addr)
		time.Sleep(tr.lasts)
		r.wire.LoseAnswers(0, addr)
	case "slowness":
		r.wire.Slow(wire.Slowness{Latency: tr.lasts / 4}, addr)
		time.Sleep(tr.lasts)
		r.wire.Slow(wire.Slowness{}, addr)
	case "move":
		r.move(tr.partition, tr.node)
	case "errors":
		stop := r.onProduce(func(_ *kmsg.ProduceRequest, resp *kmsg.ProduceResponse) bool {
			for i := range resp.Topics[0].Partitions {
				resp.Topics[0].Partitions[i].ErrorCode = kerr.NotEnoughReplicas.Code
			}
			return r.CurrentNode() == tr.node
		})
		time.Sleep(tr.lasts)
		stop()
	case "refusal":
		stop := r.onProduce(func(_ *kmsg.ProduceRequest, resp *kmsg.ProduceResponse) bool {
			for i := range resp.Topics[0].Partitions {
				resp.Topics[0].Partitions[i].ErrorCode = kerr.PolicyViolation.Code
			}
			return r.CurrentNode() == tr.node
		})
		time.Sleep(tr.lasts)
		stop()
	case "throttle":
		stop := r.onProduce(func(_ *kmsg.ProduceRequest, resp *kmsg.ProduceResponse) bool {
			for i := range resp.Topics[0].Partitions {
				resp.Topics[0].Partitions[i].ErrorCode = kerr.NotEnoughReplicas.Code
			}
			resp.ThrottleMillis = int32(tr.lasts.Milliseconds())
			return r.CurrentNode() == tr.node
		})
		time.Sleep(tr.lasts / 4)
		stop()
	}
}

// order is a record that is sent, and what comes of it.
type order struct {
	at        time.Duration
	partition int32
	bytes     int

	refused error
	answers []Answer
}

func orders(most int) *rapid.Generator[[]order] {
	return rapid.SliceOfN(rapid.Custom(func(rt *rapid.T) order {
		return order{
			at:        time.Duration(rapid.IntRange(0, 5000).Draw(rt, "at")) * time.Millisecond,
			partition: int32(rapid.IntRange(0, 3).Draw(rt, "partition")),
			bytes:     rapid.SampledFrom([]int{8, 100, 3000}).Draw(rt, "bytes"),
		}
	}), 1, most)
}

// play sends all orders when they are due, the ith with i as its value's
// beginning, and calls sent (if not nil) for each that was accepted, in order.
func (r *rig) play(p *Producer, all []order, sent func(i int)) *sync.WaitGroup {
	var mu sync.Mutex // of one order after the other, and of their answers
	wg := new(sync.WaitGroup)
	for i := range all {
		o := &all[i]
		wg.Go(func() {
			time.Sleep(o.at)
			value := binary.BigEndian.AppendUint64(make([]byte, 0, o.bytes), uint64(i))
			rec := &Record{Key: keyFor(o.partition, 4), Value: value[:o.bytes]}
			if sent != nil {
				mu.Lock()
				defer mu.Unlock()
				defer sent(i)
			}
			o.refused = p.Send(rec, func(a Answer) { o.answers = append(o.answers, a) })
		})
	}
	return wg
}

// check finds what is wrong with the answers and the log, apart from what the
// configuration allows.
func (r *rig) check(all []order, acked bool) error {
	var wrong []error
	log := r.read()
	copies := make(map[uint64]int)
	for _, records := range log {
		for _, kr := range records {
			copies[binary.BigEndian.Uint64(kr.Value)]++
		}
	}
	for i, o := range all {
		switch {
		case o.refused != nil && len(o.answers) > 0:
			wrong = append(wrong, fmt.Errorf("record %d was refused (%w), and answered all the same: %v", i, o.refused, o.answers))
		case o.refused != nil && copies[uint64(i)] > 0:
			wrong = append(wrong, fmt.Errorf("record %d was refused (%w), and is in the log", i, o.refused))
		case o.refused == nil && len(o.answers) != 1:
			wrong = append(wrong, fmt.Errorf("record %d got the answers %v, want exactly one", i, o.answers))
		case o.refused == nil && o.answers[0].Err == nil && acked:
			a := o.answers[0]
			switch records := log[a.Partition]; {
			case a.Partition != o.partition:
				wrong = append(wrong, fmt.Errorf("record %d is said to be in partition %d, want %d", i, a.Partition, o.partition))
			case a.Offset < 0 || a.Offset >= int64(len(records)):
				wrong = append(wrong, fmt.Errorf("record %d is said to be at offset %d of %d", i, a.Offset, len(records)))
			case binary.BigEndian.Uint64(records[a.Offset].Value) != uint64(i):
				wrong = append(wrong, fmt.Errorf("at offset %d of partition %d, where record %d is said to be, there is another one", a.Offset, a.Partition, i))
			}
		}
	}
	return errors.Join(wrong...)
}

// Whatever happens to connections, brokers and leaders: an idempotent producer
// that has time enough writes each record exactly once, each partition's in the
// order in which they were sent, and says so.
func TestExactlyOnceInOrder(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		all := orders(60).Draw(rt, "orders")
		plan := troubles("cut", "short cut", "lost answers", "slowness", "move", "errors", "throttle").Draw(rt, "troubles")
		cfg := javaDefaults()
		cfg.DeliveryTimeout, cfg.RequestTimeout, cfg.MaxBlock = time.Hour, 2*time.Second, time.Hour
		cfg.MaxInFlight = rapid.IntRange(1, 5).Draw(rt, "in flight")
		cfg.Linger = time.Duration(rapid.IntRange(0, 20).Draw(rt, "linger")) * time.Millisecond
		cfg.BatchSize = int64(rapid.SampledFrom([]int{1, 500, 16384}).Draw(rt, "batch size"))
		cfg.Seed = rapid.Uint64().Draw(rt, "seed")
		var wrong error
		synctest.Test(t, func(t *testing.T) {
			r := newRig(t, 4, nil)
			c := r.start(cfg)
			order := make(map[int32][]int)
			sending := r.play(c.Producer, all, func(i int) { order[all[i].partition] = append(order[all[i].partition], i) })
			var troubles sync.WaitGroup
			for _, tr := range plan {
				troubles.Go(func() { r.make(tr) })
			}
			sending.Wait()
			if err := c.Flush(t.Context()); err != nil {
				wrong = err
			}
			troubles.Wait()
			c.Close(0)
			for i, o := range all {
				if o.refused != nil || o.answers[0].Err != nil {
					wrong = errors.Join(wrong, fmt.Errorf("record %d: refused %w, answers %v", i, o.refused, o.answers))
				}
			}
			wrong = errors.Join(wrong, r.check(all, true))
			for p, records := range r.read() {
				var got []int
				for _, kr := range records {
					got = append(got, int(binary.BigEndian.Uint64(kr.Value)))
				}
				if fmt.Sprint(got) != fmt.Sprint(order[p]) {
					wrong = errors.Join(wrong, fmt.Errorf("partition %d holds %v, want %v", p, got, order[p]))
				}
			}
			if steps := c.sender.steps.Load(); steps > 5000 {
				wrong = errors.Join(wrong, fmt.Errorf("the sender looked %d times", steps))
			}
		})
		if wrong != nil {
			rt.Fatalf("%v\nwith %v", wrong, plan)
		}
	})
}

// Whatever happens, with any configuration and whenever the producer is closed:
// a record that was accepted is answered exactly once, one that was refused
// never; what is confirmed is where the answer says; and all memory comes back.
func TestEveryRecordIsAnsweredOnce(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		all := orders(60).Draw(rt, "orders")
		plan := troubles("cut", "short cut", "lost answers", "slowness", "move", "errors", "refusal", "throttle").Draw(rt, "troubles")
		cfg := javaDefaults()
		cfg.Idempotence = rapid.Bool().Draw(rt, "idempotence")
		if !cfg.Idempotence {
			cfg.Acks = rapid.IntRange(-1, 1).Draw(rt, "acks")
			cfg.Retries = rapid.SampledFrom([]int{0, 1, 1 << 30}).Draw(rt, "retries")
		}
		cfg.BufferMemory = int64(rapid.SampledFrom([]int{4000, 20_000, 1 << 20}).Draw(rt, "buffer"))
		cfg.BatchSize = int64(rapid.SampledFrom([]int{1, 500, 4000}).Draw(rt, "batch size"))
		cfg.MaxInFlight = rapid.IntRange(1, 5).Draw(rt, "in flight")
		cfg.Linger = time.Duration(rapid.IntRange(0, 20).Draw(rt, "linger")) * time.Millisecond
		cfg.RequestTimeout = time.Duration(rapid.IntRange(10, 1000).Draw(rt, "request timeout")) * time.Millisecond
		cfg.DeliveryTimeout = cfg.Linger + cfg.RequestTimeout + time.Duration(rapid.IntRange(0, 1000).Draw(rt, "delivery timeout"))*time.Millisecond
		cfg.MaxBlock = time.Duration(rapid.IntRange(0, 500).Draw(rt, "max block")) * time.Millisecond
		cfg.Contention = rapid.SampledFrom([]float64{0, 0.1, 1}).Draw(rt, "contention")
		cfg.Seed = rapid.Uint64().Draw(rt, "seed")
		closes := time.Duration(rapid.IntRange(0, 8000).Draw(rt, "closes")) * time.Millisecond
		patience := time.Duration(rapid.SampledFrom([]int{0, 0, 100, 60_000}).Draw(rt, "patience")) * time.Millisecond
		var wrong error
		synctest.Test(t, func(t *testing.T) {
			r := newRig(t, 4, nil)
			c := r.start(cfg)
			running := r.play(c.Producer, all, nil)
			for _, tr := range plan {
				running.Go(func() { r.make(tr) })
			}
			running.Go(func() {
				time.Sleep(closes)
				c.Close(patience)
			})
			running.Wait()
			if s := c.Stats(); s.BufferAvailable != s.BufferTotal || s.Waiters != 0 || s.InFlight != 0 {
				wrong = fmt.Errorf("%+v: want all memory back, nothing under way and nobody waiting", s)
			}
			if steps := c.sender.steps.Load(); steps > 5000 {
				wrong = errors.Join(wrong, fmt.Errorf("the sender looked %d times", steps))
			}
			wrong = errors.Join(wrong, r.check(all, cfg.Acks != 0))
		})
		if wrong != nil {
			rt.Fatalf("%v\nwith %v", wrong, plan)
		}
	})
}
