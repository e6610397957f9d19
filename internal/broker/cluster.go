package broker

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"maps"
	"net"
	"slices"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sasl"
)

// Prefix begins the name of everything that simd makes on a cluster: topics,
// consumer groups, client ids with a quota. Nothing here touches what is called
// otherwise.
const Prefix = "simd-"

// DialFunc dials a broker, as [net.Dialer.DialContext] does. The wire's is the same.
type DialFunc = func(ctx context.Context, network, addr string) (net.Conn, error)

// Cluster is a Kafka cluster, embedded or somewhere else. Its methods may be
// called from any goroutine. Whoever has opened one closes it, after
// the clients that use it.
type Cluster struct {
	name  string
	seeds []string
	addrs map[int32]string // broker id -> address; written once, before use
	dial  DialFunc
	sasl  sasl.Mechanism // nil: none
	log   *slog.Logger

	client *kgo.Client // for requests only; it neither produces nor consumes
	admin  *kadm.Client
	fake   *fake // nil: the cluster runs elsewhere

	mu     sync.Mutex
	closed bool
	open   map[closer]struct{} // readers and consumers that run
	trims  map[string]*trim    // by topic; embedded only
}

type closer interface{ Close() }

// Name is "embedded", or the addresses that the cluster was reached by.
func (c *Cluster) Name() string { return c.name }

// Embedded reports whether the cluster lives in this process.
func (c *Cluster) Embedded() bool { return c.fake != nil }

// Dial dials a broker as every client of this cluster must: in memory for an
// embedded one, with TLS where it was asked for. A wire goes in front of it.
func (c *Cluster) Dial() DialFunc { return c.dial }

// Seeds are the addresses to start from, host:port.
func (c *Cluster) Seeds() []string { return slices.Clone(c.seeds) }

// Opts are the options of a client that connects directly: seeds, dialer,
// security. A later [kgo.Dialer] puts a wire between.
func (c *Cluster) Opts() []kgo.Opt {
	opts := []kgo.Opt{
		kgo.SeedBrokers(c.seeds...),
		kgo.Dialer(c.dial),
		kgo.WithLogger(kgoLogger{c.log}),
		// KIP-714 pushes the client's own figures to the broker: traffic that the
		// Java client of the article does not make, and a second more to close.
		kgo.DisableClientMetrics(),
		// After a change of leaders, ask again soon: the default waits 5 s.
		kgo.MetadataMinAge(250 * time.Millisecond),
	}
	if c.sasl != nil {
		opts = append(opts, kgo.SASL(c.sasl))
	}
	return opts
}

// BrokerIDs are the ids of the brokers that the cluster had when it was opened,
// in ascending order.
func (c *Cluster) BrokerIDs() []int32 {
	return slices.Sorted(maps.Keys(c.addrs))
}

// Addr is the address that clients dial for a broker, host:port; "" when there
// was no such broker when the cluster was opened.
func (c *Cluster) Addr(brokerID int32) string { return c.addrs[brokerID] }

// Close ends every reader and consumer that is still open, and an embedded
// cluster with all its data, and waits for them.
func (c *Cluster) Close() error {
	c.mu.Lock()
	if c.closed {
		c.mu.Unlock()
		return nil
	}
	c.closed = true
	open := slices.Collect(maps.Keys(c.open))
	c.mu.Unlock()

	for _, o := range open {
		o.Close()
	}
	c.client.Close()
	if c.fake != nil {
		c.fake.close()
	}
	return nil
}

// errClosed is what every method answers after Close.
var errClosed = errors.New("the cluster is closed")

// enter registers something that Close must end first.
func (c *Cluster) enter(o closer) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return errClosed
	}
	c.open[o] = struct{}{}
	return nil
}

func (c *Cluster) leave(o closer) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.open, o)
}

// newCluster makes the parts that both kinds share. It connects to nothing yet.
func newCluster(name string, seeds []string, dial DialFunc, mech sasl.Mechanism, log *slog.Logger) (*Cluster, error) {
	c := &Cluster{
		name:  name,
		seeds: seeds,
		dial:  dial,
		sasl:  mech,
		log:   cmp.Or(log, slog.New(slog.DiscardHandler)),
		open:  make(map[closer]struct{}),
		trims: make(map[string]*trim),
	}
	client, err := kgo.NewClient(append(c.Opts(), kgo.ClientID(adminClientID))...)
	if err != nil {
		return nil, err
	}
	c.client, c.admin = client, kadm.NewClient(client)
	return c, nil
}

// Client ids of this room's own clients; none of them is ever given a quota.
const (
	adminClientID  = "simd-admin"
	readerClientID = "simd-log-reader"
)

// kgoLogger hands the client's warnings and errors on; its info is about every
// connection, and its debug about every request.
type kgoLogger struct{ log *slog.Logger }

func (l kgoLogger) Level() kgo.LogLevel {
	if l.log.Enabled(context.Background(), slog.LevelDebug) {
		return kgo.LogLevelInfo
	}
	return kgo.LogLevelWarn
}

func (l kgoLogger) Log(level kgo.LogLevel, msg string, keyvals ...any) {
	// Even a client's error is no error of ours: most say that a broker is away,
	// which is what happens in an outage that somebody asked for.
	to := slog.LevelDebug
	if level == kgo.LogLevelError {
		to = slog.LevelWarn
	}
	l.log.Log(context.Background(), to, msg, keyvals...)
}
