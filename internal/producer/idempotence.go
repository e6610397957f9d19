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

// identity is the producer's id and epoch, by which brokers know its batches
// again (KIP-98).
type identity struct {
	id    int64
	epoch int16
}

var noIdentity = identity{id: -1, epoch: -1}

// sequence is what makes a batch idempotent.
type sequence struct {
	identity
	first      int32 // its first record's number; -1: not numbered
	renumbered bool  // since it was sent last
}

var noSequence = sequence{identity: noIdentity, first: -1}

// before says whether the batch is numbered, and the other is not or comes after it.
func (b *batch) before(other *batch) bool {
	return b.first >= 0 && (other.first < 0 || b.first != other.first && distance(b.first, other.first) < 1<<30)
}

// last is the number of the batch's last record.
func (b *batch) last() int32 { return advance(b.first, b.records()-1) }

// advance counts on from a sequence number; after 2^31-1 comes 0
// (DefaultRecordBatch.incrementSequence).
func advance(sequence int32, by int) int32 {
	return int32((int64(sequence) + int64(by)) & math.MaxInt32)
}

// distance is how far it is from one number on to the other.
func distance(from, to int32) int32 { return (to - from) & math.MaxInt32 }

// identification is where the producer's identity stands. It belongs to the
// sender, as all of this file does (TransactionManager).
type identification struct {
	identity
	asking   bool
	failed   int
	askAfter time.Time
	bump     bool // the next epoch is to begin, for the flows that restart
}

// flow is one partition's numbered batches (TxnPartitionEntry).
type flow struct {
	identity         // under which they are numbered
	next       int32 // the next number
	acked      int32 // the last number that was acknowledged; -1: none
	unresolved int32 // the number after a batch that was given up after a try, and may be there or not; -1: none
	restart    bool  // when the next epoch begins
	inFlight   []*batch
}

func newFlow() flow { return flow{identity: noIdentity, acked: -1, unresolved: -1} }

// begin numbers the flow's batches anew, from zero, under another identity
// (TxnPartitionEntry.startSequencesAtBeginning).
func (f *flow) begin(as identity) {
	f.identity, f.next, f.acked, f.unresolved, f.restart = as, 0, -1, -1, false
	for _, b := range f.inFlight {
		b.sequence = sequence{identity: as, first: f.next, renumbered: true}
		f.next = advance(f.next, b.records())
	}
}

// isNext says whether the number follows the last that was acknowledged.
func (f *flow) isNext(first int32) bool { return distance(f.acked, first) == 1 }

func (f *flow) remove(b *batch) {
	f.inFlight = slices.DeleteFunc(f.inFlight, func(other *batch) bool { return other == b })
}

// identify sees to it that there is an identity, and to the begin of a new
// epoch where one is needed (KIP-360). Unlike Java's, other batches do not wait
// for their delivery time-outs while the broker is asked for an id.
func (s *sender) identify(now time.Time, again *horizon) {
	if !s.cfg.Idempotence {
		return
	}
	for p := range s.flows {
		s.resolve(&s.flows[p])
	}
	ids := &s.ids
	if ids.bump && ids.identity != noIdentity {
		if ids.epoch == math.MaxInt16 {
			ids.identity = noIdentity // only another id can go on
		} else {
			s.beginEpoch(identity{ids.id, ids.epoch + 1})
		}
	}
	if ids.identity != noIdentity || ids.asking {
		return
	}
	if wait := ids.askAfter.Sub(now); wait > 0 {
		again.in(wait)
		return
	}
	ids.asking = true
	s.goRequest(func(ctx context.Context) func() {
		got, err := s.initProducerID(ctx)
		return func() { s.identified(time.Now(), got, err) }
	})
}

func (s *sender) identified(now time.Time, got identity, err error) {
	s.ids.asking = false
	if err == nil {
		s.ids.failed = 0
		s.beginEpoch(got)
		return
	}
	s.ids.failed++
	s.ids.askAfter = now.Add(s.cfg.retryBackoff(s.ids.failed, s.rng))
	if errors.Is(err, kerr.ClusterAuthorizationFailed) {
		s.giveUp(err) // Sender.shouldHandleAuthorizationError
	}
}

func (s *sender) initProducerID(ctx context.Context) (identity, error) {
	ctx, cancel := context.WithTimeout(ctx, s.cfg.RequestTimeout)
	defer cancel()
	req := kmsg.NewPtrInitProducerIDRequest()
	req.TransactionTimeoutMillis = math.MaxInt32
	resp, err := req.RequestWith(ctx, s.client)
	if err == nil {
		err = kerr.ErrorForCode(resp.ErrorCode)
	}
	if err != nil {
		return noIdentity, fmt.Errorf("asking for a producer id: %w", err)
	}
	return identity{resp.ProducerID, resp.ProducerEpoch}, nil
}

// beginEpoch puts an identity in force. The flows that asked for it begin anew
// at once; the others when nothing of theirs is under way any more.
func (s *sender) beginEpoch(as identity) {
	s.ids.identity, s.ids.bump = as, false
	for p := range s.flows {
		if f := &s.flows[p]; f.restart {
			f.begin(as)
		}
	}
}

// wantEpoch asks for a new epoch on behalf of a flow whose count is broken
// (requestIdempotentEpochBumpForPartition).
func (s *sender) wantEpoch(f *flow) {
	s.ids.bump, f.restart = true, true
}

// resolve decides what became of batches that were given up after a try, once
// nothing of their flow is under way: if all numbers are accounted for they
// were written or never counted; else the flow must begin anew
// (TransactionManager.maybeResolveSequences).
func (s *sender) resolve(f *flow) {
	if f.unresolved < 0 || len(f.inFlight) > 0 {
		return
	}
	f.unresolved = -1
	if !f.isNext(f.next) {
		s.wantEpoch(f)
	}
}

// mayDrain says whether a batch's turn has come
// (RecordAccumulator.shouldStopDrainBatchesForPartition).
func (s *sender) mayDrain(b *batch) bool {
	if !s.cfg.Idempotence {
		return true
	}
	f := &s.flows[b.partition]
	switch {
	case s.ids.identity == noIdentity:
		return false
	case b.first >= 0: // again: the first of those under way goes first, so that none overtakes it
		return f.inFlight[0] == b
	case f.unresolved >= 0:
		return false
	default:
		return len(f.inFlight) == 0 || f.identity == s.ids.identity
	}
}

// number gives a batch its sequence, once.
func (s *sender) number(b *batch) {
	if !s.cfg.Idempotence || b.first >= 0 {
		return
	}
	f := &s.flows[b.partition]
	if f.identity != s.ids.identity {
		f.begin(s.ids.identity)
	}
	b.sequence = sequence{identity: f.identity, first: f.next}
	f.next = advance(f.next, b.records())
	f.inFlight = append(f.inFlight, b)
}

// numberAcked notes that a batch was written, also if it was given up before
// (TransactionManager.handleCompletedBatch).
func (s *sender) numberAcked(b *batch) {
	if b.first < 0 {
		return
	}
	f := &s.flows[b.partition]
	if b.identity == f.identity && distance(f.acked, b.last()) < 1<<30 {
		f.acked = b.last()
	}
	f.remove(b)
}

// numberFailed takes a batch that failed out of its flow. If it might have had
// another try, its number is known to be missing, and the flow begins anew
// (TransactionManager.handleFailedBatch).
func (s *sender) numberFailed(b *batch, err error, missing bool) {
	if b.first < 0 {
		return
	}
	f := &s.flows[b.partition]
	f.remove(b)
	if missing || errors.Is(err, kerr.OutOfOrderSequenceNumber) || errors.Is(err, kerr.UnknownProducerID) {
		s.wantEpoch(f)
	}
}

// numberExpired takes a batch that was given up out of its flow. After more than
// one try, or while it waited for one, nobody can say whether its number is
// missing (TransactionManager.markSequenceUnresolved).
func (s *sender) numberExpired(b *batch, underWay bool) {
	if b.first < 0 {
		return
	}
	f := &s.flows[b.partition]
	f.remove(b)
	if b.attempts == 0 && underWay {
		return // the broker will complain if it is
	}
	if next := advance(b.last(), 1); f.unresolved < 0 || distance(f.unresolved, next) < 1<<30 {
		f.unresolved = next
	}
}

// numberSplit puts a batch's parts in its place: they share its numbers.
func (s *sender) numberSplit(whole *batch, parts []*batch) {
	if whole.first < 0 {
		return
	}
	next := whole.first
	for _, part := range parts {
		part.sequence = sequence{identity: whole.identity, first: next}
		next = advance(next, part.records())
	}
	f := &s.flows[whole.partition]
	if at := slices.Index(f.inFlight, whole); at >= 0 {
		f.inFlight = slices.Replace(f.inFlight, at, at+1, parts...)
	}
}

// mayRetryNumbered says whether an idempotent batch may be tried again after an
// error that only such batches get, and restarts its flow if that is what it
// takes (TransactionManager.canRetry).
func (s *sender) mayRetryNumbered(b *batch, err error, logStart int64) bool {
	if b.first < 0 {
		return false
	}
	f := &s.flows[b.partition]
	switch {
	case errors.Is(err, kerr.UnknownProducerID):
		// The broker has forgotten the producer, for its records are gone. If it
		// does not say so, or the batch was renumbered since, just try again.
		if logStart != -1 && !b.renumbered {
			s.wantEpoch(f)
		}
		return true
	case errors.Is(err, kerr.OutOfOrderSequenceNumber):
		// If a batch before it is under way, that is why: it waits its turn.
		// Otherwise the count is broken.
		switch {
		case f.unresolved >= 0:
			if f.unresolved == b.first {
				s.wantEpoch(f)
			}
		case !b.renumbered && f.isNext(b.first):
			s.wantEpoch(f)
		}
		return true
	case errors.Is(err, kerr.InvalidProducerEpoch) && s.ids.identity != noIdentity:
		// Kafka keeps an epoch for each partition, and this cannot be. But a broker
		// that keeps one for all of them (kfake) refuses, once another partition has
		// begun a new epoch, what this one had under way in the old one.
		if b.identity != s.ids.identity {
			f.begin(s.ids.identity)
		}
		return b.renumbered
	}
	return false
}
