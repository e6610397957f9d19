package producer

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// max.block.ms is for the metadata and the memory together
// (KafkaProducer.doSend, remainingWaitMs).
func TestMaxBlock(t *testing.T) {
	for _, tt := range []struct {
		name string
		away time.Duration // how long the cluster is at first
		want []error       // of two who send at once, into a buffer with room for one
	}{
		{"no metadata", time.Hour, []error{ErrMetadataTimeout, ErrMetadataTimeout}},
		{"metadata late, and no memory", 3 * time.Second, []error{nil, ErrBufferExhausted}},
		{"no memory", 0, []error{nil, ErrBufferExhausted}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			inBubble(t, 3, func(t *testing.T, r *rig) {
				cfg := articleConfig()
				cfg.BufferMemory = 20_000 // one batch
				r.ignore(-1)
				r.wire.Cut()
				p, err := New(cfg, r.opts()...)
				if err != nil {
					t.Fatal(err)
				}
				defer p.Close(0)
				time.AfterFunc(tt.away, func() { r.wire.Restore() })
				if tt.away == 0 {
					time.Sleep(time.Second)
				}
				c, began := newCrowd(p.pool), time.Now()
				for range tt.want {
					c.wg.Go(func() {
						err := p.Send(&Record{Value: make([]byte, 10_000)}, func(Answer) {})
						c.mu.Lock()
						defer c.mu.Unlock()
						c.got = append(c.got, waiter{err: err, at: time.Since(began)})
					})
				}
				c.wg.Wait()
				for i, want := range tt.want {
					got := c.got[i]
					if !errors.Is(got.err, want) {
						t.Errorf("Send: %v, want %v", got.err, want)
					}
					if want != nil && got.at != cfg.MaxBlock {
						t.Errorf("%v after %v, want after %v", got.err, got.at, cfg.MaxBlock)
					}
				}
			})
		})
	}
}

// An error that waiting does not mend ends the wait for metadata at once; any
// other is told when the time is over (KafkaProducer.waitOnMetadata,
// Metadata.maybeThrowExceptionForTopic).
func TestNoMetadata(t *testing.T) {
	for _, tt := range []struct {
		code  *kerr.Error
		want  error
		after time.Duration
	}{
		{kerr.TopicAuthorizationFailed, kerr.TopicAuthorizationFailed, 0},
		{kerr.InvalidTopicException, kerr.InvalidTopicException, 0},
		{kerr.UnknownTopicOrPartition, ErrMetadataTimeout, 5 * time.Second},
		{kerr.LeaderNotAvailable, ErrMetadataTimeout, 5 * time.Second},
	} {
		t.Run(tt.code.Message, func(t *testing.T) {
			inBubble(t, 3, func(t *testing.T, r *rig) {
				r.ControlKey(kmsg.Metadata.Int16(), func(kreq kmsg.Request) (kmsg.Response, error, bool) {
					r.KeepControl()
					req := kreq.(*kmsg.MetadataRequest)
					resp := req.ResponseKind().(*kmsg.MetadataResponse)
					for _, addr := range r.ListenAddrs()[:1] {
						b := kmsg.NewMetadataResponseBroker()
						b.Host, b.Port = "localhost", 9092
						_ = addr
						resp.Brokers = append(resp.Brokers, b)
					}
					for _, t := range req.Topics {
						rt := kmsg.NewMetadataResponseTopic()
						rt.Topic, rt.ErrorCode = t.Topic, tt.code.Code
						resp.Topics = append(resp.Topics, rt)
					}
					return resp, nil, true
				})
				p, err := New(articleConfig(), r.opts()...)
				if err != nil {
					t.Fatal(err)
				}
				defer p.Close(0)
				began := time.Now()
				err = p.Send(&Record{}, nil)
				if !errors.Is(err, tt.want) || !errors.Is(err, tt.code) {
					t.Errorf("Send: %v, want %v that tells of %s", err, tt.want, tt.code.Message)
				}
				if got := time.Since(began); got != tt.after {
					t.Errorf("Send took %v, want %v", got, tt.after)
				}
				if n := p.sender.steps.Load(); n > 50 {
					t.Errorf("the sender looked %d times", n)
				}
			})
		})
	}
}

// KafkaProducer.ensureValidRecordSize, at its limits.
func TestRecordTooLarge(t *testing.T) {
	for _, tt := range []struct {
		name               string
		maxRequest, buffer int64
		bytes              int // 61 + 21 + 1 + 2 + 1 are added
		want               error
	}{
		{"fits max.request.size", 1086, 1 << 20, 1000, nil},
		{"over max.request.size", 1085, 1 << 20, 1000, ErrRecordTooLarge},
		{"fits buffer.memory", 1 << 20, 1086, 1000, nil},
		{"over buffer.memory", 1 << 20, 1085, 1000, ErrRecordTooLarge},
	} {
		t.Run(tt.name, func(t *testing.T) {
			inBubble(t, 1, func(t *testing.T, r *rig) {
				cfg := articleConfig()
				cfg.MaxRequestSize, cfg.BufferMemory, cfg.BatchSize = tt.maxRequest, tt.buffer, 100
				c := r.start(cfg)
				err := c.sendRecord(&Record{Value: make([]byte, tt.bytes)})
				if !errors.Is(err, tt.want) {
					t.Errorf("Send: %v, want %v", err, tt.want)
				}
				if err == nil {
					c.allConfirmed()
				} else if n := c.Stats().RecordErrors; n != 1 {
					t.Errorf("%d record errors are counted, want 1", n)
				}
			})
		})
	}
}

// delivery.timeout.ms in the queue: to the nanosecond, and the memory comes back
// with it (KIP-91, RecordAccumulator.expiredBatches).
func TestExpiryInTheQueue(t *testing.T) {
	inBubble(t, 3, func(t *testing.T, r *rig) {
		cfg := articleConfig()
		c := r.start(cfg)
		r.wire.Cut()
		began := time.Now()
		for i := range 3 {
			c.mustSend(int32(i), 100_000)
			time.Sleep(time.Second)
		}
		for i, a := range c.await(3) {
			if got, want := a.at.Sub(began), time.Duration(i)*time.Second+cfg.DeliveryTimeout; !errors.Is(a.Err, ErrDeliveryTimeout) || got != want {
				t.Errorf("record %d: %v after %v, want %v after %v", i, a.Err, got, ErrDeliveryTimeout, want)
			}
		}
		synctest.Wait()
		if s := c.Stats(); s.BufferAvailable != s.BufferTotal || s.RecordErrors != 3 || s.BatchesSent != 0 {
			t.Errorf("%+v: want all memory back, 3 errors and nothing sent", s)
		}
		if n := c.sender.steps.Load(); n > 500 {
			t.Errorf("the sender looked %d times in an outage of 30 s", n)
		}
	})
}

// delivery.timeout.ms on the way: the answer is no, but the memory is the
// request's until that has ended; and what the broker does then is not told any
// more (Sender.getExpiredInflightBatches, maybeRemoveAndDeallocateBatchLater).
func TestExpiryOnTheWay(t *testing.T) {
	inBubble(t, 3, func(t *testing.T, r *rig) {
		cfg := articleConfig()
		cfg.Retries, cfg.DeliveryTimeout = 1, 10*time.Second
		c := r.start(cfg)
		r.ignore(1) // the first try times out after 8 s
		c.mustSend(0, 100_000)
		time.Sleep(time.Second)
		slow := true
		r.onProduce(func(*kmsg.ProduceRequest, *kmsg.ProduceResponse) bool {
			if slow {
				slow = false
				r.delay(5 * time.Second)
			}
			return false
		})
		time.Sleep(9*time.Second - time.Millisecond)
		if n := len(c.told()); n != 0 {
			t.Fatalf("%d answers before delivery.timeout.ms, want none", n)
		}
		time.Sleep(2 * time.Millisecond)
		if a := c.await(1)[0]; !errors.Is(a.Err, ErrDeliveryTimeout) {
			t.Errorf("%v, want %v", a.Err, ErrDeliveryTimeout)
		}
		if s := c.Stats(); s.BufferAvailable == s.BufferTotal || s.InFlight != 1 {
			t.Errorf("%+v: want the memory taken while the request is under way", s)
		}
		time.Sleep(5 * time.Second)
		if s := c.Stats(); s.BufferAvailable != s.BufferTotal || s.InFlight != 0 {
			t.Errorf("%+v: want the memory back after the request", s)
		}
		if n := len(r.read()[0]); n != 1 || len(c.told()) != 1 {
			t.Errorf("%d copies are in the log and %d answers came, want one no, and the record there all the same", n, len(c.told()))
		}
	})
}

// request.timeout.ms: the connection is closed, and with it everything that was
// under way on it has timed out; other brokers are not concerned
// (NetworkClient.handleTimedOutRequests, InFlightRequests.clearAll).
func TestRequestTimeout(t *testing.T) {
	inBubble(t, 3, func(t *testing.T, r *rig) {
		cfg := articleConfig()
		cfg.MaxInFlight, cfg.BatchSize = 5, 1
		c := r.start(cfg)
		r.onProduce(func(*kmsg.ProduceRequest, *kmsg.ProduceResponse) bool {
			if r.CurrentNode() == 0 {
				r.delay(time.Hour)
			}
			return false
		})
		began := time.Now()
		for range 3 {
			c.mustSend(0, 10)
			time.Sleep(time.Second)
		}
		c.mustSend(1, 10)
		c.await(4)
		for _, a := range c.told() {
			switch {
			case a.Partition == 1:
				if a.Err != nil {
					t.Errorf("the other broker's record: %v", a.Err)
				}
			case !errors.Is(a.Err, ErrRequestTimeout) || a.at.Sub(began) != cfg.RequestTimeout:
				t.Errorf("record %d: %v after %v, want %v after %v", a.n, a.Err, a.at.Sub(began), ErrRequestTimeout, cfg.RequestTimeout)
			}
		}
	})
}

// A connection that breaks ends what is under way on it with a NetworkException
// (NetworkClient.handleDisconnections), which is told at once if there is no try left.
func TestConnectionBreaks(t *testing.T) {
	inBubble(t, 3, func(t *testing.T, r *rig) {
		cfg := articleConfig()
		cfg.MaxInFlight, cfg.BatchSize = 5, 1
		c := r.start(cfg)
		r.ignore(-1)
		for range 3 {
			c.mustSend(0, 10)
		}
		time.Sleep(time.Second)
		r.wire.Cut(r.addr(0))
		synctest.Wait()
		for _, a := range c.told() {
			if !errors.Is(a.Err, ErrNetwork) {
				t.Errorf("record %d: %v, want %v", a.n, a.Err, ErrNetwork)
			}
		}
		if n := len(c.told()); n != 3 {
			t.Errorf("%d answers as the connection breaks, want 3", n)
		}
	})
}
