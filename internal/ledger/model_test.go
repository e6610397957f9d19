package ledger

import (
	"maps"
	"slices"

	"pgregory.net/rapid"
)

// message is the naive model of one message: all of its facts, kept.
type message []Fact

func (m message) last(kind Kind) (last Fact, found bool) {
	for _, f := range m {
		if f.Kind == kind {
			last, found = f, true
		}
	}
	return last, found
}

func (m message) has(kinds ...Kind) bool {
	return slices.ContainsFunc(m, func(f Fact) bool { return slices.Contains(kinds, f.Kind) })
}

func (m message) scheduled() bool {
	return m.has(Offered, Dropped, Accepted, Refused, Answered, Retried, Told)
}

// enter puts the message into an account, as the design's table has it.
func (m message) enter(a *Account, settled bool) {
	var copies, extra int64
	attempts := map[int32]bool{}
	first := true
	for _, maker := range []Maker{MadeByApplication, MadeByReplay, MadeByRepublish} {
		for _, f := range m {
			if f.Kind != Written || f.Maker != maker {
				continue
			}
			copies++
			switch {
			case first: // not an extra one
			case maker == MadeByApplication && attempts[f.Attempt]:
				a.CopiesBy[MadeByClient]++
				extra++
			default:
				a.CopiesBy[maker]++
				extra++
			}
			first = false
			if maker == MadeByApplication {
				attempts[f.Attempt] = true
			}
		}
	}
	for _, f := range m {
		if f.Kind == Consumed {
			a.Consumed++
		}
	}
	a.Scheduled++
	a.Written += copies
	a.ExtraCopies += extra

	told, wasTold := m.last(Told)
	drop, wasDropped := m.last(Dropped)
	outcome, cause := told.Outcome, told.Cause
	taken := copies > 0 || m.has(Accepted, Answered)
	switch {
	case wasTold:
	case wasDropped && taken:
		outcome, cause = Unknown, drop.Cause
	case wasDropped:
		cause = drop.Cause
	case !settled:
		a.InFlight++
		return
	case taken:
		outcome, cause = Unknown, ApplicationKilled
	default:
		cause = ApplicationKilled
	}
	switch outcome {
	case NotTold:
		a.Dropped++
	case Confirmed:
		a.Confirmed++
	case Failed:
		a.Failed++
	case Unknown:
		a.Unknown++
	}
	if outcome != NotTold {
		a.Matrix[outcome-1][min(copies, 2)]++
	}
	if copies > 0 {
		return
	}
	a.Lost++
	answer := NoCause
	for _, f := range m {
		if f.Kind == Answered && f.Outcome == Failed {
			answer = f.Cause
		}
	}
	if cause == NotAwaited && answer != NoCause {
		cause = answer
	}
	if cause == NoCause {
		cause = Other
	}
	if outcome == Confirmed {
		cause = Acknowledged
	}
	a.Causes[cause]++
	if cause == WaitTimeout && answer != NoCause {
		a.Causes[answer]++
		a.LateCauses[answer]++
	}
}

// naive is the account of facts, computed the slow and simple way.
func naive(facts []Fact, settled bool) Account {
	a := Account{Causes: map[Cause]int64{}, LateCauses: map[Cause]int64{}, CopiesBy: map[Maker]int64{}, Attempts: map[Cause]int64{}}
	messages := map[int64]message{}
	for _, f := range facts {
		switch {
		case f.Kind == Unread:
			a.Unread += max(0, f.Until-f.Offset)
		case f.Kind > Consumed:
		case f.Seq < 0 || f.Seq >= MaxMessages:
			a.Ignored++
		default:
			messages[f.Seq] = append(messages[f.Seq], f)
			if f.Kind == Retried || f.Kind == Told && f.Attempt > 0 && f.Outcome != Confirmed {
				a.Attempts[f.Cause]++
			}
		}
	}
	for _, m := range messages {
		if m.scheduled() {
			m.enter(&a, settled)
			continue
		}
		for _, f := range m {
			if f.Kind == Written {
				a.Foreign++
			}
		}
	}
	return a
}

// sensible draws a fact of a run: few messages, few attempts, any order.
func sensible() *rapid.Generator[Fact] {
	causes := []Cause{NoCause, 7, BufferExhausted, WaitTimeout, DeliveryTimeout, NotAwaited, ApplicationKilled}
	return rapid.Custom(func(t *rapid.T) Fact {
		f := Fact{
			Kind:    Kind(rapid.IntRange(1, int(kinds)-1).Draw(t, "kind")),
			Seq:     rapid.OneOf(rapid.Int64Range(0, 5), rapid.Int64Range(pageLen-1, pageLen), rapid.Just(int64(-1)), rapid.Just(int64(1)<<60)).Draw(t, "seq"),
			Attempt: rapid.OneOf(rapid.Int32Range(0, 3), rapid.Int32Range(15, 18)).Draw(t, "attempt"),
			Outcome: Outcome(rapid.IntRange(int(Confirmed), int(Unknown)).Draw(t, "outcome")),
			Maker:   rapid.SampledFrom([]Maker{MadeByApplication, MadeByApplication, MadeByRepublish, MadeByReplay}).Draw(t, "maker"),
			Cause:   rapid.SampledFrom(causes).Draw(t, "cause"),
		}
		if f.Kind == Unread {
			f.Offset, f.Until = rapid.Int64Range(0, 9).Draw(t, "offset"), rapid.Int64Range(0, 9).Draw(t, "until")
		}
		return f
	})
}

func equal(a, b Account) bool {
	if !maps.Equal(a.Causes, b.Causes) || !maps.Equal(a.LateCauses, b.LateCauses) || !maps.Equal(a.CopiesBy, b.CopiesBy) || !maps.Equal(a.Attempts, b.Attempts) {
		return false
	}
	for _, x := range []*Account{&a, &b} {
		x.Causes, x.LateCauses, x.CopiesBy, x.Attempts = nil, nil, nil, nil
	}
	type figures struct { // an Account without its maps can be compared
		s, d, i, c, f, u, w, n, l, e, x, r, g int64
		m                                     [3][3]int64
	}
	of := func(a Account) figures {
		return figures{a.Scheduled, a.Dropped, a.InFlight, a.Confirmed, a.Failed, a.Unknown, a.Written, a.Consumed,
			a.Lost, a.ExtraCopies, a.Foreign, a.Unread, a.Ignored, a.Matrix}
	}
	return of(a) == of(b)
}
