package broker

import (
	"context"
	"encoding/binary"
	"fmt"
	"log/slog"
	"math"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// EmbedConfig describes a cluster inside this process.
type EmbedConfig struct {
	Brokers int          // how many; 0 means 3
	Logger  *slog.Logger // nil: silent
}

// firstPort is the port of the embedded broker 0, the next ones follow. They are
// names only: the network that they are in is this cluster's own.
const firstPort = 9092

// Embed starts a cluster inside this process, within about a millisecond. Its
// connections are in memory, so that it can live in a testing/synctest bubble.
// All its data is in memory too: see [Cluster.ReadLog] for how that stays small.
func Embed(ctx context.Context, cfg EmbedConfig) (*Cluster, error) {
	if err := context.Cause(ctx); err != nil {
		return nil, err
	}
	if cfg.Brokers < 0 {
		return nil, fmt.Errorf("an embedded cluster of %d brokers is impossible: want 1 or more, or 0 for the default of 3", cfg.Brokers)
	}
	if cfg.Brokers == 0 {
		cfg.Brokers = 3
	}
	f := &fake{}
	ports := make([]int, cfg.Brokers)
	for i := range ports {
		ports[i] = firstPort + i
	}
	var err error
	f.cluster, err = kfake.NewCluster(
		kfake.Ports(ports...),
		kfake.ListenFn(f.listen),
		kfake.ClusterID("simd-embedded"),
	)
	if err != nil {
		return nil, fmt.Errorf("starting the embedded cluster: %w", err)
	}
	f.cluster.ControlKey(int16(kmsg.OffsetForLeaderEpoch), f.neverParts)
	seeds := f.cluster.ListenAddrs()
	c, err := newCluster("embedded", seeds, f.net.DialContext, nil, cfg.Logger)
	if err != nil {
		f.close()
		return nil, fmt.Errorf("starting the embedded cluster: %w", err)
	}
	c.fake = f
	c.addrs = make(map[int32]string)
	for id, addr := range seeds {
		c.addrs[int32(id)] = addr
	}
	return c, nil
}

// fake is the embedded cluster and the network that it is in.
type fake struct {
	cluster *kfake.Cluster
	net     kfake.VirtualNetwork
	conns   sync.WaitGroup // the brokers' ends of all connections, listeners included

	moved atomic.Int64 // when leaders moved last, in nanoseconds since 1970

	mu     sync.RWMutex // kfake's admin functions hang for ever once it is closed
	closed bool
}

// move gives a partition another leader.
func (f *fake) move(topic string, partition, to int32) error {
	defer func() { f.moved.Store(time.Now().UnixNano()) }()
	return f.do(func(k *kfake.Cluster) error { return k.MoveTopicPartition(topic, partition, to) })
}

// neverParts answers who asks, after a change of leaders, up to where a log is
// still the one that was read (KIP-320): to its end, whatever that is. kfake loses
// nothing when leaders move, but says "to its beginning" for a log whose records
// are all deleted, and "nobody knows" for one that its new leader has not written
// to: consumers would read it again, back from a minute before.
func (f *fake) neverParts(kreq kmsg.Request) (kmsg.Response, error, bool) { //nolint:revive // the order of results is kfake's
	f.cluster.KeepControl()
	req := kreq.(*kmsg.OffsetForLeaderEpochRequest)
	resp := req.ResponseKind().(*kmsg.OffsetForLeaderEpochResponse)
	for _, rt := range req.Topics {
		t := kmsg.NewOffsetForLeaderEpochResponseTopic()
		t.Topic = rt.Topic
		for _, rp := range rt.Partitions {
			p := kmsg.NewOffsetForLeaderEpochResponseTopicPartition()
			p.Partition, p.LeaderEpoch, p.EndOffset = rp.Partition, rp.LeaderEpoch, math.MaxInt64
			t.Partitions = append(t.Partitions, p)
		}
		resp.Topics = append(resp.Topics, t)
	}
	return resp, nil, true
}

// do runs an admin function of kfake's, unless it is closed.
func (f *fake) do(fn func(*kfake.Cluster) error) error {
	f.mu.RLock()
	defer f.mu.RUnlock()
	if f.closed {
		return errClosed
	}
	return fn(f.cluster)
}

// close stops the cluster and waits until it has let go of every connection:
// kfake's own Close only tells its goroutines to stop.
func (f *fake) close() {
	f.mu.Lock()
	f.closed = true
	f.mu.Unlock()
	f.cluster.Close()
	f.conns.Wait()
}

// listen is the virtual network's, with the connections counted.
func (f *fake) listen(network, addr string) (net.Listener, error) {
	l, err := f.net.Listen(network, addr)
	if err != nil {
		return nil, err
	}
	f.conns.Add(1)
	return &listener{Listener: l, fake: f, done: sync.OnceFunc(f.conns.Done)}, nil
}

type listener struct {
	net.Listener
	fake *fake
	done func()
}

// Accept hands out connections until the listener is closed, which counts itself
// until then: a connection that is just being accepted must not slip by.
func (l *listener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		l.done()
		return nil, err
	}
	l.fake.conns.Add(1)
	closed := make(chan struct{})
	return &conn{Conn: c, fake: l.fake, closed: closed, done: sync.OnceFunc(func() {
		close(closed)
		l.fake.conns.Done()
	})}, nil
}

// conn is a broker's end of a connection.
type conn struct {
	net.Conn
	fake   *fake
	closed chan struct{}
	done   func()
	sized  bool // what was read last was the size of a request; kfake's own
}

func (c *conn) Close() error {
	defer c.done()
	return c.Conn.Close()
}

// Read holds fetches up for a moment when leaders have just moved. Told that a
// partition is elsewhere, or that its leader has a new term, franz-go fetches it
// again at once, and again, until its next look at the cluster's metadata (up to
// 250 ms later). With nothing but memory in between, that is a core's work for as
// long; and in a bubble it is without end, for the clock stands still while
// somebody works. Other requests must not be held up: franz-go has mutexes locked
// while it waits for some of them, and who waits for a mutex counts as working.
func (c *conn) Read(b []byte) (int, error) {
	const hold, unrest = 2 * time.Millisecond, time.Second
	n, err := c.Conn.Read(b)
	// kfake reads the four bytes of a request's size, and then the request, which
	// begins with two bytes for its kind.
	begins := c.sized && n >= 2
	c.sized = n == 4 && len(b) == 4
	if begins && kmsg.Key(binary.BigEndian.Uint16(b)) == kmsg.Fetch && time.Since(time.Unix(0, c.fake.moved.Load())) < unrest {
		select {
		case <-time.After(hold):
		case <-c.closed:
		}
	}
	return n, err
}
