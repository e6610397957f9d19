package wire

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// throttles hears what the client is told.
type throttles struct {
	mu    sync.Mutex
	count int64
	total time.Duration
}

func (h *throttles) OnBrokerThrottle(_ kgo.BrokerMetadata, d time.Duration, _ bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.count++
	h.total += d
}

func (h *throttles) told() (int64, time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.count, h.total
}

func TestAClientUnderAQuota(t *testing.T) {
	for _, row := range []struct {
		story    string
		opts     []kgo.Opt
		swallows bool
	}{
		{story: "one request at a time", opts: []kgo.Opt{kgo.MaxProduceRequestsInflightPerBroker(1)}},
		{story: "five in flight", opts: []kgo.Opt{kgo.MaxProduceRequestsInflightPerBroker(5)}},
		{story: "answered by the wire itself", swallows: true},
	} {
		t.Run(row.story, func(t *testing.T) {
			inBubble(t, func(t *testing.T, r *rig) {
				const bytes, messages, perSecond = 10_000, 600, 1e5
				if row.swallows {
					r.wire.Swallow(1)
				}
				r.wire.SetQuota(Quota{BytesPerSecond: perSecond})
				var heard throttles
				client := r.client(append(row.opts, kgo.WithHooks(&heard), kgo.ProducerBatchMaxBytes(bytes+1000))...)
				begin := time.Now()
				for range messages {
					client.Produce(t.Context(), kgo.SliceRecord(make([]byte, bytes)), func(_ *kgo.Record, err error) {
						if err != nil {
							t.Error(err)
						}
					})
				}
				if err := client.Flush(t.Context()); err != nil {
					t.Fatal(err)
				}
				// A newcomer may send 1 MB at once. That counts until it is 11 s old,
				// and only then is there room for the next one: a burst every 11.3 s,
				// 6 MB with the last of six after five of these.
				if took := time.Since(begin).Seconds(); took < 55 || took > 58 {
					t.Errorf("6 MB at 100 kB/s took %.1f s, want about 56.5", took)
				}
				synctest.Wait()
				count, total := r.wire.Throttled()
				heardCount, heardTotal := heard.told()
				if count == 0 || count != heardCount || total != heardTotal {
					t.Errorf("the wire throttled %d times, %v in all; the client was told %d times, %v", count, total, heardCount, heardTotal)
				}
			})
		})
	}
}

func TestAQuotaWithoutAcknowledgement(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.wire.SetQuota(Quota{BytesPerSecond: 1e5})
		client := r.client(kgo.RequiredAcks(kgo.NoAck()), kgo.ProducerBatchMaxBytes(11_000))
		begin := time.Now()
		for range 300 {
			client.Produce(t.Context(), kgo.SliceRecord(make([]byte, 10_000)), nil)
		}
		// Bursts of 1 MB, one every 11.3 s: see above.
		time.Sleep(time.Until(begin.Add(15 * time.Second)))
		if got := len(r.logged()); got < 200 || got > 240 {
			t.Errorf("after 15 s the log holds %d records, want the 200 of two bursts and a few more", got)
		}
		time.Sleep(time.Until(begin.Add(25 * time.Second)))
		if got := len(r.logged()); got != 300 {
			t.Errorf("after 25 s the log holds %d records of 300", got)
		}
		if count, _ := r.wire.Throttled(); count == 0 {
			t.Error("nothing was throttled")
		}
	})
}

// Every client id has a quota of its own, at every broker; connections share it.
func TestAQuotaIsAClients(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.wire.SetQuota(Quota{BytesPerSecond: 1e5})
		var told [3]throttles
		for i, id := range []string{"a", "a", "b"} {
			client := r.client(kgo.ClientID(id), kgo.WithHooks(&told[i]))
			for range 6 {
				if err := client.ProduceSync(context.Background(), kgo.SliceRecord(make([]byte, 1e5))).FirstErr(); err != nil {
					t.Fatal(err)
				}
			}
		}
		for i, want := range []bool{false, true, false} { // 600, 1,200 and 600 kB of 1 MB
			if count, _ := told[i].told(); (count > 0) != want {
				t.Errorf("client %d was throttled %d times", i, count)
			}
		}
	})
}

func TestEachBrokerCountsForItself(t *testing.T) {
	var qs quotas
	qs.set(Quota{BytesPerSecond: 1000})
	for _, step := range []struct {
		addr      string
		throttled bool
	}{{"a:9092", false}, {"a:9092", true}, {"b:9092", false}} { // 8 kB each, of 10 kB credit
		if got := qs.charge(step.addr, "c", 8000) > 0; got != step.throttled {
			t.Errorf("at %s the client was throttled: %t, want %t", step.addr, got, step.throttled)
		}
	}
}

func TestAQuotaSetWhileConnectionsLive(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		client := r.client()
		send := func(n int) time.Duration {
			begin := time.Now()
			for range n {
				if err := client.ProduceSync(t.Context(), kgo.SliceRecord(make([]byte, 1e5))).FirstErr(); err != nil {
					t.Fatal(err)
				}
			}
			return time.Since(begin)
		}
		if took := send(50); took > time.Second {
			t.Errorf("without a quota 5 MB took %v", took)
		}
		r.wire.SetQuota(Quota{BytesPerSecond: 1e5})
		if took := send(30).Seconds(); took < 22 || took > 28 { // three bursts and no more
			t.Errorf("3 MB at 100 kB/s took %.1f s, want about 26", took)
		}
		r.wire.SetQuota(Quota{})
		send(1) // the one that is muted still
		if took := send(50); took > time.Second {
			t.Errorf("with the quota lifted 5 MB took %v", took)
		}
	})
}
