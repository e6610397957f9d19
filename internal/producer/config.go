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

	Acks           int   // acks: -1 (all), 0 or 1
	BufferMemory   int64 // buffer.memory, bytes
	BatchSize      int64 // batch.size, bytes
	MaxRequestSize int64 // max.request.size, bytes
	Retries        int   // retries
	MaxInFlight    int   // max.in.flight.requests.per.connection
	Idempotence    bool  // enable.idempotence
	Compression    string

	MaxBlock            time.Duration // max.block.ms
	Linger              time.Duration // linger.ms
	DeliveryTimeout     time.Duration // delivery.timeout.ms
	RequestTimeout      time.Duration // request.timeout.ms
	RetryBackoff        time.Duration // retry.backoff.ms
	RetryBackoffMax     time.Duration // retry.backoff.max.ms
	ReconnectBackoff    time.Duration // reconnect.backoff.ms
	ReconnectBackoffMax time.Duration // reconnect.backoff.max.ms
	MetadataMaxAge      time.Duration // metadata.max.age.ms

	// Contention is the chance, 0 to 1, that a newcomer takes buffer memory
	// which others are waiting for: how busy the machine's cores are.
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
	case c.MaxInFlight < 1:
		return fmt.Errorf("max.in.flight.requests.per.connection is %d: it must be at least 1", c.MaxInFlight)
	case c.RequestTimeout <= 0 || c.DeliveryTimeout <= 0:
		return fmt.Errorf("request.timeout.ms (%v) and delivery.timeout.ms (%v) must be positive", c.RequestTimeout, c.DeliveryTimeout)
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

// retryBackoff is the wait before the try that follows so many failed ones.
func (c Config) retryBackoff(failed int) time.Duration {
	return backoff(c.RetryBackoff, c.RetryBackoffMax, failed)
}

// reconnectBackoff is the wait before the dial that follows so many refused
// ones, spread by a fifth to both sides.
func (c Config) reconnectBackoff(refused int, rng *rand.Rand) time.Duration {
	spread := 0.8 + 0.4*rng.Float64()
	return time.Duration(float64(backoff(c.ReconnectBackoff, c.ReconnectBackoffMax, refused)) * spread)
}

// backoff doubles from first to most (ExponentialBackoff, KIP-580).
func backoff(first, most time.Duration, failed int) time.Duration {
	if most < first {
		most = first
	}
	return time.Duration(min(float64(first)*math.Pow(2, float64(failed-1)), float64(most)))
}
