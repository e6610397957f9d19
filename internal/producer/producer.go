package producer

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// Producer publishes to one topic. It is safe for many goroutines.
type Producer struct {
	cfg    Config
	client *kgo.Client
	pool   *pool
	acc    *accumulator
	sender *sender
	sticky sticky
	stats  counters

	done chan struct{} // closed when the sender has ended
}

// Stats are the producer's figures; sums count from its start.
type Stats struct {
	BufferTotal     int64 // bytes
	BufferAvailable int64 // bytes: buffer-available-bytes
	Waiters         int64 // senders that wait for memory: waiting-threads
	BatchesSent     int64
	RecordsSent     int64 // each try counts: record-send-total
	RecordErrors    int64 // record-error-total
	RecordRetries   int64 // record-retry-total
	BytesSent       int64
	Requests        int64         // answered
	RequestLatency  time.Duration // sum over the answered requests
	ThrottleTime    time.Duration // sum of what brokers told
}

type counters struct {
	batchesSent, recordsSent, recordErrors, recordRetries, bytesSent atomic.Int64
	answers, latency, throttle                                       atomic.Int64
}

// New starts a producer. Like Java's it does not wait for the cluster: the first
// Send does. The options say how to reach brokers: seeds, security, dialer.
func New(cfg Config, opts ...kgo.Opt) (*Producer, error) {
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	compressor, err := cfg.compressor()
	if err != nil {
		return nil, err
	}
	client, err := kgo.NewClient(append(opts, clientOpts(cfg)...)...)
	if err != nil {
		return nil, fmt.Errorf("starting the Kafka client: %w", err)
	}
	p := &Producer{
		cfg:    cfg,
		client: client,
		pool:   newPool(cfg.BufferMemory, cfg.Contention, cfg.Seed),
		sticky: sticky{rng: rand.New(rand.NewPCG(cfg.Seed, 0x737469636b79)), partition: -1},
		done:   make(chan struct{}),
	}
	p.sender = &sender{
		cfg:        cfg,
		client:     client,
		compressor: compressor,
		stats:      &p.stats,
		rng:        rand.New(rand.NewPCG(cfg.Seed, 0x73656e646572)),
		wakeup:     make(chan struct{}, 1),
		known:      make(chan struct{}),
		nodes:      make(map[int32]*node),
		inFlight:   make(map[*request]struct{}),
	}
	p.acc = &accumulator{cfg: cfg, pool: p.pool, wake: p.sender.wake, unfinished: make(map[*batch]struct{})}
	p.acc.ratio.Store(math.Float64bits(1))
	p.sender.acc = p.acc
	go func() {
		defer close(p.done)
		p.sender.run(context.Background())
	}()
	return p, nil
}

// clientOpts are what franz-go's client must be told so that it does as it is
// bid and nothing by itself.
func clientOpts(cfg Config) []kgo.Opt {
	acks := map[int]kgo.Acks{-1: kgo.AllISRAcks(), 0: kgo.NoAck(), 1: kgo.LeaderAck()}[cfg.Acks]
	return []kgo.Opt{
		kgo.ClientID(cfg.ClientID),
		kgo.RequiredAcks(acks),
		kgo.DisableIdempotentWrite(), // numbering is ours
		kgo.DisableClientMetrics(),
		// The waits are ours, in contexts; franz-go's own must only be longer.
		kgo.RequestTimeoutOverhead(min(max(cfg.RequestTimeout, time.Second), 15*time.Minute)),
		kgo.ConnIdleTimeout(9 * time.Minute), // connections.max.idle.ms
		kgo.RequestRetries(2),
		kgo.RetryBackoffFn(func(failed int) time.Duration {
			return backoff(cfg.ReconnectBackoff, cfg.ReconnectBackoffMax, failed)
		}),
	}
}

// Send hands a record to the producer, as KafkaProducer.send does. It blocks
// while the topic's metadata is unknown and while there is no buffer memory, at
// most max.block.ms for both. An error means that the record was not accepted;
// answer is not called then. Otherwise answer is called exactly once, by the
// producer's own goroutine, which it must not hold up.
func (p *Producer) Send(r *Record, answer func(Answer)) error {
	if p.acc.closed.Load() {
		return ErrClosed
	}
	began := time.Now()
	if err := p.awaitMetadata(); err != nil {
		return err
	}
	if size := RecordUpperBound(r); size > p.cfg.MaxRequestSize || size > p.cfg.BufferMemory {
		return fmt.Errorf("%w: it needs %d bytes, and they are %d and %d", ErrRecordTooLarge, size, p.cfg.MaxRequestSize, p.cfg.BufferMemory)
	}
	return p.acc.append(p.partition(r), r, max(0, p.cfg.MaxBlock-time.Since(began)), answer)
}

func (p *Producer) awaitMetadata() error {
	select {
	case <-p.sender.known:
		return nil
	default:
	}
	timeout := time.NewTimer(p.cfg.MaxBlock)
	defer timeout.Stop()
	select {
	case <-p.sender.known:
		return nil
	case <-timeout.C:
		return ErrMetadataTimeout
	case <-p.done:
		return ErrClosed
	}
}

func (p *Producer) partition(r *Record) int32 {
	n := len(p.acc.queues)
	if r.Key != nil {
		return byKey(r.Key, n)
	}
	return p.sticky.next(RecordUpperBound(r), p.cfg.BatchSize, n)
}

// Partitions is how many partitions the topic has; 0 while that is unknown.
func (p *Producer) Partitions() int {
	select {
	case <-p.sender.known:
		return len(p.acc.queues)
	default:
		return 0
	}
}

// Flush sends what was accepted before it without lingering, and returns when
// all of it has its answer, or with ctx's error (KafkaProducer.flush).
func (p *Producer) Flush(ctx context.Context) error {
	p.acc.flushing.Add(1)
	defer p.acc.flushing.Add(-1)
	p.sender.wake()
	began := time.Now()
	for {
		var oldest *batch
		for _, b := range p.acc.pending() {
			if !b.created.After(began) {
				oldest = b
				break
			}
		}
		if oldest == nil {
			return nil
		}
		select {
		case <-oldest.finished:
		case <-ctx.Done():
			return fmt.Errorf("flushing the producer: %w", context.Cause(ctx))
		}
	}
}

// Close refuses further records and sends what was accepted, for at most the
// timeout; what is left then is answered with ErrClosed (KafkaProducer.close).
// With a timeout of 0 that is everything, at once: also when another Close is
// still patient.
func (p *Producer) Close(timeout time.Duration) {
	p.acc.closed.Store(true)
	p.pool.close()
	p.sender.closing.Store(true)
	p.sender.wake()
	if timeout > 0 {
		limit := time.NewTimer(timeout)
		defer limit.Stop()
		select {
		case <-p.done:
		case <-limit.C:
		}
	}
	p.sender.aborted.Store(true)
	p.sender.wake()
	<-p.done
	p.client.Close()
}

// Stats are the figures as they are now.
func (p *Producer) Stats() Stats {
	c := &p.stats
	return Stats{
		BufferTotal:     p.cfg.BufferMemory,
		BufferAvailable: p.pool.available(),
		Waiters:         int64(p.pool.queued()),
		BatchesSent:     c.batchesSent.Load(),
		RecordsSent:     c.recordsSent.Load(),
		RecordErrors:    c.recordErrors.Load(),
		RecordRetries:   c.recordRetries.Load(),
		BytesSent:       c.bytesSent.Load(),
		Requests:        c.answers.Load(),
		RequestLatency:  time.Duration(c.latency.Load()),
		ThrottleTime:    time.Duration(c.throttle.Load()),
	}
}
