package producer

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"pgregory.net/rapid"

	"kafkasim.example/simd/internal/ledger"
)

// Errors.exception() instanceof RetriableException and InvalidMetadataException,
// as the Java client 4.4 has them.
func TestErrors(t *testing.T) {
	for _, tt := range []struct {
		err       error
		retriable bool
		stale     bool
		cause     ledger.Cause
	}{
		{nil, false, false, ledger.NoCause},
		{ErrNetwork, true, true, ledger.Connection},
		{ErrRequestTimeout, true, false, ledger.RequestTimeout}, // closing the connection asks for metadata
		{ErrDeliveryTimeout, false, false, ledger.DeliveryTimeout},
		{ErrBufferExhausted, false, false, ledger.BufferExhausted},
		{fmt.Errorf("%w: %w", ErrMetadataTimeout, kerr.UnknownTopicOrPartition), true, true, ledger.MetadataTimeout},
		{fmt.Errorf("%w: too large", ErrRecordTooLarge), false, false, ledger.RecordTooLarge},
		{ErrClosed, false, false, ledger.Closed},
		{errors.New("compressing failed"), false, false, ledger.Other},
		{kerr.UnknownServerError, false, false, ledger.Other},
		{kerr.CorruptMessage, true, false, 2},
		{kerr.UnknownTopicOrPartition, true, true, 3},
		{kerr.LeaderNotAvailable, true, true, 5},
		{kerr.NotLeaderForPartition, true, true, 6},
		{kerr.RequestTimedOut, true, false, 7},
		{kerr.BrokerNotAvailable, false, false, 8},
		{kerr.ReplicaNotAvailable, true, true, 9},
		{kerr.MessageTooLarge, false, false, 10},
		{kerr.NetworkException, true, true, 13},
		{kerr.InvalidTopicException, false, false, 17},
		{kerr.RecordListTooLarge, false, false, 18},
		{kerr.NotEnoughReplicas, true, false, 19},
		{kerr.NotEnoughReplicasAfterAppend, true, false, 20},
		{kerr.InvalidRequiredAcks, false, false, 21},
		{kerr.TopicAuthorizationFailed, false, false, 29},
		{kerr.UnsupportedForMessageFormat, false, false, 43},
		{kerr.PolicyViolation, false, false, 44},
		{kerr.OutOfOrderSequenceNumber, false, false, 45},
		{kerr.DuplicateSequenceNumber, false, false, 46},
		{kerr.InvalidProducerEpoch, false, false, 47},
		{kerr.KafkaStorageError, true, true, 56},
		{kerr.UnknownProducerID, false, false, 59},
		{kerr.ListenerNotFound, true, true, 72},
		{kerr.FencedLeaderEpoch, true, true, 74},
		{kerr.UnknownLeaderEpoch, true, false, 75},
		{kerr.InvalidRecord, false, false, 87},
		{kerr.ThrottlingQuotaExceeded, true, false, 89},
		{kerr.UnknownTopicID, true, true, 100},
		{kerr.InconsistentTopicID, true, true, 103},
	} {
		if retriable(tt.err) != tt.retriable || stale(tt.err) != tt.stale || Cause(tt.err) != tt.cause {
			t.Errorf("%v: retriable %v, stale %v, cause %v; want %v, %v, %v", tt.err, retriable(tt.err), stale(tt.err), Cause(tt.err), tt.retriable, tt.stale, tt.cause)
		}
	}
}

// ExponentialBackoff (KIP-580): doubled, spread by a fifth, never over the most.
func TestBackoff(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		first := time.Duration(rapid.IntRange(0, 1000).Draw(rt, "first")) * time.Millisecond
		most := time.Duration(rapid.IntRange(0, 3000).Draw(rt, "most")) * time.Millisecond
		failed := rapid.IntRange(1, 1<<31-1).Draw(rt, "failed")
		got := backoff(first, most, failed, rapid.Float64Range(0, 1).Draw(rt, "chance"))
		exact := most
		if most > first {
			for exact = first; failed > 1 && exact < most && exact > 0; failed-- {
				exact *= 2
			}
			exact = min(exact, most)
		}
		least, limit := exact, exact
		if most > first {
			least, limit = exact*8/10, min(exact*12/10, most)
		}
		if got < max(least-1, leastBackoff) || got > max(limit+1, leastBackoff) {
			rt.Fatalf("the wait is %v, want %v to %v, and at least %v", got, least, limit, leastBackoff)
		}
	})
}

// retries: how many tries a retriable error gets, and how long lies between
// them; any other error, and none left, is told at once (Sender.canRetry).
func TestRetries(t *testing.T) {
	for _, tt := range []struct {
		code    *kerr.Error
		retries int
		tries   int
	}{
		{kerr.NotEnoughReplicas, 0, 1},
		{kerr.NotEnoughReplicas, 6, 7},
		{kerr.InvalidRecord, 6, 1},
		{kerr.TopicAuthorizationFailed, 6, 1},
	} {
		t.Run(fmt.Sprintf("%s, %d", tt.code.Message, tt.retries), func(t *testing.T) {
			inBubble(t, 3, func(t *testing.T, r *rig) {
				cfg := articleConfig()
				cfg.Retries = tt.retries
				c := r.start(cfg)
				r.failAll(-1, tt.code.Code)
				c.mustSend(0, 10)
				if a := c.await(1)[0]; !errors.Is(a.Err, tt.code) {
					t.Errorf("%v, want %v", a.Err, tt.code)
				}
				reqs := r.requests()
				if len(reqs) != tt.tries {
					t.Fatalf("%d tries, want %d", len(reqs), tt.tries)
				}
				for i := 1; i < len(reqs); i++ {
					want := min(cfg.RetryBackoff<<(i-1), cfg.RetryBackoffMax)
					if got := reqs[i].at - reqs[i-1].at; got < want*8/10 || got > min(want*12/10, cfg.RetryBackoffMax) {
						t.Errorf("try %d came %v after the one before, want %v, a fifth more or less", i+1, got, want)
					}
				}
				if s := c.Stats(); s.RecordRetries != int64(tt.tries-1) || s.RecordErrors != 1 || s.RecordsSent != int64(tt.tries) {
					t.Errorf("%+v: want %d retries, one error and every try counted", s, tt.tries-1)
				}
			})
		})
	}
}

// An answer that says nothing of a batch is an error of the broker's.
func TestNoWordOnABatch(t *testing.T) {
	inBubble(t, 3, func(t *testing.T, r *rig) {
		c := r.start(articleConfig())
		r.onProduce(func(_ *kmsg.ProduceRequest, resp *kmsg.ProduceResponse) bool {
			resp.Topics = nil
			return true
		})
		c.mustSend(0, 10)
		if a := c.await(1)[0]; !errors.Is(a.Err, kerr.UnknownServerError) {
			t.Errorf("%v, want %v", a.Err, kerr.UnknownServerError)
		}
	})
}

// delivery.timeout.ms ends the tries, however many are left.
func TestDeliveryTimeoutEndsRetries(t *testing.T) {
	inBubble(t, 3, func(t *testing.T, r *rig) {
		cfg := articleConfig()
		cfg.Retries = 1 << 30
		c := r.start(cfg)
		r.failAll(-1, kerr.NotEnoughReplicas.Code)
		sent := time.Now()
		c.mustSend(0, 10)
		if a := c.await(1)[0]; !errors.Is(a.Err, ErrDeliveryTimeout) || a.at.Sub(sent) != cfg.DeliveryTimeout {
			t.Errorf("%v after %v, want %v after %v", a.Err, a.at.Sub(sent), ErrDeliveryTimeout, cfg.DeliveryTimeout)
		}
	})
}

// A broker that refuses connections gets no tries: what is for it waits in the
// queue, and goes out when it is back (NetworkClient.ready).
func TestRefusedDialIsNoTry(t *testing.T) {
	inBubble(t, 3, func(t *testing.T, r *rig) {
		c := r.start(articleConfig()) // retries 0
		c.mustSend(0, 10)
		c.await(1)
		r.wire.Cut()
		time.Sleep(time.Second)
		for range 5 {
			c.mustSend(0, 10)
			c.mustSend(1, 10)
			time.Sleep(time.Second)
		}
		r.wire.Restore()
		c.allConfirmed()
		if s := c.Stats(); s.RecordRetries != 0 {
			t.Errorf("%d records were tried again, want none", s.RecordRetries)
		}
		// The one for the broker that was connected finds out that it is not any more.
		got := sizes(r.requests())
		slices.Sort(got)
		if !slices.Equal(got, []int{1, 1, 4, 5}) {
			t.Errorf("the batches had %v records, want those that waited together", got)
		}
	})
}

// reconnect.backoff.ms: how often a broker that is away is dialed
// (ClusterConnectionStates.updateReconnectBackoff).
func TestReconnectBackoff(t *testing.T) {
	inBubble(t, 3, func(t *testing.T, r *rig) {
		cfg := articleConfig()
		cfg.MaxInFlight, cfg.MetadataMaxAge = 1, time.Hour
		var dials atomic.Int64
		opts := append(r.opts(), kgo.Dialer(func(ctx context.Context, network, addr string) (net.Conn, error) {
			if addr == r.addr(0) {
				dials.Add(1)
			}
			return r.wire.Dial(ctx, network, addr)
		}))
		p, err := New(cfg, opts...)
		if err != nil {
			t.Fatal(err)
		}
		defer p.Close(0)
		time.Sleep(time.Second)
		r.wire.Cut(r.addr(0))
		dials.Store(0)
		if err := p.Send(&Record{Key: keyFor(0, 3)}, func(Answer) {}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(20 * time.Second)
		// 50, 100, 200, 400, 800, 1000, 1000, ... ms: 22 or so for produce requests;
		// each makes the producer ask for metadata too, of any broker.
		if n := dials.Load(); n < 15 || n > 60 {
			t.Errorf("a broker that was away for 20 s was dialed %d times, want about 22, and some for metadata", n)
		}
		if n := p.sender.steps.Load(); n > 400 {
			t.Errorf("the sender looked %d times in 20 s", n)
		}
	})
}

// A connection that broke is not opened again before reconnect.backoff.ms
// (NetworkClient.processDisconnection, ClusterConnectionStates.disconnected).
func TestBackoffAfterABrokenConnection(t *testing.T) {
	inBubble(t, 3, func(t *testing.T, r *rig) {
		cfg := articleConfig()
		cfg.ReconnectBackoff, cfg.ReconnectBackoffMax = 3*time.Second, 3*time.Second
		c := r.start(cfg)
		r.ignore(1)
		c.mustSend(0, 10)
		time.Sleep(time.Second)
		r.wire.Cut(r.addr(0))
		r.wire.Restore(r.addr(0))
		broken := time.Now()
		c.mustSend(0, 10)
		if got := c.await(2)[1]; got.Err != nil || got.at.Sub(broken) != 3*time.Second {
			t.Errorf("the next record: %v after %v, want it written after 3 s", got.Err, got.at.Sub(broken))
		}
	})
}

// A leader that moved: the broker says who leads now, and the batch goes there
// without waiting (KIP-951); if the broker does not say it, the metadata is
// asked for first. Either way it is one retry.
func TestLeaderMoves(t *testing.T) {
	for _, told := range []bool{true, false} {
		t.Run(fmt.Sprintf("told %v", told), func(t *testing.T) {
			inBubble(t, 3, func(t *testing.T, r *rig) {
				cfg := javaDefaults()
				cfg.Linger = 0
				c := r.start(cfg)
				c.mustSend(0, 10)
				c.await(1)
				time.Sleep(time.Second)
				r.move(0, 2)
				if !told {
					r.failAll(1, kerr.NotLeaderForPartition.Code)
				}
				sent := time.Now()
				c.mustSend(0, 10)
				a := c.await(2)[1]
				if a.Err != nil || a.at.Sub(sent) > 2*time.Millisecond {
					t.Errorf("%v after %v, want it written at once", a.Err, a.at.Sub(sent))
				}
				reqs := r.requests()
				if last := reqs[len(reqs)-1]; len(reqs) != 3 || last.node != 2 {
					t.Errorf("%d requests, the last one to broker %d; want 3 and the new leader, broker 2", len(reqs), last.node)
				}
				if s := c.Stats(); s.RecordRetries != 1 {
					t.Errorf("%d retries, want 1", s.RecordRetries)
				}
			})
		})
	}
}

// A partition without a leader keeps its records, and the metadata is asked for
// again and again, ever less often, until there is one
// (Sender.sendProducerData, unknownLeaderTopics; Metadata.timeToAllowUpdate).
func TestNoLeader(t *testing.T) {
	inBubble(t, 3, func(t *testing.T, r *rig) {
		cfg := articleConfig()
		c := r.start(cfg)
		var asked atomic.Int64
		var gone atomic.Bool
		gone.Store(true)
		id := r.TopicInfo(topic).TopicID
		r.ControlKey(kmsg.Metadata.Int16(), func(kreq kmsg.Request) (kmsg.Response, error, bool) {
			r.KeepControl()
			req := kreq.(*kmsg.MetadataRequest)
			if !gone.Load() || len(req.Topics) == 0 {
				return nil, nil, false
			}
			asked.Add(1)
			resp := req.ResponseKind().(*kmsg.MetadataResponse)
			for i := range int32(3) {
				b := kmsg.NewMetadataResponseBroker()
				b.NodeID, b.Host, b.Port = i, "localhost", 9092+i
				resp.Brokers = append(resp.Brokers, b)
			}
			rt := kmsg.NewMetadataResponseTopic()
			rt.Topic, rt.TopicID = req.Topics[0].Topic, id
			for p := range int32(3) {
				rp := kmsg.NewMetadataResponseTopicPartition()
				rp.Partition, rp.Leader, rp.LeaderEpoch, rp.ErrorCode = p, -1, 5, kerr.LeaderNotAvailable.Code
				rt.Partitions = append(rt.Partitions, rp)
			}
			resp.Topics = append(resp.Topics, rt)
			return resp, nil, true
		})
		r.failAll(1, kerr.NotLeaderForPartition.Code) // retries 0: it fails, and shows that the metadata is stale
		c.mustSend(0, 10)
		c.await(1)
		time.Sleep(time.Second)
		for p := range int32(3) {
			c.mustSend(p, 10)
		}
		time.Sleep(20 * time.Second)
		if n := len(c.told()); n != 1 {
			t.Errorf("%d answers while there is no leader, want only the first", n)
		}
		if n := asked.Load(); n < 15 || n > 40 {
			t.Errorf("the metadata was asked for %d times in 20 s, want about one a second", n)
		}
		for p := range int32(3) {
			for range 6 {
				r.move(p, p) // newer than the epoch without a leader
			}
		}
		gone.Store(false)
		for _, a := range c.await(4)[1:] {
			if a.Err != nil {
				t.Errorf("record %d: %v, want it written once there is a leader", a.n, a.Err)
			}
		}
	})
}

// Metadata older than what is known is not believed (Metadata.updateLatestMetadata).
func TestOldMetadata(t *testing.T) {
	s := &sender{cfg: javaDefaults(), lookup: newLookup(), acc: new(accumulator), rng: rand.New(rand.NewPCG(1, 1))}
	adopt := func(leaders ...leader) bool { return s.adopt(newMetadata([16]byte{1}, leaders)) }
	adopt(leader{0, 5}, leader{1, 5})
	if adopt(leader{2, 4}, leader{1, 5}) {
		t.Error("an older epoch counts as news")
	}
	if got := s.metadata.leaders[0]; got != (leader{0, 5}) {
		t.Errorf("the leader is %v, want the newer one", got)
	}
	if !adopt(leader{2, 6}, leader{1, 5}) {
		t.Error("a newer epoch is no news")
	}
	if got := s.metadata.leaders[0]; got != (leader{2, 6}) {
		t.Errorf("the leader is %v, want the new one", got)
	}
	if adopt(leader{2, 6}) {
		t.Error("fewer partitions are believed")
	}
	s.heardOfLeader(0, kmsg.ProduceResponseTopicPartitionCurrentLeader{LeaderID: 1, LeaderEpoch: 6})
	if got := s.metadata.leaders[0]; got != (leader{2, 6}) {
		t.Errorf("the leader is %v, but the broker told of no newer epoch", got)
	}
	s.heardOfLeader(0, kmsg.ProduceResponseTopicPartitionCurrentLeader{LeaderID: 1, LeaderEpoch: 7})
	if got := s.metadata.leaders[0]; got != (leader{1, 7}) {
		t.Errorf("the leader is %v, want the one that the broker told of", got)
	}
	if got := s.metadata.ledBy[1]; len(got) != 2 {
		t.Errorf("broker 1 leads partitions %v, want both", got)
	}
}
