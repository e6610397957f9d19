package producer

import (
	"fmt"
	"math"
	"math/rand/v2"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// Config holds the Java client's properties; each field's comment names its own.
// Durations of zero mean what they mean in Java: no waiting.
type Config struct {
	ClientID string // client.id
	Topic    string

	Acks           int    // acks: -1 (all), 0 or 1
	BufferMemory   int64  // buffer.memory, bytes
	BatchSize      int64  // batch.size, bytes
	MaxRequestSize int64  // max.request.size, bytes
	Retries        int    // retries
	MaxInFlight    int    // max.in.flight.requests.per.connection
	Idempotence    bool   // enable.idempotence
	Compression    string // compression.type: "" or none, gzip, snappy, lz4, zstd

	MaxBlock            time.Duration // max.block.ms
	Linger              time.Duration // linger.ms
	DeliveryTimeout     time.Duration // delivery.timeout.ms
	RequestTimeout      time.Duration // request.timeout.ms
	RetryBackoff        time.Duration // retry.backoff.ms
	RetryBackoffMax     time.Duration // retry.backoff.max.ms
	ReconnectBackoff    time.Duration // reconnect.backoff.ms
	ReconnectBackoffMax time.Duration // reconnect.backoff.max.ms
	MetadataMaxAge      time.Duration // metadata.max.age.ms

	// Contention, 0 to 1, is how much the application's threads fight for the
	// machine's cores, and so how often a newcomer takes buffer memory that
	// others are waiting for: never, or very often.
	Contention float64
	Seed       uint64
}

func (c Config) validate() error {
	switch {
	case c.Topic == "":
		return fmt.Errorf("the producer has no topic: set Config.Topic")
	case c.Acks < -1 || c.Acks > 1:
		return fmt.Errorf("acks is %d: it must be -1 (all), 0 or 1", c.Acks)
	case c.BufferMemory <= 0 || c.MaxRequestSize <= 0 || c.BatchSize < 0:
		return fmt.Errorf("buffer.memory (%d), max.request.size (%d) must be positive, and batch.size (%d) not negative", c.BufferMemory, c.MaxRequestSize, c.BatchSize)
	case c.BatchSize > c.BufferMemory:
		// Java starts, and then refuses every single record (BufferPool.allocate).
		return fmt.Errorf("batch.size is %d: no batch would ever fit into buffer.memory, which is %d", c.BatchSize, c.BufferMemory)
	case c.MaxInFlight < 1:
		return fmt.Errorf("max.in.flight.requests.per.connection is %d: it must be at least 1", c.MaxInFlight)
	case c.RequestTimeout <= 0 || c.DeliveryTimeout <= 0:
		return fmt.Errorf("request.timeout.ms (%v) and delivery.timeout.ms (%v) must be positive", c.RequestTimeout, c.DeliveryTimeout)
	case c.DeliveryTimeout < c.Linger+c.RequestTimeout:
		return fmt.Errorf("delivery.timeout.ms is %v: it must be at least linger.ms + request.timeout.ms, which are %v and %v (KIP-91)", c.DeliveryTimeout, c.Linger, c.RequestTimeout)
	case c.Idempotence && (c.Acks != -1 || c.MaxInFlight > 5 || c.Retries == 0):
		return fmt.Errorf("enable.idempotence wants acks=all, retries above 0 and at most 5 requests in flight (KIP-98); they are %d, %d and %d", c.Acks, c.Retries, c.MaxInFlight)
	case c.Contention < 0 || c.Contention > 1 || math.IsNaN(c.Contention):
		return fmt.Errorf("contention is %v: it must be from 0 to 1", c.Contention)
	}
	return nil
}

// compressor is nil for compression.type=none.
func (c Config) compressor() (kgo.Compressor, error) {
	codecs := map[string]kgo.CompressionCodec{
		"gzip":   kgo.GzipCompression(),
		"snappy": kgo.SnappyCompression(),
		"lz4":    kgo.Lz4Compression(),
		"zstd":   kgo.ZstdCompression(),
	}
	if c.Compression == "" || c.Compression == "none" {
		return nil, nil
	}
	codec, ok := codecs[c.Compression]
	if !ok {
		return nil, fmt.Errorf("compression.type is %q: it must be none, gzip, snappy, lz4 or zstd", c.Compression)
	}
	return kgo.DefaultCompressor(codec)
}

// clientOpts are what franz-go's client must be told so that it does as it is
// bid and nothing by itself.
func (c Config) clientOpts() []kgo.Opt {
	acks := map[int]kgo.Acks{-1: kgo.AllISRAcks(), 0: kgo.NoAck(), 1: kgo.LeaderAck()}[c.Acks]
	return []kgo.Opt{
		kgo.ClientID(c.ClientID),
		kgo.RequiredAcks(acks),
		kgo.DisableIdempotentWrite(), // numbering is ours
		kgo.DisableClientMetrics(),
		// The waits are ours; franz-go's own must only be longer.
		kgo.RequestTimeoutOverhead(min(c.RequestTimeout+time.Second, 15*time.Minute)),
		kgo.ConnIdleTimeout(9 * time.Minute), // connections.max.idle.ms
		kgo.RequestRetries(2),
		kgo.RetryBackoffFn(func(failed int) time.Duration {
			return backoff(c.ReconnectBackoff, c.ReconnectBackoffMax, failed, 0.5)
		}),
	}
}

// retryBackoff is the wait after so many failed tries in a row.
func (c Config) retryBackoff(failed int, rng *rand.Rand) time.Duration {
	return backoff(c.RetryBackoff, c.RetryBackoffMax, failed, rng.Float64())
}

// reconnectBackoff is the wait after so many failed connections in a row.
func (c Config) reconnectBackoff(failed int, rng *rand.Rand) time.Duration {
	return backoff(c.ReconnectBackoff, c.ReconnectBackoffMax, failed, rng.Float64())
}

// leastBackoff keeps a client that is told to wait for nothing from spinning.
const leastBackoff = 100 * time.Microsecond

// backoff doubles from first to most, spread by a fifth to both sides as chance
// (0 to 1) has it, but never more than most; a most that is no more than first
// is the wait always (ExponentialBackoff, KIP-580). Java draws anew at each
// look at the clock; here each wait is drawn once.
func backoff(first, most time.Duration, failed int, chance float64) time.Duration {
	if most <= first {
		return max(most, leastBackoff)
	}
	exact := min(float64(first)*math.Pow(2, float64(failed-1)), float64(most))
	spread := time.Duration(exact * (0.8 + 0.4*chance))
	return max(min(spread, most), leastBackoff)
}
