package ledger

import (
	"iter"
	"math"
	"testing"
	"time"

	"go.uber.org/goleak"
	"pgregory.net/rapid"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// anyFact draws a fact with every field set to anything at all, those that its
// kind does not name included.
func anyFact() *rapid.Generator[Fact] {
	duration := rapid.Custom(func(t *rapid.T) time.Duration {
		if rapid.IntRange(0, 9).Draw(t, "odd") == 0 {
			return time.Duration(rapid.Int64().Draw(t, "duration"))
		}
		return time.Duration(rapid.Int64Range(0, int64(time.Hour)).Draw(t, "duration"))
	})
	return rapid.Custom(func(t *rapid.T) Fact {
		return Fact{
			Kind:      Kind(rapid.IntRange(1, int(kinds)-1).Draw(t, "kind")),
			Outcome:   Outcome(rapid.IntRange(0, int(Unknown)).Draw(t, "outcome")),
			Maker:     Maker(rapid.IntRange(0, int(makers)-1).Draw(t, "maker")),
			Cause:     Cause(rapid.Int16().Draw(t, "cause")),
			Attempt:   rapid.OneOf(rapid.Int32Range(1, 3), rapid.Int32()).Draw(t, "attempt"),
			Seq:       rapid.OneOf(rapid.Int64Range(0, 20), rapid.Int64()).Draw(t, "seq"),
			At:        duration.Draw(t, "at"),
			Lag:       duration.Draw(t, "lag"),
			Queue:     duration.Draw(t, "queue"),
			Blocked:   duration.Draw(t, "blocked"),
			Ack:       duration.Draw(t, "ack"),
			Send:      duration.Draw(t, "send"),
			Total:     duration.Draw(t, "total"),
			Partition: rapid.Int32().Draw(t, "partition"),
			Offset:    rapid.OneOf(rapid.Int64Range(0, math.MaxInt32), rapid.Int64()).Draw(t, "offset"),
			Until:     rapid.Int64().Draw(t, "until"),
			Note:      rapid.String().Draw(t, "note"),
			Sample:    rapid.Ptr(anySample(), true).Draw(t, "sample"),
		}
	})
}

func anySample() *rapid.Generator[Sample] {
	return rapid.Custom(func(t *rapid.T) Sample {
		var s Sample
		for _, figure := range s.figures() {
			*figure = rapid.Int64().Draw(t, "figure")
		}
		return s
	})
}

// kept is what the ledger promises to keep of a fact, written down by kind as
// fact.go has it, and not as the encoder does it.
func kept(f Fact) Fact {
	whole := func(d time.Duration) time.Duration { return d.Truncate(time.Microsecond) }
	k := Fact{Kind: f.Kind, Seq: f.Seq, Cause: f.Cause, Outcome: f.Outcome, At: whole(f.At)}
	switch f.Kind {
	case Offered:
		k.Lag = whole(f.Lag)
	case Accepted, Refused:
		k.Attempt, k.Queue, k.Blocked = f.Attempt, whole(f.Queue), whole(f.Blocked)
	case Answered:
		k.Attempt, k.Ack, k.Partition, k.Offset = f.Attempt, whole(f.Ack), f.Partition, f.Offset
	case Retried:
		k.Attempt = f.Attempt
	case Told:
		k.Attempt, k.Send, k.Total = f.Attempt, whole(f.Send), whole(f.Total)
	case Written:
		k.Outcome, k.Maker = NotTold, f.Maker
		k.Attempt, k.Partition, k.Offset = f.Attempt, f.Partition, f.Offset
	case Consumed:
		k.Attempt, k.Partition, k.Offset = f.Attempt, f.Partition, f.Offset
	case Unread:
		k.Partition, k.Offset, k.Until = f.Partition, f.Offset, f.Until
	case FaultBegan, FaultEnded, StateChanged:
		k.Note = f.Note
	case Sampled:
		k.Sample = f.Sample
	}
	return k
}

// same compares two facts, the samples behind their pointers included.
func same(a, b Fact) bool {
	if (a.Sample == nil) != (b.Sample == nil) || a.Sample != nil && *a.Sample != *b.Sample {
		return false
	}
	a.Sample, b.Sample = nil, nil
	return a == b
}

// all gathers what Read yields: the facts and the error that came last.
func all(facts iter.Seq2[Fact, error]) (got []Fact, failed error) {
	for f, err := range facts {
		if err != nil {
			return got, err
		}
		got = append(got, f)
	}
	return got, nil
}
