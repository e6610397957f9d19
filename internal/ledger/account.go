package ledger

import "maps"

// Account is the sum of the books. It always holds that
//
//	Scheduled   = Confirmed + Failed + Unknown + Dropped + InFlight
//	Lost        = the messages without a copy, those in flight apart
//	            = the sum of Causes - the sum of LateCauses
//	ExtraCopies = Written - the messages with a copy = the sum of CopiesBy
//
// Foreign copies and ignored facts are in none of these sums. While Unread is
// not 0, retention has overtaken the log reader: a message without a copy may
// well be in the log, and no verdict on such messages is certain.
type Account struct {
	Scheduled int64
	Dropped   int64 // beside the matrix: the producer never had it, and there is no copy
	InFlight  int64 // no last word yet; 0 once settled
	Confirmed int64 // the matrix's rows
	Failed    int64
	Unknown   int64

	Written     int64 // copies in the log
	Consumed    int64 // copies that the consumer group got
	Lost        int64
	ExtraCopies int64

	// Matrix is by Outcome, from Confirmed, and by copies: 0, 1, 2 or more.
	Matrix [3][3]int64
	// Causes are why messages are lost, CopiesBy who made the extra copies. None
	// of the maps has an entry of 0.
	//
	// A lost message stands under what the application was told; and if it had
	// stopped listening, and the producer said later why it gave the message up,
	// under that as well. LateCauses are those second ones, which Causes contain.
	Causes     map[Cause]int64
	LateCauses map[Cause]int64
	CopiesBy   map[Maker]int64

	// Attempts are how the application saw its attempts end that did not end in
	// a yes: one for each Retried fact, and one for each Told fact with an
	// attempt behind it and an outcome other than Confirmed.
	Attempts map[Cause]int64

	Foreign int64 // copies of messages that were never scheduled
	Unread  int64 // offsets that nobody saw
	Ignored int64 // facts about a message out of all bounds, or that make no sense
}

// Cells are the numbers of messages by cell, those with none left out.
func (a Account) Cells() map[Cell]int64 {
	cells := make(map[Cell]int64)
	put := func(cell Cell, n int64) {
		if n != 0 {
			cells[cell] += n
		}
	}
	for row, names := range matrix {
		for col, name := range names {
			put(name, a.Matrix[row][col])
		}
	}
	put(CellDropped, a.Dropped)
	put(CellInFlight, a.InFlight)
	return cells
}

// tally is the part of an account that one page of the books contributes. What
// is in flight stays apart, so that it can be settled or not when it is summed.
type tally struct {
	scheduled, written, consumed, foreign, dropped int64

	matrix [3][3]int64
	// taken are in flight by copies, and the producer had them or the log has;
	// untaken are in flight and nowhere yet.
	taken    [3]int64
	untaken  int64
	causes   map[Cause]int64 // nil for none
	late     map[Cause]int64 // nil for none
	copiesBy [makers]int64
}

// add puts one entry of the books, as it is while the run goes on, into the sum.
func (t *tally) add(e Entry, taken bool) {
	if !e.Scheduled {
		t.foreign += int64(e.Copies)
		return
	}
	t.scheduled++
	t.written += int64(e.Copies)
	t.consumed += int64(e.Consumed)
	for maker, n := range e.Extra {
		t.copiesBy[maker] += int64(n)
	}
	col := min(e.Copies, 2)
	switch {
	case e.Dropped:
		t.dropped++
	case e.Outcome != NotTold:
		t.matrix[e.Outcome-Confirmed][col]++
	case taken:
		t.taken[col]++
	default:
		t.untaken++
	}
	if e.Lost() {
		count(&t.causes, e.Cause)
		if e.Late != NoCause {
			count(&t.causes, e.Late)
			count(&t.late, e.Late)
		}
	}
}

// count adds one to a map that may not be there yet.
func count(m *map[Cause]int64, c Cause) {
	if *m == nil {
		*m = make(map[Cause]int64)
	}
	(*m)[c]++
}

// plus adds another tally to this one.
func (t *tally) plus(o *tally) {
	t.scheduled += o.scheduled
	t.written += o.written
	t.consumed += o.consumed
	t.foreign += o.foreign
	t.dropped += o.dropped
	for row := range t.matrix {
		for col := range t.matrix[row] {
			t.matrix[row][col] += o.matrix[row][col]
		}
	}
	for col := range t.taken {
		t.taken[col] += o.taken[col]
	}
	t.untaken += o.untaken
	for cause, n := range o.causes {
		t.causes[cause] += n
	}
	for cause, n := range o.late {
		t.late[cause] += n
	}
	for maker := range t.copiesBy {
		t.copiesBy[maker] += o.copiesBy[maker]
	}
}

// settle gives what is in flight its last place: the application has died.
func (t *tally) settle() {
	silent := &t.matrix[Unknown-Confirmed]
	for col, n := range t.taken {
		silent[col] += n
	}
	t.dropped += t.untaken
	if lost := t.taken[0] + t.untaken; lost > 0 {
		t.causes[ApplicationKilled] += lost
	}
	t.taken, t.untaken = [3]int64{}, 0
}

// Account is the sum of all entries as they are. Until the books are settled,
// messages without a last word are InFlight; and a message counts as lost as
// soon as it has its last word and no copy was read yet. It costs what has
// changed since the last one, not what is in the books. The maps are the
// caller's.
func (b *Books) Account() Account {
	sum := tally{causes: make(map[Cause]int64), late: make(map[Cause]int64)}
	for _, p := range b.pages {
		if p != nil {
			sum.plus(b.tallyOf(p))
		}
	}
	if b.settled {
		sum.settle()
	}
	a := Account{
		Scheduled:  sum.scheduled,
		Dropped:    sum.dropped,
		InFlight:   sum.taken[0] + sum.taken[1] + sum.taken[2] + sum.untaken,
		Written:    sum.written,
		Consumed:   sum.consumed,
		Matrix:     sum.matrix,
		Causes:     sum.causes,
		LateCauses: sum.late,
		CopiesBy:   make(map[Maker]int64),
		Attempts:   maps.Clone(b.attempts),
		Foreign:    sum.foreign,
		Unread:     b.unread,
		Ignored:    b.ignored,
	}
	for row, total := range []*int64{&a.Confirmed, &a.Failed, &a.Unknown} {
		cells := a.Matrix[row]
		*total = cells[0] + cells[1] + cells[2]
		a.Lost += cells[0]
	}
	a.Lost += a.Dropped
	for maker, n := range sum.copiesBy {
		if n > 0 {
			a.CopiesBy[Maker(maker)] = n
			a.ExtraCopies += n
		}
	}
	return a
}

// Settle closes the books of a run that has ended or was killed, and returns
// the final account: a message that never had its last word is told nothing
// (Unknown) when the producer or the log has it, and dropped when neither does,
// both because of ApplicationKilled. Facts that come later are still entered.
func (b *Books) Settle() Account {
	b.settled = true
	return b.Account()
}

// tallyOf sums a page up, if anything on it has changed.
func (b *Books) tallyOf(p *page) *tally {
	if !p.stale {
		return &p.sum
	}
	p.sum = tally{}
	for i := range p.entries {
		if e := &p.entries[i]; e.flags != 0 {
			p.sum.add(b.read(e, p.first+int64(i), false), e.taken())
		}
	}
	p.stale = false
	return &p.sum
}
