package run

import (
	"kafkasim.example/simd/internal/ledger"
	"kafkasim.example/simd/internal/metrics"
	"kafkasim.example/simd/internal/producer"
)

// shown is what metrics ask for beside the figures of the report; nil before
// there is something to ask.
type shown struct {
	partitions []metrics.Partition
	producer   func() *metrics.Producer
	ledger     func() *metrics.Ledger
}

func (r *Run) showLedger(facts *ledger.Log) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.shown.ledger = func() *metrics.Ledger {
		return &metrics.Ledger{Pending: int64(facts.Pending()), Bytes: facts.Bytes()}
	}
}

func (r *Run) showProducer(p *producer.Producer) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.shown.producer = func() *metrics.Producer {
		s := p.Stats()
		return &metrics.Producer{
			Batches: s.BatchesSent, Records: s.RecordsSent,
			Requests: s.Requests, RequestTime: s.RequestLatency, InFlight: s.InFlight,
		}
	}
}

// freeze keeps the last figures, and lets go of what gave them. Callers hold mu.
func (s *shown) freeze() {
	if s.producer != nil {
		last := s.producer()
		s.producer = func() *metrics.Producer { return last }
	}
	if s.ledger != nil {
		last := s.ledger()
		s.ledger = func() *metrics.Ledger { return last }
	}
}

// Partitions are the topic's partitions as they were last seen.
func (r *Run) Partitions() []metrics.Partition {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.shown.partitions
}

// Producer are the figures of the run's producer; nil before there is one.
func (r *Run) Producer() *metrics.Producer {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.shown.producer == nil {
		return nil
	}
	return r.shown.producer()
}

// Ledger says how well the run's facts reach its file; nil before there is one.
func (r *Run) Ledger() *metrics.Ledger {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.shown.ledger == nil {
		return nil
	}
	return r.shown.ledger()
}
