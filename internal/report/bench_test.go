package report

import (
	"testing"
	"time"

	"kafkasim.example/simd/internal/ledger"
	"kafkasim.example/simd/internal/scenario"
)

// busy is a run of a hundred thousand messages a second for ten seconds: six
// facts a message, with times spread over three powers of ten.
func busy(b *testing.B) (*scenario.Scenario, []ledger.Fact) {
	s := parse(b, "name: busy\nload: {phases: [{name: hold, for: 10s, rate: 100000}]}\n")
	plan := s.Plan()
	facts := make([]ledger.Fact, 0, 6*plan.Total())
	spread := uint64(1)
	for seq := range plan.Total() {
		spread = spread*6364136223846793005 + 1442695040888963407
		way := time.Millisecond * time.Duration(1+spread>>40%1000)
		at := plan.Due(seq)
		facts = append(facts,
			ledger.Fact{Kind: ledger.Offered, Seq: seq, At: at, Lag: way / 1000},
			ledger.Fact{Kind: ledger.Accepted, Seq: seq, Attempt: 1, At: at, Queue: way / 100, Blocked: way / 50},
			ledger.Fact{Kind: ledger.Answered, Seq: seq, Attempt: 1, At: at + way, Outcome: ledger.Confirmed, Ack: way},
			ledger.Fact{Kind: ledger.Told, Seq: seq, Attempt: 1, At: at + way, Outcome: ledger.Confirmed, Send: way, Total: way},
			ledger.Fact{Kind: ledger.Written, Seq: seq, Attempt: 1, At: at + way},
			ledger.Fact{Kind: ledger.Consumed, Seq: seq, Attempt: 1, At: at + way})
	}
	return s, facts
}

func BenchmarkAddBatch(b *testing.B) {
	s, facts := busy(b)
	b.ReportAllocs()
	for b.Loop() {
		builder := NewBuilder(Meta{Scenario: s})
		for rest := facts; len(rest) > 0; {
			n := min(1024, len(rest))
			builder.AddBatch(rest[:n])
			rest = rest[n:]
		}
	}
	b.ReportMetric(float64(len(facts))*float64(b.N)/b.Elapsed().Seconds(), "facts/s")
}

// BenchmarkLive is the cost of a snapshot when a second's worth of an ordinary
// run's facts, thirty messages, came since the last.
func BenchmarkLive(b *testing.B) {
	s, facts := busy(b)
	builder := NewBuilder(Meta{Scenario: s})
	const lead = 1_200_000
	builder.AddBatch(facts[:lead])
	rest := facts[lead:]
	for b.Loop() {
		if len(rest) < 180 {
			b.StopTimer()
			builder = NewBuilder(Meta{Scenario: s})
			builder.AddBatch(facts[:lead])
			builder.Live()
			rest = facts[lead:]
			b.StartTimer()
		}
		builder.AddBatch(rest[:180])
		rest = rest[180:]
		builder.Live()
	}
}

func BenchmarkReport(b *testing.B) {
	s, facts := busy(b)
	builder := NewBuilder(Meta{Scenario: s})
	builder.AddBatch(facts)
	for b.Loop() {
		builder.Report()
	}
}
