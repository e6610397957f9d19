package producer

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
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
	stats  counters

	done chan struct{} // closed when the sender has ended
}

// Stats are the producer's figures; sums count from its start.
type Stats struct {
	BufferTotal     int64 // bytes
	BufferAvailable int64 // bytes: buffer-available-bytes
	Waiters         int64 // senders that wait for memory: waiting-threads
	InFlight        int64 // requests-in-flight
	BatchesSent     int64
	RecordsSent     int64 // each try counts: record-send-total
	RecordErrors    int64 // refused by Send, or answered with an error: record-error-total
	RecordRetries   int64 // record-retry-total
	BytesSent       int64
	Requests        int64         // answered
	RequestLatency  time.Duration // sum over the answered requests
	ThrottleTime    time.Duration // sum of what brokers told
}

type counters struct {
	batchesSent, recordsSent, recordErrors, recordRetries, bytesSent atomic.Int64
	inFlight, answers, latency, throttle                             atomic.Int64
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
	p := &Producer{
		cfg:  cfg,
		pool: newPool(cfg.BufferMemory, cfg.Contention, cfg.Seed),
		done: make(chan struct{}),
	}
	p.sender = &sender{
		cfg:        cfg,
		compressor: compressor,
		stats:      &p.stats,
		rng:        rand.New(rand.NewPCG(cfg.Seed, 0x73656e646572)),
		wakeup:     make(chan struct{}, 1),
		lookup:     newLookup(),
		ids:        identification{identity: noIdentity},
	}
	p.acc = &accumulator{cfg: cfg, pool: p.pool, wake: p.sender.wake}
	p.acc.sticky.batchSize = max(1, cfg.BatchSize)
	p.acc.sticky.rng = rand.New(rand.NewPCG(cfg.Seed, 0x737469636b79))
	p.acc.ratio.expect(1)
	p.sender.acc = p.acc

	opts = append(append(slices.Clone(opts), cfg.clientOpts()...), kgo.WithHooks(writes{p.sender}))
	if p.client, err = kgo.NewClient(opts...); err != nil {
		return nil, fmt.Errorf("starting the Kafka client: %w", err)
	}
	p.sender.client = p.client
	go func() {
		defer close(p.done)
		p.sender.run()
	}()
	return p, nil
}

// Send hands a record to the producer, as KafkaProducer.send does. It blocks
// while the topic's metadata is unknown and while there is no buffer memory, at
// most max.block.ms for both. An error means that the record was not accepted;
// answer is not called then. Otherwise answer is called exactly once, by the
// producer's own goroutine, which it must not hold up: everything waits for it,
// as for a Callback in Java. An answer may call Send, which may then block until
// max.block.ms, for it is the producer's own goroutine that frees memory; it
// must not call Flush or Close, which wait for that goroutine.
func (p *Producer) Send(r *Record, answer func(Answer)) error {
	if p.acc.closed.Load() {
		return ErrClosed
	}
	err := p.send(r, answer)
	if err != nil {
		p.stats.recordErrors.Add(1)
	}
	return err
}

func (p *Producer) send(r *Record, answer func(Answer)) error {
	now, maxBlock := time.Now(), p.cfg.MaxBlock
	if p.Partitions() == 0 {
		if err := p.sender.lookup.await(maxBlock, p.done); err != nil {
			return err
		}
		waited := time.Since(now)
		now, maxBlock = now.Add(waited), max(0, maxBlock-waited)
	}
	if size := RecordUpperBound(r); size > p.cfg.MaxRequestSize || size > p.cfg.BufferMemory {
		return fmt.Errorf("%w: it needs %d bytes, and they are %d and %d", ErrRecordTooLarge, size, p.cfg.MaxRequestSize, p.cfg.BufferMemory)
	}
	return p.acc.append(r, now.UnixMilli(), maxBlock, answer)
}

// Partitions is how many partitions the topic has; 0 while that is unknown.
func (p *Producer) Partitions() int {
	select {
	case <-p.sender.lookup.known:
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
	found := make(chan []*batch, 1)
	p.sender.post(func() { found <- p.sender.unfinished() })
	var batches []*batch
	select {
	case batches = <-found:
	case <-p.done: // and with it everything has its answer
		return nil
	case <-ctx.Done():
		return fmt.Errorf("flushing the producer: %w", context.Cause(ctx))
	}
	for len(batches) > 0 {
		b := batches[0]
		select {
		case <-b.finished:
			batches = append(batches[1:], b.parts...)
		case <-ctx.Done():
			return fmt.Errorf("flushing the producer: %w", context.Cause(ctx))
		}
	}
	return nil
}

// Close refuses further records and sends what was accepted, for at most the
// timeout; what is left then is answered with ErrClosed (KafkaProducer.close).
// With a timeout of 0 that is everything, at once: also when another Close is
// still patient. It returns when the last answer has been given.
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
		InFlight:        c.inFlight.Load(),
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
