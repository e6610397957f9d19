package broker

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// connectWithin is how long a cluster has to answer when it is connected to.
const connectWithin = 10 * time.Second

// ConnectConfig says where a cluster is and how it is entered.
type ConnectConfig struct {
	Brokers []string    // addresses to start from, host:port
	TLS     *tls.Config // nil: no TLS; see [TLSFiles]
	SASL    SASL        // the zero value: none
	Logger  *slog.Logger
}

// Connect enters a cluster that runs elsewhere. Within 10 s it has made sure that
// every broker answers at the address that the cluster gives for it, or says what
// is wrong. It changes nothing there.
func Connect(ctx context.Context, cfg ConnectConfig) (*Cluster, error) {
	if len(cfg.Brokers) == 0 {
		return nil, errors.New("no broker to connect to: want one or more addresses, host:port")
	}
	for _, addr := range cfg.Brokers {
		if host, port, err := net.SplitHostPort(addr); err != nil || host == "" || port == "" {
			return nil, fmt.Errorf("broker address %q is not understood: want host:port", addr)
		}
	}
	mech, err := cfg.SASL.mechanism()
	if err != nil {
		return nil, err
	}
	name := strings.Join(cfg.Brokers, ",")
	d := &dialer{tls: cfg.TLS, said: make(map[string]error)}
	c, err := newCluster(name, slices.Clone(cfg.Brokers), d.dial, mech, cfg.Logger)
	if err != nil {
		return nil, fmt.Errorf("connecting to %s: %w", name, err)
	}
	ctx, cancel := context.WithTimeout(ctx, connectWithin)
	defer cancel()
	if err := c.probe(ctx, d, cfg); err != nil {
		c.client.Close()
		return nil, err
	}
	return c, nil
}

// probe asks the cluster for its brokers, and each broker whether it answers.
func (c *Cluster) probe(ctx context.Context, d *dialer, cfg ConnectConfig) error {
	m, err := c.admin.BrokerMetadata(ctx)
	if err != nil {
		return fmt.Errorf("no Kafka cluster answers at %s: %w", c.name, d.why(err, cfg, c.seeds...))
	}
	c.addrs = make(map[int32]string)
	for _, b := range m.Brokers {
		c.addrs[b.NodeID] = net.JoinHostPort(b.Host, strconv.Itoa(int(b.Port)))
	}
	var (
		asked sync.WaitGroup
		mu    sync.Mutex
		mute  = make(map[int32]error)
	)
	for id, addr := range c.addrs {
		asked.Go(func() {
			_, err := c.client.Broker(int(id)).Request(ctx, kmsg.NewPtrApiVersionsRequest())
			if err == nil {
				return
			}
			mu.Lock()
			defer mu.Unlock()
			mute[id] = fmt.Errorf("%s answers, but not its broker %d at %s, which is the address that the cluster gives to its clients (advertised.listeners): %w",
				c.name, id, addr, d.why(err, cfg, addr))
		})
	}
	asked.Wait()
	for _, id := range slices.Sorted(maps.Keys(mute)) {
		return mute[id] // the others' trouble is most likely the same
	}
	return nil
}

// dialer dials, and remembers what the last dial of each address came to: the
// client's own error often says only that time has run out.
type dialer struct {
	tls *tls.Config // nil: none
	net net.Dialer

	mu   sync.Mutex
	said map[string]error
}

func (d *dialer) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	conn, err := d.connect(ctx, network, addr)
	d.mu.Lock()
	defer d.mu.Unlock()
	d.said[addr] = err
	return conn, err
}

func (d *dialer) connect(ctx context.Context, network, addr string) (net.Conn, error) {
	if d.tls == nil {
		return d.net.DialContext(ctx, network, addr)
	}
	// The server's name is the address's host, unless the configuration says another.
	conn, err := (&tls.Dialer{NetDialer: &d.net, Config: d.tls}).DialContext(ctx, network, addr)
	if _, named := errors.AsType[*net.OpError](err); err != nil && !named {
		err = fmt.Errorf("TLS with %s: %w", addr, err)
	}
	return conn, err
}

// why turns the client's error into what went wrong at the addresses, and what
// would be right.
func (d *dialer) why(err error, cfg ConnectConfig, addrs ...string) error {
	d.mu.Lock()
	var said error
	for _, addr := range addrs {
		switch dialed := d.said[addr]; {
		case dialed == nil:
		case said == nil:
			said = dialed
		default:
			said = fmt.Errorf("%w; %w", said, dialed)
		}
	}
	d.mu.Unlock()
	if said != nil {
		err = said
	}
	if hint := advice(err, cfg); hint != "" {
		return fmt.Errorf("%w (%s)", err, hint)
	}
	return err
}

// advice is what to do about an error at the door; "" when it speaks for itself.
func advice(err error, cfg ConnectConfig) string {
	_, untrusted := errors.AsType[*tls.CertificateVerificationError](err)
	_, noTLS := errors.AsType[tls.RecordHeaderError](err)
	_, alert := errors.AsType[tls.AlertError](err)
	_, hungUp := errors.AsType[*kgo.ErrFirstReadEOF](err)
	user := fmt.Sprintf("user %q with %s", cfg.SASL.User, cfg.SASL.Mechanism)
	switch {
	case hungUp:
		return "" // it says which of TLS and SASL may be missing
	case untrusted:
		return "trust the authority that signed the broker's certificate, and reach the broker by a name that the certificate carries"
	case noTLS:
		return "the broker speaks no TLS there: connect without, or to its TLS port"
	case alert:
		return "the broker did not take our side of TLS: it may ask for a certificate of ours"
	case errors.Is(err, kerr.SaslAuthenticationFailed):
		return user + " was not let in: check the password, and that the user exists"
	case errors.Is(err, kerr.UnsupportedSaslMechanism), errors.Is(err, kerr.IllegalSaslState):
		return "the broker does not let users in by " + cfg.SASL.Mechanism + " there: take another mechanism, or another port"
	case errors.Is(err, io.EOF) && cfg.SASL.Mechanism != "":
		return "the broker hung up on " + user + ": check the password, the mechanism, and whether that port wants TLS"
	case errors.Is(err, io.EOF):
		return "the broker hung up on us: that port may want TLS, or a user (SASL)"
	case errors.Is(err, context.DeadlineExceeded):
		return fmt.Sprintf("nothing came back within %v: is that a Kafka broker, and may this machine talk to it?", connectWithin)
	}
	return ""
}
