package report

import "kafkasim.example/simd/internal/ledger"

// tally counts messages by where they stand in the books. It is kept up to date
// as facts come, by taking a message out before a fact and putting it back
// behind it, so that a look at a running run costs the same however long it is.
type tally struct {
	scheduled, inFlight, dropped, written, consumed, lost int64
	retries                                               int64 // by the application

	matrix   [3][3]int64 // by Outcome, from Confirmed, and by copies: 0, 1, more
	causes   map[ledger.Cause]int64
	late     map[ledger.Cause]int64
	copiesBy map[ledger.Maker]int64
	attempts map[ledger.Cause]int64
}

func newTally() tally {
	return tally{
		causes:   make(map[ledger.Cause]int64),
		late:     make(map[ledger.Cause]int64),
		copiesBy: make(map[ledger.Maker]int64),
		attempts: make(map[ledger.Cause]int64),
	}
}

// put counts a message where it stands; n is -1 to take it out again.
func (t *tally) put(e ledger.Entry, n int64) {
	if !e.Scheduled {
		return
	}
	t.scheduled += n
	t.written += n * int64(e.Copies)
	t.consumed += n * int64(e.Consumed)
	switch {
	case e.Dropped:
		t.dropped += n
	case e.Outcome == ledger.NotTold:
		t.inFlight += n
	default:
		t.matrix[e.Outcome-ledger.Confirmed][min(e.Copies, 2)] += n
	}
	if e.Lost() {
		t.lost += n
		t.causes[e.Cause] += n
		if e.Late != ledger.NoCause {
			t.causes[e.Late] += n
			t.late[e.Late] += n
		}
	}
	if e.Copies < 2 {
		return
	}
	for maker, extra := range e.Extra {
		if extra > 0 {
			t.copiesBy[ledger.Maker(maker)] += n * int64(extra)
		}
	}
}

// plus adds another part of the run.
func (t *tally) plus(o *tally) {
	t.scheduled += o.scheduled
	t.inFlight += o.inFlight
	t.dropped += o.dropped
	t.written += o.written
	t.consumed += o.consumed
	t.lost += o.lost
	t.retries += o.retries
	for row := range t.matrix {
		for column := range t.matrix[row] {
			t.matrix[row][column] += o.matrix[row][column]
		}
	}
	addAll(t.causes, o.causes)
	addAll(t.late, o.late)
	addAll(t.copiesBy, o.copiesBy)
	addAll(t.attempts, o.attempts)
}

func addAll[K comparable](to, from map[K]int64) {
	for key, n := range from {
		to[key] += n
	}
}

// attempt counts the end of an attempt that was not a yes, as the application
// saw it; other facts are none.
func (t *tally) attempt(f *ledger.Fact) {
	switch {
	case f.Kind == ledger.Retried:
		t.retries++
	case f.Kind == ledger.Told && f.Outcome != ledger.Confirmed && f.Attempt > 0:
	default:
		return
	}
	t.attempts[f.Cause]++
}

// figures are the counts under the names that reports use.
func (t *tally) figures() Figures {
	row := func(o ledger.Outcome) Copies {
		r := t.matrix[o-ledger.Confirmed]
		return Copies{None: r[0], One: r[1], More: r[2]}
	}
	f := Figures{
		Scheduled: t.scheduled, Dropped: t.dropped, Written: t.written, Consumed: t.consumed, Lost: t.lost,
		Matrix:     Matrix{Confirmed: row(ledger.Confirmed), Failed: row(ledger.Failed), Unknown: row(ledger.Unknown)},
		Causes:     named(t.causes),
		LateCauses: named(t.late),
		CopiesBy:   named(t.copiesBy),
		Attempts:   named(t.attempts),
	}
	for _, n := range t.copiesBy {
		f.ExtraCopies += n
	}
	m := f.Matrix
	f.Confirmed, f.Failed, f.Unknown = m.Confirmed.total(), m.Failed.total(), m.Unknown.total()
	f.Cells = Cells{
		Delivered:     m.Confirmed.One,
		Vanished:      m.Confirmed.None,
		Duplicated:    m.Confirmed.More + m.Failed.More + m.Unknown.More,
		Refused:       m.Failed.None,
		Phantom:       m.Failed.One,
		LostInSilence: m.Unknown.None,
		Unconfirmed:   m.Unknown.One,
		Dropped:       t.dropped,
	}
	return f
}

func (c Copies) total() int64 { return c.None + c.One + c.More }

// named are counts under the names that reports use, those of nothing left out.
func named[K interface {
	comparable
	String() string
}](counts map[K]int64) map[string]int64 {
	out := make(map[string]int64, len(counts))
	for key, n := range counts {
		if n != 0 {
			out[key.String()] += n
		}
	}
	return out
}
