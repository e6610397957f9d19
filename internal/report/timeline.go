package report

import (
	"time"

	"kafkasim.example/simd/internal/ledger"
)

// maxRows bounds the timeline: forty minutes of seconds. A longer run has longer rows.
const maxRows = 2400

// rowWidths are the lengths that a row may have when the plan's length is known.
var rowWidths = [...]time.Duration{
	1 * time.Second, 2 * time.Second, 5 * time.Second, 10 * time.Second, 15 * time.Second, 30 * time.Second,
	1 * time.Minute, 2 * time.Minute, 5 * time.Minute, 10 * time.Minute, 15 * time.Minute, 30 * time.Minute,
	1 * time.Hour,
}

// timeline counts what happened in each stretch of scenario time. Facts may come
// in any order: every row stays open, and a row is small. A run that goes on
// long after its plan's end, because it drains, has its rows merged in pairs.
type timeline struct {
	width time.Duration
	rows  []row
}

// row is one stretch of a timeline.
type row struct {
	scheduled, confirmed, failed, unknown, dropped, written, consumed int64

	// handed are the messages that the producer took or refused at their first
	// attempt, or that were dropped; held are those of them that had to wait for it.
	handed, held int64

	send distribution // of the messages told in this row

	sampled   bool
	sampledAt time.Duration // of the last sample, which set these:
	last      ledger.Sample
	lowest    int64 // of BufferAvailable
	queued    int64 // the most
}

// newTimeline takes the shortest rows that the plan's length allows.
func newTimeline(planned time.Duration) timeline {
	width := rowWidths[len(rowWidths)-1]
	for i := len(rowWidths) - 1; i >= 0; i-- {
		if planned <= maxRows*rowWidths[i] {
			width = rowWidths[i]
		}
	}
	return timeline{width: width}
}

// at is the row for a moment; it is the caller's until the next call.
func (l *timeline) at(t time.Duration) *row {
	t = max(t, 0)
	for t/l.width >= maxRows {
		l.halve()
	}
	for int(t/l.width) >= len(l.rows) {
		l.rows = append(l.rows, row{send: newSparse(coarse)})
	}
	return &l.rows[t/l.width]
}

// halve merges the rows in pairs.
func (l *timeline) halve() {
	l.width *= 2
	merged := l.rows[:0]
	for i := 0; i < len(l.rows); i += 2 {
		r := l.rows[i]
		if i+1 < len(l.rows) {
			r.merge(&l.rows[i+1])
		}
		merged = append(merged, r)
	}
	clear(l.rows[len(merged):])
	l.rows = merged
}

// merge adds a later row to this one.
func (r *row) merge(o *row) {
	r.scheduled += o.scheduled
	r.confirmed += o.confirmed
	r.failed += o.failed
	r.unknown += o.unknown
	r.dropped += o.dropped
	r.written += o.written
	r.consumed += o.consumed
	r.handed += o.handed
	r.held += o.held
	r.send.merge(&o.send)
	if o.sampled {
		lowest, queued := o.lowest, o.queued
		if r.sampled {
			lowest, queued = min(lowest, r.lowest), max(queued, r.queued)
		}
		r.sampled, r.sampledAt, r.last, r.lowest, r.queued = true, o.sampledAt, o.last, lowest, queued
	}
}

// told enters the application's last word on a message.
func (r *row) told(outcome ledger.Outcome, send time.Duration) {
	switch outcome {
	case ledger.Confirmed:
		r.confirmed++
	case ledger.Failed:
		r.failed++
	case ledger.Unknown:
		r.unknown++
	}
	r.send.record(send)
}

// sample enters the gauges as they were at t.
func (r *row) sample(t time.Duration, s *ledger.Sample) {
	if !r.sampled {
		r.lowest = s.BufferAvailable
	}
	r.lowest = min(r.lowest, s.BufferAvailable)
	r.queued = max(r.queued, s.Queued)
	if !r.sampled || t >= r.sampledAt {
		r.sampledAt, r.last = t, *s
	}
	r.sampled = true
}

// report writes the rows out. A gauge that was not read in a row is as it was in
// the one before; speed turns throttle times into scenario time.
func (l *timeline) report(speed float64) []Row {
	out := make([]Row, len(l.rows))
	var (
		behind    int64 // written less consumed, so far
		sampled   bool
		last      ledger.Sample
		throttled time.Duration
	)
	for i := range l.rows {
		r := &l.rows[i]
		behind += r.written - r.consumed
		lowest, queued, throttle := last.BufferAvailable, last.Queued, time.Duration(0)
		if r.sampled {
			sampled, last = true, r.last
			lowest, queued = r.lowest, r.queued
			throttle = sinceLast(throttled, last.ThrottleTime)
			throttled = last.ThrottleTime
		}
		lag := behind
		if sampled && last.EndOffsets > 0 {
			lag = last.EndOffsets - last.Committed
		}
		out[i] = Row{
			T:         (time.Duration(i) * l.width).Seconds(),
			Scheduled: r.scheduled, Confirmed: r.confirmed, Failed: r.failed, Unknown: r.unknown,
			Dropped: r.dropped, Written: r.written, Consumed: r.consumed,
			Lag: max(lag, 0), Queued: queued,
			BufferAvailable: lowest, BufferTotal: last.BufferTotal,
			Send:     r.send.row(),
			Throttle: float64(throttle.Microseconds()) * speed / 1e6,
		}
	}
	return out
}

// sinceLast is how much a total has grown. A total that is smaller than before
// has begun anew, because the application came back from a crash.
func sinceLast(before, now time.Duration) time.Duration {
	if now < before {
		return now
	}
	return now - before
}
