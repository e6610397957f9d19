package producer

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"kafkasim.example/simd/internal/wire"
)

// gone fails the test unless the producer has answered everything and given all
// memory back.
func (c *client) gone(t *testing.T, answers int) {
	t.Helper()
	if n := len(c.told()); n != answers {
		t.Errorf("%d answers were given, want %d", n, answers)
	}
	if s := c.Stats(); s.BufferAvailable != s.BufferTotal || s.InFlight != 0 || s.Waiters != 0 {
		t.Errorf("%+v: want all memory back, nothing under way and nobody waiting", s)
	}
	if err := c.Send(&Record{}, nil); !errors.Is(err, ErrClosed) {
		t.Errorf("Send after Close: %v, want %v", err, ErrClosed)
	}
}

// Close sends what was accepted, without lingering, and is over when that is
// (Sender.run: accumulator.hasUndrained, client.inFlightRequestCount).
func TestCloseSendsWhatIsLeft(t *testing.T) {
	inBubble(t, 3, func(t *testing.T, r *rig) {
		cfg := javaDefaults()
		cfg.Linger = time.Minute
		c := r.start(cfg)
		for i := range 300 {
			c.mustSend(int32(i%3), 100)
		}
		began := time.Now()
		c.Close(time.Hour)
		if took := time.Since(began); took > time.Second {
			t.Errorf("Close took %v", took)
		}
		c.gone(t, 300)
		c.allConfirmed()
	})
}

// What cannot be sent within the timeout is aborted (Sender.forceClose,
// RecordAccumulator.abortIncompleteBatches), and nothing is waited for with a
// timeout of 0. An answer is given to each record, whether it was in the queue
// or under way.
func TestCloseAborts(t *testing.T) {
	for _, timeout := range []time.Duration{0, 3 * time.Second} {
		t.Run(timeout.String(), func(t *testing.T) {
			inBubble(t, 3, func(t *testing.T, r *rig) {
				c := r.start(articleConfig())
				r.ignore(-1)
				for i := range 6 { // two for each broker: one of them is under way
					c.mustSend(int32(i%3), 50_000)
					time.Sleep(time.Millisecond)
				}
				began := time.Now()
				c.Close(timeout)
				if took := time.Since(began); took != timeout {
					t.Errorf("Close took %v, want %v", took, timeout)
				}
				c.gone(t, 6)
				for _, a := range c.told() {
					if !errors.Is(a.Err, ErrClosed) {
						t.Errorf("record %d: %v, want %v", a.n, a.Err, ErrClosed)
					}
				}
			})
		})
	}
}

// A Close that does not want to wait ends one that does.
func TestCloseTwice(t *testing.T) {
	inBubble(t, 3, func(t *testing.T, r *rig) {
		c := r.start(articleConfig())
		r.wire.Cut()
		c.mustSend(0, 10)
		began := time.Now()
		var wg sync.WaitGroup
		for range 3 {
			wg.Go(func() { c.Close(20 * time.Second) })
		}
		time.Sleep(time.Second)
		c.Close(0)
		wg.Wait()
		c.Close(time.Hour)
		if took := time.Since(began); took != time.Second {
			t.Errorf("it took %v for all of them to return, want 1s", took)
		}
		c.gone(t, 1)
	})
}

// Close does not outlive delivery.timeout.ms: then there is nothing left.
func TestCloseEndsWithTheDeliveryTimeout(t *testing.T) {
	inBubble(t, 3, func(t *testing.T, r *rig) {
		cfg := articleConfig()
		c := r.start(cfg)
		r.wire.Cut()
		c.mustSend(0, 10)
		began := time.Now()
		c.Close(time.Hour)
		if took := time.Since(began); took != cfg.DeliveryTimeout {
			t.Errorf("Close took %v, want %v", took, cfg.DeliveryTimeout)
		}
		if a := c.told()[0]; !errors.Is(a.Err, ErrDeliveryTimeout) {
			t.Errorf("%v, want %v", a.Err, ErrDeliveryTimeout)
		}
		c.gone(t, 1)
	})
}

// A Send that waits, for memory or for metadata, fails when the producer is
// closed ("Producer closed while allocating memory", "... while send in progress").
func TestCloseWakesSend(t *testing.T) {
	for _, what := range []string{"memory", "metadata"} {
		t.Run(what, func(t *testing.T) {
			inBubble(t, 3, func(t *testing.T, r *rig) {
				cfg := articleConfig()
				cfg.BufferMemory, cfg.MaxBlock = 110_000, time.Hour
				var p *Producer
				if what == "memory" {
					c := r.start(cfg)
					r.ignore(-1)
					c.mustSend(0, 100_000)
					p = c.Producer
				} else {
					r.wire.Cut()
					var err error
					if p, err = New(cfg, r.opts()...); err != nil {
						t.Fatal(err)
					}
				}
				c, began := newCrowd(p.pool), time.Now()
				for range 10 {
					c.wg.Go(func() {
						if err := p.Send(&Record{Value: make([]byte, 100_000)}, nil); !errors.Is(err, ErrClosed) {
							t.Errorf("Send: %v, want %v", err, ErrClosed)
						}
						if got := time.Since(began); got != time.Second {
							t.Errorf("Send took %v, want a second", got)
						}
					})
				}
				time.Sleep(time.Second)
				go p.Close(time.Hour)
				c.wg.Wait()
				p.Close(0)
			})
		})
	}
}

// Flush sends without lingering, waits for everything accepted before it, and
// for no longer than its context (KafkaProducer.flush).
func TestFlush(t *testing.T) {
	inBubble(t, 3, func(t *testing.T, r *rig) {
		cfg := javaDefaults()
		cfg.Linger = time.Minute
		c := r.start(cfg)
		if err := c.Flush(t.Context()); err != nil {
			t.Errorf("flushing nothing: %v", err)
		}
		r.wire.Slow(wire.Slowness{Latency: time.Second})
		for i := range 100 {
			c.mustSend(int32(i%3), 1000)
		}
		began := time.Now()
		if err := c.Flush(t.Context()); err != nil {
			t.Errorf("Flush: %v", err)
		}
		if n := len(c.told()); n != 100 {
			t.Errorf("%d answers after Flush, want 100", n)
		}
		if took := time.Since(began); took > 30*time.Second {
			t.Errorf("Flush took %v, though answers take a second", took)
		}
		c.mustSend(0, 10)
		time.Sleep(30 * time.Second)
		if n := len(c.told()); n != 100 {
			t.Error("after Flush records do not linger any more")
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		if err := c.Flush(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Flush: %v, want the context's end", err)
		}
	})
}

// Flush ends when the producer is closed meanwhile.
func TestFlushEndsWithClose(t *testing.T) {
	inBubble(t, 3, func(t *testing.T, r *rig) {
		c := r.start(articleConfig())
		r.ignore(-1)
		c.mustSend(0, 10)
		var wg sync.WaitGroup
		wg.Go(func() {
			if err := c.Flush(t.Context()); err != nil {
				t.Errorf("Flush: %v", err)
			}
		})
		synctest.Wait()
		c.Close(0)
		wg.Wait()
		if err := c.Flush(t.Context()); err != nil {
			t.Errorf("Flush after Close: %v", err)
		}
	})
}

// An answer may send again, as a Callback may in Java.
func TestAnswersMaySend(t *testing.T) {
	inBubble(t, 3, func(t *testing.T, r *rig) {
		c := r.start(articleConfig())
		var chain func(left int) func(Answer)
		end := make(chan struct{})
		chain = func(left int) func(Answer) {
			return func(a Answer) {
				if a.Err != nil || left == 0 {
					close(end)
				} else if err := c.Send(&Record{Value: []byte("x")}, chain(left-1)); err != nil {
					t.Error(err)
				}
			}
		}
		if err := c.Send(&Record{Value: []byte("x")}, chain(50)); err != nil {
			t.Fatal(err)
		}
		<-end
		n := 0
		for _, records := range r.read() {
			n += len(records)
		}
		if n != 51 {
			t.Errorf("%d records are in the log, want 51", n)
		}
	})
}

// Outside of a bubble, over TCP, nothing outlives Close either.
func TestCloseLeavesNothingBehind(t *testing.T) {
	r := newTCPRig(t)
	before := goleak.IgnoreCurrent()
	p, err := New(javaDefaults(), r.opts()...)
	if err != nil {
		t.Fatal(err)
	}
	for range 100 {
		if err := p.Send(&Record{Value: make([]byte, 1000)}, func(Answer) {}); err != nil {
			t.Fatal(err)
		}
	}
	p.Close(time.Minute)
	r.Cluster.Close()
	goleak.VerifyNone(t, before)
}
