package run

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"kafkasim.example/simd/internal/ledger"
	"kafkasim.example/simd/internal/metrics"
)

// offsets are what the cluster last said, summed over the partitions.
type offsets struct{ end, committed int64 }

// watchGauges records the gauges once a scenario second until the function it
// returns is called.
func (s *stage) watchGauges(app *application, facts ledger.Recorder) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	second := max(time.Millisecond, time.Duration(float64(time.Second)/s.run.rec.Speed))
	var watching sync.WaitGroup
	var last atomic.Pointer[offsets]
	last.Store(new(offsets))
	// A cluster is not asked more than four times a second, however fast the
	// scenario's seconds pass, and one that is slow to answer holds up nothing.
	watching.Go(func() {
		every(ctx, max(second, 250*time.Millisecond), func() { s.askOffsets(ctx, &last) })
	})
	watching.Go(func() {
		every(ctx, second, func() { facts.Record(s.sample(app, last.Load())) })
	})
	return func() {
		cancel()
		watching.Wait()
		s.askOffsets(context.Background(), &last)
		facts.Record(s.sample(app, last.Load()))
	}
}

func every(ctx context.Context, d time.Duration, f func()) {
	tick := time.NewTicker(d)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			f()
		case <-ctx.Done():
			return
		}
	}
}

func (s *stage) sample(app *application, o *offsets) ledger.Fact {
	p := app.producer.Stats()
	return ledger.Fact{Kind: ledger.Sampled, At: time.Since(s.base), Sample: &ledger.Sample{
		BufferTotal:     p.BufferTotal,
		BufferAvailable: p.BufferAvailable,
		BufferWaiters:   p.Waiters,
		Queued:          int64(app.Queued()),
		InFlight:        int64(app.Busy()),
		ThrottleTime:    p.ThrottleTime,
		EndOffsets:      o.end,
		Committed:       o.committed,
		RecordRetries:   p.RecordRetries,
		RecordErrors:    p.RecordErrors,
		BytesSent:       p.BytesSent,
	}}
}

// askOffsets asks the cluster for its offsets and leaders. When it does not
// answer, what it said before stands.
func (s *stage) askOffsets(ctx context.Context, last *atomic.Pointer[offsets]) {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	ends, err := s.cluster.EndOffsets(ctx, s.topic)
	if err != nil {
		return
	}
	leaders, replicas, err := s.cluster.Leaders(ctx, s.topic)
	if err != nil {
		return
	}
	committed := s.consumer.Committed()
	sum := new(offsets)
	partitions := make([]metrics.Partition, 0, len(ends))
	for p := range int32(len(ends)) {
		sum.end += ends[p]
		sum.committed += committed[p]
		partitions = append(partitions, metrics.Partition{
			ID: p, EndOffset: ends[p], Committed: committed[p], Leader: leaders[p], Replicas: len(replicas[p]),
		})
	}
	last.Store(sum)
	s.run.mu.Lock()
	s.run.shown.partitions = partitions
	s.run.mu.Unlock()
}
