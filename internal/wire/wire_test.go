package wire

import (
	"context"
	"errors"
	"net"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// A rig is a cluster of one broker with topic t, and a wire before it.
type rig struct {
	t       *testing.T
	cluster *kfake.Cluster
	network *kfake.VirtualNetwork
	wire    *Wire
	addr    string
}

// inBubble runs f with a rig in a synctest bubble: all time in it is virtual.
func inBubble(t *testing.T, f func(t *testing.T, r *rig)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		f(t, newRig(t))
	})
}

func newRig(t *testing.T) *rig {
	t.Helper()
	var network kfake.VirtualNetwork
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(1, "t"),
		kfake.BrokerConfigs(map[string]string{"message.max.bytes": "4194304"}), kfake.ListenFn(network.Listen))
	if err != nil {
		t.Fatal(err)
	}
	r := &rig{t: t, cluster: cluster, network: &network, wire: New(network.DialContext), addr: cluster.ListenAddrs()[0]}
	t.Cleanup(func() {
		if err := r.wire.Close(); err != nil {
			t.Error(err)
		}
		cluster.Close()
	})
	return r
}

// client returns a client whose connections go through the wire.
func (r *rig) client(opts ...kgo.Opt) *kgo.Client {
	r.t.Helper()
	return r.dialing(r.wire.Dial, opts...)
}

// direct returns a client that knows nothing of the wire.
func (r *rig) direct(opts ...kgo.Opt) *kgo.Client {
	r.t.Helper()
	return r.dialing(r.network.DialContext, opts...)
}

func (r *rig) dialing(dial DialFunc, opts ...kgo.Opt) *kgo.Client {
	r.t.Helper()
	client, err := kgo.NewClient(append([]kgo.Opt{
		kgo.SeedBrokers(r.addr), kgo.Dialer(dial), kgo.DefaultProduceTopic("t"),
		kgo.RequiredAcks(kgo.LeaderAck()), kgo.DisableIdempotentWrite(), kgo.DisableClientMetrics(),
		kgo.ProducerBatchCompression(kgo.NoCompression()), kgo.ProducerLinger(0),
		kgo.ProducerBatchMaxBytes(2 << 20), kgo.MetadataMinAge(10 * time.Millisecond),
	}, opts...)...)
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(client.Close)
	return client
}

// logged returns the values in the topic's log.
func (r *rig) logged() []string {
	r.t.Helper()
	reader := r.direct(kgo.ConsumeTopics("t"), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Second)
	defer cancel()
	var values []string
	for ctx.Err() == nil {
		reader.PollFetches(ctx).EachRecord(func(rec *kgo.Record) { values = append(values, string(rec.Value)) })
	}
	reader.Close()
	return values
}

func produce(client *kgo.Client, value string) error {
	return client.ProduceSync(context.Background(), kgo.StringRecord(value)).FirstErr()
}

func TestWhatIsSentArrives(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		client := r.client()
		big := strings.Repeat("x", 1_500_000) // more than a stream holds
		for _, value := range []string{"small", big} {
			if err := produce(client, value); err != nil {
				t.Fatal(err)
			}
		}
		got := r.logged()
		if len(got) != 2 || got[0] != "small" || got[1] != big {
			t.Errorf("the log holds %d values", len(got))
		}
	})
}

func TestCutRefusesUntilRestored(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		client := r.client()
		if err := produce(client, "before"); err != nil {
			t.Fatal(err)
		}
		conn, err := r.wire.Dial(t.Context(), "tcp", r.addr)
		if err != nil {
			t.Fatal(err)
		}

		r.wire.Cut()
		if _, err := conn.Read(make([]byte, 1)); !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("a cut connection reads %v, want ECONNRESET", err)
		}
		if _, err := conn.Write(make([]byte, 1)); !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("a cut connection writes %v, want ECONNRESET", err)
		}
		if _, err := r.wire.Dial(t.Context(), "tcp", r.addr); !errors.Is(err, syscall.ECONNREFUSED) {
			t.Errorf("dialing a cut address: %v, want ECONNREFUSED", err)
		}
		done := make(chan error, 1)
		client.Produce(t.Context(), kgo.StringRecord("during"), func(_ *kgo.Record, err error) { done <- err })
		time.Sleep(time.Minute)
		select {
		case err := <-done:
			t.Fatalf("a record was settled during the cut: %v", err)
		default:
		}

		r.wire.Restore(r.addr)
		if err := <-done; err != nil {
			t.Errorf("after the cut: %v", err)
		}
		if got := r.logged(); len(got) != 2 {
			t.Errorf("the log holds %q", got)
		}
	})
}

// The same over real connections, where time is real too: so nothing here says
// how long anything takes.
func TestOverTCP(t *testing.T) {
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(1, "t"))
	if err != nil {
		t.Fatal(err)
	}
	defer cluster.Close()
	r := &rig{t: t, wire: New(new(net.Dialer).DialContext), addr: cluster.ListenAddrs()[0]}
	client := r.client()
	for _, value := range []string{"small", strings.Repeat("x", 500_000)} {
		if err := produce(client, value); err != nil {
			t.Fatal(err)
		}
	}
	r.wire.SetQuota(Quota{BytesPerSecond: 1e6, Window: 10 * time.Millisecond})
	for range 2 {
		if err := produce(client, strings.Repeat("x", 200_000)); err != nil {
			t.Fatal(err)
		}
	}
	if count, _ := r.wire.Throttled(); count == 0 {
		t.Error("200 kB at once were not throttled, and the credit is 100 kB")
	}
	r.wire.SetQuota(Quota{})

	conn, err := r.wire.Dial(t.Context(), "tcp", r.addr)
	if err != nil {
		t.Fatal(err)
	}
	r.wire.Cut()
	if _, err := conn.Read(make([]byte, 1)); !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("a cut connection reads %v, want ECONNRESET", err)
	}
	r.wire.Restore()
	if err := produce(client, "after"); err != nil {
		t.Errorf("after the cut: %v", err)
	}
	if err := r.wire.Close(); err != nil {
		t.Error(err)
	}
}
