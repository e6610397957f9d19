package producer

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"go.uber.org/goleak"

	"kafkasim.example/simd/internal/wire"
)

// Every test in a bubble shows besides that nothing outlives Close: a bubble
// whose goroutines do not all end is an error.
func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const topic = "t"

// rig is three brokers in memory with one topic, whose partition p is led by
// broker p%3, and a wire before them.
type rig struct {
	*kfake.Cluster
	t    *testing.T
	net  kfake.VirtualNetwork
	wire *wire.Wire
	now  func() time.Duration // since the rig began
	over chan struct{}        // closed when the test is

	mu       sync.Mutex
	produced []produced
}

// produced is a produce request that a broker got.
type produced struct {
	at      time.Duration // by the rig's clock
	node    int32
	acks    int16
	batches []kmsg.RecordBatch
	parts   []int32 // the partition of each batch
	bytes   int     // of all batches
}

// inBubble runs f with a rig of so many partitions; all time in it is virtual.
func inBubble(t *testing.T, partitions int32, f func(t *testing.T, r *rig)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		f(t, newRig(t, partitions, nil))
	})
}

func newRig(t *testing.T, partitions int32, configs map[string]string) *rig {
	t.Helper()
	r := &rig{t: t, over: make(chan struct{})}
	var err error
	r.Cluster, err = kfake.NewCluster(kfake.NumBrokers(3), kfake.Ports(9092, 9093, 9094), kfake.ListenFn(r.net.Listen))
	if err != nil {
		t.Fatal(err)
	}
	r.wire = wire.New(r.net.DialContext)
	t.Cleanup(func() {
		if err := r.wire.Close(); err != nil {
			t.Error(err)
		}
		close(r.over)
		r.Close()
	})
	if err := r.CreateTopic(topic, partitions, configs); err != nil {
		t.Fatal(err)
	}
	for p := range partitions {
		r.move(p, p%3)
	}
	began := time.Now()
	r.now = func() time.Duration { return time.Since(began) }
	r.ControlKey(kmsg.Produce.Int16(), func(kreq kmsg.Request) (kmsg.Response, error, bool) {
		got := produced{at: r.now(), node: r.CurrentNode()}
		req := kreq.(*kmsg.ProduceRequest)
		got.acks = req.Acks
		for _, t := range req.Topics {
			for _, p := range t.Partitions {
				var b kmsg.RecordBatch
				if err := b.ReadFrom(p.Records); err != nil {
					panic(err)
				}
				got.batches, got.parts, got.bytes = append(got.batches, b), append(got.parts, p.Partition), got.bytes+len(p.Records)
			}
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		r.produced = append(r.produced, got)
		return nil, nil, false
	})
	return r
}

// tcpRig is three brokers on the loopback interface.
type tcpRig struct{ *kfake.Cluster }

func newTCPRig(tb testing.TB) *tcpRig {
	tb.Helper()
	cluster, err := kfake.NewCluster(kfake.NumBrokers(3), kfake.SeedTopics(9, topic))
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(cluster.Close)
	return &tcpRig{cluster}
}

func (r *tcpRig) opts() []kgo.Opt { return []kgo.Opt{kgo.SeedBrokers(r.ListenAddrs()...)} }

func (r *rig) move(partition, node int32) {
	r.t.Helper()
	if err := r.MoveTopicPartition(topic, partition, node); err != nil {
		r.t.Fatal(err)
	}
}

// addr is the address of a broker.
func (r *rig) addr(node int32) string { return r.ListenAddrs()[node] }

// requests are the produce requests that came so far.
func (r *rig) requests() []produced {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]produced(nil), r.produced...)
}

// onProduce has f deal with produce requests from now on: it changes the answer
// that it is given, with a word for each partition, and says whether to give it
// instead of the broker's. stop ends that.
func (r *rig) onProduce(f func(req *kmsg.ProduceRequest, resp *kmsg.ProduceResponse) bool) (stop func()) {
	stopped := false
	r.ControlKey(kmsg.Produce.Int16(), func(kreq kmsg.Request) (kmsg.Response, error, bool) {
		r.KeepControl()
		req := kreq.(*kmsg.ProduceRequest)
		resp := req.ResponseKind().(*kmsg.ProduceResponse)
		for _, t := range req.Topics {
			rt := kmsg.NewProduceResponseTopic()
			rt.Topic, rt.TopicID = t.Topic, t.TopicID
			for _, p := range t.Partitions {
				rp := kmsg.NewProduceResponseTopicPartition()
				rp.Partition, rp.BaseOffset, rp.LogStartOffset = p.Partition, -1, -1
				rt.Partitions = append(rt.Partitions, rp)
			}
			resp.Topics = append(resp.Topics, rt)
		}
		r.mu.Lock()
		off := stopped
		r.mu.Unlock()
		if off || !f(req, resp) {
			return nil, nil, false
		}
		return resp, nil, true
	})
	return func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		stopped = true
	}
}

// failAll has brokers answer the next n produce requests (-1: all of them) with
// this error, for each partition.
func (r *rig) failAll(n int, code int16) (stop func()) {
	return r.onProduce(func(_ *kmsg.ProduceRequest, resp *kmsg.ProduceResponse) bool {
		if n == 0 {
			return false
		}
		n--
		for i := range resp.Topics[0].Partitions {
			resp.Topics[0].Partitions[i].ErrorCode = code
		}
		return true
	})
}

// delay holds the request up that a control function has before it. For one
// broker only: kfake has a data race where several do that at once.
func (r *rig) delay(d time.Duration) {
	r.SleepControl(func() {
		select {
		case <-time.After(d):
		case <-r.over:
		}
	})
}

// ignore has brokers never answer the next n produce requests (-1: any).
func (r *rig) ignore(n int) {
	r.ControlKey(kmsg.Produce.Int16(), func(kmsg.Request) (kmsg.Response, error, bool) {
		if n == 0 {
			return nil, nil, false
		}
		n--
		r.KeepControl()
		return nil, nil, true
	})
}

func (r *rig) opts() []kgo.Opt {
	return []kgo.Opt{kgo.SeedBrokers(r.ListenAddrs()...), kgo.Dialer(r.wire.Dial)}
}

// javaDefaults are the defaults of the Java client 4.x.
func javaDefaults() Config {
	return Config{
		ClientID: "app", Topic: topic, Acks: -1, BufferMemory: 32 << 20, BatchSize: 16384, MaxRequestSize: 1 << 20,
		Retries: 1<<31 - 1, MaxInFlight: 5, Idempotence: true, MaxBlock: time.Minute, Linger: 5 * time.Millisecond,
		DeliveryTimeout: 2 * time.Minute, RequestTimeout: 30 * time.Second, RetryBackoff: 100 * time.Millisecond,
		RetryBackoffMax: time.Second, ReconnectBackoff: 50 * time.Millisecond, ReconnectBackoffMax: time.Second, MetadataMaxAge: 5 * time.Minute,
	}
}

// articleConfig is the configuration of the experiments: no retries, one
// request at a time, no lingering.
func articleConfig() Config {
	c := javaDefaults()
	c.Acks, c.Idempotence, c.Retries, c.MaxInFlight, c.Linger = 1, false, 0, 1, 0
	c.BufferMemory, c.MaxBlock, c.DeliveryTimeout, c.RequestTimeout = 2<<20, 5*time.Second, 30*time.Second, 8*time.Second
	return c
}

// start starts a producer that knows the topic, and its own id, already, and
// closes it at the end of the test, if the test has not.
func (r *rig) start(cfg Config) *client {
	r.t.Helper()
	p, err := New(cfg, r.opts()...)
	if err != nil {
		r.t.Fatal(err)
	}
	c := &client{Producer: p, t: r.t, news: make(chan struct{}, 1)}
	r.t.Cleanup(func() { p.Close(0) })
	for p.Partitions() == 0 {
		time.Sleep(time.Millisecond)
	}
	time.Sleep(time.Millisecond)
	return c
}

// client is a producer that keeps the answers.
type client struct {
	*Producer
	t *testing.T

	news    chan struct{} // capacity 1: there is another answer
	mu      sync.Mutex
	answers []told
	asked   int
}

// told is the answer to the nth record sent.
type told struct {
	n  int
	at time.Time
	Answer
}

// send sends a record to the partition, with a value of so many bytes.
func (c *client) send(partition int32, bytes int) error {
	return c.sendRecord(&Record{Key: keyFor(partition, c.Partitions()), Value: make([]byte, bytes)})
}

func (c *client) sendRecord(r *Record) error {
	c.mu.Lock()
	n := c.asked
	c.asked++
	c.mu.Unlock()
	return c.Send(r, func(a Answer) {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.answers = append(c.answers, told{n, time.Now(), a})
		select {
		case c.news <- struct{}{}:
		default:
		}
	})
}

// mustSend is send, where there is nothing to stop it.
func (c *client) mustSend(partition int32, bytes int) {
	c.t.Helper()
	if err := c.send(partition, bytes); err != nil {
		c.t.Fatal(err)
	}
}

// told are the answers so far.
func (c *client) told() []told {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]told(nil), c.answers...)
}

// await waits until so many answers have come, and returns them.
func (c *client) await(n int) []told {
	c.t.Helper()
	deadline := time.After(3 * time.Hour)
	for len(c.told()) < n {
		select {
		case <-c.news:
		case <-deadline:
			c.t.Fatalf("%d answers came in three hours, want %d", len(c.told()), n)
		}
	}
	return c.told()
}

// allConfirmed fails the test unless every record sent was answered with yes.
func (c *client) allConfirmed() {
	c.t.Helper()
	c.mu.Lock()
	asked := c.asked
	c.mu.Unlock()
	for _, a := range c.await(asked) {
		if a.Err != nil {
			c.t.Fatalf("record %d: %v", a.n, a.Err)
		}
	}
}

// keyFor is a key that belongs to the partition. Its length is always the same.
func keyFor(partition int32, partitions int) []byte {
	for i := 0; ; i++ {
		if key := fmt.Appendf(nil, "k%05d", i); byKey(key, partitions) == partition {
			return key
		}
	}
}

// read reads the topic's whole log, each partition's records in order.
func (r *rig) read() map[int32][]*kgo.Record {
	r.t.Helper()
	want := 0
	for _, p := range r.PartitionInfos(topic) {
		want += int(p.HighWatermark)
	}
	reader, err := kgo.NewClient(kgo.SeedBrokers(r.ListenAddrs()...), kgo.Dialer(r.net.DialContext), kgo.ConsumeTopics(topic))
	if err != nil {
		r.t.Fatal(err)
	}
	defer reader.Close()
	log := make(map[int32][]*kgo.Record)
	for got := 0; got < want; {
		fetches := reader.PollFetches(context.Background())
		if err := fetches.Err(); err != nil {
			r.t.Fatal(err)
		}
		fetches.EachRecord(func(kr *kgo.Record) {
			log[kr.Partition] = append(log[kr.Partition], kr)
			got++
		})
	}
	return log
}
