package report

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"kafkasim.example/simd/internal/ledger"
	"kafkasim.example/simd/internal/scenario"
)

// drawScenario draws a small plan, with or without faults.
func drawScenario(t *rapid.T) *scenario.Scenario {
	text := "name: drawn\nload:\n  first: " + fmt.Sprint(rapid.IntRange(0, 3).Draw(t, "first")) + "s\n  phases:\n"
	for i := range rapid.IntRange(1, 3).Draw(t, "phases") {
		text += fmt.Sprintf("    - {for: %ds, rate: %d}\n", rapid.IntRange(1, 12).Draw(t, "for"), rapid.IntRange(i&1, 4).Draw(t, "rate"))
	}
	if n := rapid.IntRange(0, 2).Draw(t, "faults"); n > 0 {
		text += "faults:\n"
		for range n {
			text += fmt.Sprintf("  - {kind: slow, latency: 10ms, at: %ds, for: %ds}\n",
				rapid.IntRange(0, 20).Draw(t, "at"), rapid.IntRange(1, 20).Draw(t, "for"))
		}
	}
	text += "expect: {lost: \"<= 3\", delivered: \"== scheduled\"}\n"
	s, err := scenario.Parse([]byte(text))
	if err != nil {
		t.Skip(err) // a load without any message, a fault past all ends
	}
	return s
}

// drawFacts draws lives of a plan's messages, however unlikely, in the order
// in which they might reach the ledger: that of time, nearly.
func drawFacts(t *rapid.T, s *scenario.Scenario) []ledger.Fact {
	ms := func(label string, most int) time.Duration {
		return time.Duration(rapid.IntRange(0, most).Draw(t, label)) * time.Millisecond
	}
	causes := []ledger.Cause{ledger.BufferExhausted, ledger.WaitTimeout, ledger.DeliveryTimeout, ledger.QueueFull, ledger.ApplicationKilled, ledger.Other, 6}
	cause := rapid.SampledFrom(causes)
	var facts []ledger.Fact
	plan := s.Plan()
	for seq := range plan.Total() {
		at := plan.Due(seq)
		add := func(f ledger.Fact) {
			f.Seq, f.At = seq, at
			facts = append(facts, f)
		}
		life := rapid.IntRange(0, 9).Draw(t, "life")
		if life == 0 {
			continue // the run was stopped before
		}
		lag := ms("lag", 5)
		at += lag
		add(ledger.Fact{Kind: ledger.Offered, Lag: lag})
		if life == 1 {
			continue // it died in the queue
		}
		if life == 2 {
			add(ledger.Fact{Kind: ledger.Dropped, Cause: cause.Draw(t, "cause")})
			continue
		}
		queue, blocked := ms("queue", 3000), ms("blocked", 3000)
		at += queue + blocked
		if life == 3 {
			add(ledger.Fact{Kind: ledger.Refused, Attempt: 1, Queue: queue, Blocked: blocked, Cause: ledger.BufferExhausted})
			add(ledger.Fact{Kind: ledger.Told, Attempt: 1, Outcome: ledger.Failed, Cause: ledger.BufferExhausted, Send: blocked, Total: at - plan.Due(seq)})
			continue
		}
		add(ledger.Fact{Kind: ledger.Accepted, Attempt: 1, Queue: queue, Blocked: blocked})
		for n := range rapid.IntRange(0, 3).Draw(t, "copies") {
			at += ms("way", 2000)
			f := ledger.Fact{Kind: ledger.Written, Attempt: 1, Offset: seq*3 + int64(n)}
			add(f)
			if rapid.Bool().Draw(t, "read") {
				f.Kind = ledger.Consumed
				add(f)
			}
		}
		if life == 4 {
			continue // it died on the way
		}
		if rapid.Bool().Draw(t, "again") {
			add(ledger.Fact{Kind: ledger.Retried, Attempt: 1, Outcome: ledger.Unknown, Cause: cause.Draw(t, "cause")})
		}
		told := ledger.Fact{Kind: ledger.Told, Attempt: 1, Outcome: ledger.Outcome(rapid.IntRange(1, 3).Draw(t, "told")), Send: ms("send", 20000), Total: at - plan.Due(seq)}
		if told.Outcome != ledger.Confirmed {
			told.Cause = cause.Draw(t, "cause")
		}
		add(told)
	}
	for i := range 30 {
		sample := &ledger.Sample{BufferTotal: 100, BufferAvailable: int64(rapid.IntRange(0, 100).Draw(t, "free")), ThrottleTime: ms("throttle", 100)}
		facts = append(facts, ledger.Fact{Kind: ledger.Sampled, At: time.Duration(i) * time.Second, Sample: sample})
	}
	facts = append(facts, ledger.Fact{Kind: ledger.StateChanged, At: time.Hour / 2, Note: "completed"})
	jitter := make([]time.Duration, len(facts))
	for i := range facts {
		jitter[i] = facts[i].At + ms("shard", 200)
	}
	order := make([]int, len(facts))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(jitter[a], jitter[b]) })
	out := make([]ledger.Fact, len(facts))
	for i, j := range order {
		out[i] = facts[j]
	}
	return out
}

// TestEveryMessageIsCountedOnce: whatever happens to the messages, the parts of
// the report sum to its whole, and its JSON comes back as it went.
func TestEveryMessageIsCountedOnce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := drawScenario(t)
		facts := drawFacts(t, s)
		speed := rapid.SampledFrom([]float64{1, 20}).Draw(t, "speed")
		whole := NewBuilder(Meta{ID: "x", Speed: speed, Scenario: s})
		whole.AddBatch(facts)
		r := whole.Report()

		sums(t, "the matrix and the dropped", r.Scheduled, r.Matrix.Confirmed.total()+r.Matrix.Failed.total()+r.Matrix.Unknown.total()+r.Dropped)
		var cells int64
		for _, n := range r.Cells.ByName() {
			cells += n
		}
		sums(t, "the cells", r.Scheduled, cells)
		sums(t, "the causes", r.Lost, total(r.Causes)-total(r.LateCauses))
		sums(t, "the makers", r.ExtraCopies, total(r.CopiesBy))

		account := ledger.NewBooks()
		for i := range facts {
			account.Add(&facts[i])
		}
		agrees(t, account.Settle(), r.Figures)

		phases := make(map[string]int64)
		for i := range r.Phases {
			if p := &r.Phases[i]; p.Kind == PhaseLoad {
				for name, n := range flat(&p.Figures) {
					phases[name] += n
				}
			}
		}
		if whole := flat(&r.Figures); !maps.Equal(phases, whole) {
			t.Fatalf("the load phases sum to\n%+v\nthe whole is\n%+v", phases, whole)
		}
		var rows Row
		for _, row := range r.Timeline {
			rows.Scheduled += row.Scheduled
			rows.Confirmed += row.Confirmed
			rows.Failed += row.Failed
			rows.Unknown += row.Unknown
			rows.Dropped += row.Dropped
			rows.Written += row.Written
			rows.Consumed += row.Consumed
		}
		sums(t, "scheduled in the timeline", r.Scheduled, rows.Scheduled)
		sums(t, "confirmed in the timeline", r.Confirmed, rows.Confirmed)
		sums(t, "failed in the timeline", r.Failed, rows.Failed)
		sums(t, "unknown in the timeline", r.Unknown, rows.Unknown)
		sums(t, "dropped in the timeline", r.Dropped, rows.Dropped)
		sums(t, "written in the timeline", r.Written, rows.Written)
		sums(t, "consumed in the timeline", r.Consumed, rows.Consumed)
		if len(r.Timeline) > maxRows {
			t.Fatalf("%d rows", len(r.Timeline))
		}

		data, err := json.Marshal(r) // fails on NaN and Inf
		if err != nil {
			t.Fatal(err)
		}
		var back Report
		if err := json.Unmarshal(data, &back); err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(&back, r) {
			t.Fatalf("came back from JSON as\n%+v\nwas\n%+v", &back, r)
		}

		batches := NewBuilder(Meta{ID: "x", Speed: speed, Scenario: s})
		for len(facts) > 0 {
			n := rapid.IntRange(1, len(facts)).Draw(t, "batch")
			if n == 1 {
				batches.Add(&facts[0])
			} else {
				batches.AddBatch(facts[:n])
			}
			facts = facts[n:]
			account := batches.books.Account()
			live := batches.Live()
			sums(t, "in flight", account.InFlight, live.InFlight)
			sums(t, "unverified in the matrix", live.Matrix.Confirmed.None, live.Cells.Vanished+live.Unverified)
			if n := live.Unverified; n > 0 {
				live.Lost, live.Cells.Vanished = live.Lost+n, n
				live.Causes["acknowledged"] = n
			}
			agrees(t, account, Figures{
				Scheduled: live.Scheduled, Confirmed: live.Confirmed, Failed: live.Failed, Unknown: live.Unknown, Dropped: live.Dropped,
				Written: live.Written, Consumed: live.Consumed, Lost: live.Lost, ExtraCopies: live.ExtraCopies,
				Cells: live.Cells, Causes: live.Causes, LateCauses: live.LateCauses, CopiesBy: live.CopiesBy, Attempts: live.Attempts,
			})
		}
		if again := batches.Report(); !reflect.DeepEqual(again, r) {
			t.Fatalf("in batches:\n%+v\nat once:\n%+v", again, r)
		}
	})
}

func sums(t *rapid.T, what string, want, got int64) {
	if got != want {
		t.Fatalf("%s: sum %d, want %d", what, got, want)
	}
}

func total(counts map[string]int64) int64 {
	var n int64
	for _, v := range counts {
		n += v
	}
	return n
}

// flat are all counts by their paths, those of nothing left out.
func flat(f *Figures) map[string]int64 {
	out := f.counts()
	group := func(prefix string, counts map[string]int64) {
		for name, n := range counts {
			out[prefix+"."+name] = n
		}
	}
	group("cells", f.Cells.ByName())
	group("causes", f.Causes)
	group("late_causes", f.LateCauses)
	group("copies_by", f.CopiesBy)
	group("attempts", f.Attempts)
	maps.DeleteFunc(out, func(_ string, n int64) bool { return n == 0 })
	return out
}

// agrees holds the report's counts against the ledger's own account.
func agrees(t *rapid.T, a ledger.Account, f Figures) {
	sums(t, "scheduled", a.Scheduled, f.Scheduled)
	sums(t, "confirmed", a.Confirmed, f.Confirmed)
	sums(t, "failed", a.Failed, f.Failed)
	sums(t, "unknown", a.Unknown, f.Unknown)
	sums(t, "dropped", a.Dropped, f.Dropped)
	sums(t, "written", a.Written, f.Written)
	sums(t, "consumed", a.Consumed, f.Consumed)
	sums(t, "lost", a.Lost, f.Lost)
	sums(t, "extra copies", a.ExtraCopies, f.ExtraCopies)
	cells := a.Cells()
	delete(cells, ledger.CellInFlight)
	for cell, n := range cells {
		sums(t, string(cell), n, f.Cells.ByName()[string(cell)])
	}
	if !maps.Equal(named(a.Causes), f.Causes) || !maps.Equal(named(a.LateCauses), f.LateCauses) || !maps.Equal(named(a.CopiesBy), f.CopiesBy) || !maps.Equal(named(a.Attempts), f.Attempts) {
		t.Fatalf("causes, makers or attempts of\n%+v\nthe account is\n%+v", f, a)
	}
}
