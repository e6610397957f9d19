package producer

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// identity is the producer's id, by which brokers know its batches again
// (KIP-98, TransactionManager). It belongs to the sender.
type identity struct {
	known  bool
	id     int64
	epoch  int16
	asking bool
	failed int
	asked  time.Time
	// bump is set when a sequence number may be missing in some partition: a
	// batch that had one was given up. Nothing new is numbered until all that
	// are numbered have ended; then the next epoch begins with sequences of
	// zero (KIP-360). Java lets each partition change by itself; the pause is ours.
	bump bool
}

// flow is one partition's numbered batches.
type flow struct {
	next     int32
	inFlight []*batch // numbered and not over, in the order of their numbers
}

// identify sees to it that there is an id, if one is needed.
func (s *sender) identify(now time.Time, again *horizon) {
	if !s.cfg.Idempotence {
		return
	}
	ids := &s.ids
	if ids.bump && !slices.ContainsFunc(s.flows, func(f flow) bool { return len(f.inFlight) > 0 }) {
		ids.bump = false
		if ids.epoch++; ids.epoch == math.MaxInt16 {
			ids.known = false
		}
		for p := range s.flows {
			s.flows[p].next = 0
		}
	}
	if ids.known || ids.asking {
		return
	}
	if wait := s.cfg.retryBackoff(max(ids.failed, 1)) - now.Sub(ids.asked); wait > 0 && !ids.asked.IsZero() {
		again.in(wait)
		return
	}
	ids.asking, ids.asked = true, now
	s.goRequest(func(ctx context.Context) func() {
		id, epoch, err := s.initProducerID(ctx)
		return func() {
			ids.asking = false
			if err != nil {
				ids.failed++
				return
			}
			ids.known, ids.failed, ids.id, ids.epoch = true, 0, id, epoch
		}
	})
}

func (s *sender) initProducerID(ctx context.Context) (int64, int16, error) {
	ctx, cancel := context.WithTimeout(ctx, s.cfg.RequestTimeout)
	defer cancel()
	req := kmsg.NewPtrInitProducerIDRequest()
	req.TransactionTimeoutMillis = math.MaxInt32
	resp, err := req.RequestWith(ctx, s.client)
	if err == nil {
		err = kerr.ErrorForCode(resp.ErrorCode)
	}
	if err != nil {
		return 0, 0, fmt.Errorf("asking for a producer id: %w", err)
	}
	return resp.ProducerID, resp.ProducerEpoch, nil
}

// mayDrain says whether a batch's turn has come
// (RecordAccumulator.shouldStopDrainBatchesForPartition).
func (s *sender) mayDrain(p int, b *batch) bool {
	switch {
	case !s.cfg.Idempotence:
		return true
	case b.first >= 0: // again: only the first of those under way, so that none overtakes it
		return s.flows[p].inFlight[0] == b
	default:
		return s.ids.known && !s.ids.bump
	}
}

// number gives a batch its sequence, once.
func (s *sender) number(p int, b *batch) {
	if !s.cfg.Idempotence || b.first >= 0 {
		return
	}
	f := &s.flows[p]
	b.sequence = sequence{producerID: s.ids.id, epoch: s.ids.epoch, first: f.next}
	f.next = int32((int64(f.next) + int64(b.records())) & math.MaxInt32) // as DefaultRecordBatch.incrementSequence wraps
	f.inFlight = append(f.inFlight, b)
}

// leaveFlow takes a batch that is over out of its partition's flow.
func (s *sender) leaveFlow(b *batch, err error) {
	if b.first < 0 {
		return
	}
	f := &s.flows[b.partition]
	f.inFlight = slices.DeleteFunc(f.inFlight, func(other *batch) bool { return other == b })
	s.ids.bump = s.ids.bump || err != nil
}

// renumber deals with a broker that finds the batch's sequence out of order. If
// one before it is still under way, that is why, and the batch only has to wait
// its turn; otherwise the count is broken, and the batch gets a new number in a
// new epoch.
func (s *sender) renumber(b *batch) {
	if s.flows[b.partition].inFlight[0] != b {
		return
	}
	s.leaveFlow(b, kerr.OutOfOrderSequenceNumber)
	b.sequence = noSequence
}

func outOfSequence(err error) bool {
	return errors.Is(err, kerr.OutOfOrderSequenceNumber) || errors.Is(err, kerr.UnknownProducerID) || errors.Is(err, kerr.InvalidProducerEpoch)
}
