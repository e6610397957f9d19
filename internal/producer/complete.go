package producer

import (
	"errors"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// verdict is what a broker said of a batch.
type verdict struct {
	err      error
	offset   int64 // of its first record; -1: not told
	logStart int64 // of the partition's log; -1: not told
}

// answered deals with the broker's word on a batch. There is none with acks=0:
// then that it was written to the connection is all.
func (s *sender) answered(now time.Time, b *batch, word *kmsg.ProduceResponseTopicPartition) {
	v := verdict{offset: -1, logStart: -1}
	switch {
	case word != nil:
		v = verdict{err: kerr.ErrorForCode(word.ErrorCode), offset: word.BaseOffset, logStart: word.LogStartOffset}
		if errors.Is(v.err, kerr.NotLeaderForPartition) || errors.Is(v.err, kerr.FencedLeaderEpoch) {
			s.heardOfLeader(b.partition, word.CurrentLeader)
		}
	case s.cfg.Acks != 0:
		v.err = kerr.UnknownServerError // it answered, but not for this partition
	}
	s.complete(now, b, v)
}

// lost deals with a batch whose request came to no answer. If it was not even
// written, the connection had gone before: that was no try, and the batch waits
// for another connection, at most until delivery.timeout.ms. (Java sees a
// connection go at once and does not drain for it.)
func (s *sender) lost(now time.Time, b *batch, err error, written bool) {
	if written || b.over {
		s.complete(now, b, verdict{err: err, offset: -1, logStart: -1})
		return
	}
	s.unmute(b)
	s.acc.queues[b.partition].putBack(b)
}

// complete deals with the end of a batch's try: the end of the batch, another
// try, or its parts (Sender.completeBatch). A batch that was given up meanwhile
// is over already; then only its memory and its number are to be seen to.
func (s *sender) complete(now time.Time, b *batch, v verdict) {
	switch {
	case v.err == nil:
		s.succeed(b, v.offset)
	case errors.Is(v.err, kerr.MessageTooLarge) && b.records() > 1 && !b.over:
		s.split(b)
	case s.mayRetry(now, b, v):
		s.retry(now, b)
	case errors.Is(v.err, kerr.DuplicateSequenceNumber):
		s.succeed(b, v.offset) // an earlier try of it was written
	default:
		s.fail(b, v.err, b.attempts < s.cfg.Retries)
	}
	if stale(v.err) {
		s.refreshes.wanted = true
	}
	s.unmute(b)
}

// mayRetry is Sender.canRetry.
func (s *sender) mayRetry(now time.Time, b *batch, v verdict) bool {
	if b.over || b.attempts >= s.cfg.Retries || b.expired(now, s.cfg.DeliveryTimeout) {
		return false
	}
	return s.mayRetryNumbered(b, v.err, v.logStart) || retriable(v.err)
}

func (s *sender) retry(now time.Time, b *batch) {
	b.attempts++
	b.tried = now
	b.backoff = s.cfg.retryBackoff(b.attempts, s.rng)
	s.stats.recordRetries.Add(int64(b.records()))
	s.acc.queues[b.partition].putBack(b)
}

func (s *sender) succeed(b *batch, offset int64) {
	s.numberAcked(b)
	if !b.over {
		s.acc.finish(b, nil, offset)
	}
	s.acc.free(b)
}

// fail ends a batch with an error. missing says that its number, if it has one,
// was certainly not written.
func (s *sender) fail(b *batch, err error, missing bool) {
	if !b.over {
		s.numberFailed(b, err, missing)
		s.stats.recordErrors.Add(int64(b.records()))
		s.acc.finish(b, err, -1)
	}
	s.acc.free(b)
}

// split puts a batch's parts in its place. This is no try: it happens as often
// as it takes.
func (s *sender) split(whole *batch) {
	parts, err := whole.split(s.cfg.BatchSize, s.expectNoGain(whole))
	if err != nil {
		s.fail(whole, err, true)
		return
	}
	s.numberSplit(whole, parts)
	s.acc.queues[whole.partition].putBack(parts...)
	whole.over, whole.parts = true, parts
	close(whole.finished)
	s.acc.free(whole)
}

// expectNoGain makes the accumulator expect that compression gains nothing, or
// what it made worse in this batch (RecordAccumulator.splitAndReenqueue).
func (s *sender) expectNoGain(b *batch) float64 {
	if s.compressor == nil {
		return 0
	}
	s.acc.ratio.expect(max(1, float64(len(b.wire)-batchOverhead)/float64(len(b.buf)-batchOverhead)))
	return s.acc.ratio.expected()
}

func (s *sender) unmute(b *batch) {
	if s.cfg.MaxInFlight == 1 {
		s.acc.queues[b.partition].muted = false
	}
}

// expire fails what has reached delivery.timeout.ms, in the queues and on the
// way (KIP-91: RecordAccumulator.expiredBatches, Sender.getExpiredInflightBatches).
func (s *sender) expire(now time.Time, again *horizon) {
	expired := func(b *batch) bool { return b.expired(now, s.cfg.DeliveryTimeout) }
	for _, q := range s.acc.queues {
		for b := q.take(expired); b != nil; b = q.take(expired) {
			s.giveUpOn(b, ErrDeliveryTimeout, false)
			s.acc.free(b)
		}
	}
	for b := range s.underWay() {
		if expired(b) {
			// Its memory stays taken until its request is over: it may still be written.
			s.giveUpOn(b, ErrDeliveryTimeout, true)
		} else {
			again.until(b.created.Add(s.cfg.DeliveryTimeout))
		}
	}
}

func (s *sender) giveUpOn(b *batch, err error, underWay bool) {
	s.numberExpired(b, underWay)
	s.stats.recordErrors.Add(int64(b.records()))
	s.acc.finish(b, err, -1)
}

// giveUp fails everything that has no answer yet (RecordAccumulator.abortBatches).
func (s *sender) giveUp(err error) {
	for b := range s.underWay() {
		s.giveUpOn(b, err, true)
	}
	whatever := func(*batch) bool { return true }
	for _, q := range s.acc.queues {
		for b := q.take(whatever); b != nil; b = q.take(whatever) {
			s.giveUpOn(b, err, false)
			s.acc.free(b)
		}
	}
}
