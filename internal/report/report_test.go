package report

import (
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"kafkasim.example/simd/internal/ledger"
)

// minute is sixty messages, one a second from t = 0 on.
const minute = `
name: minute
load: {phases: [{name: first, for: 30s, rate: 1}, {name: second, for: 30s, rate: 1}]}
expect: {lost: "== 1", causes.buffer_exhausted: "== lost", vanished: "== 0"}
`

// delivered is the ordinary life of a message: offered when due, told yes 20 ms
// later, in the log once and read once.
func delivered(seq int64, due time.Duration) []ledger.Fact {
	end := due + 20*time.Millisecond
	return []ledger.Fact{
		{Kind: ledger.Offered, Seq: seq, At: due},
		{Kind: ledger.Accepted, Seq: seq, Attempt: 1, At: due},
		{Kind: ledger.Answered, Seq: seq, Attempt: 1, At: end, Outcome: ledger.Confirmed, Ack: 20 * time.Millisecond},
		{Kind: ledger.Told, Seq: seq, Attempt: 1, At: end, Outcome: ledger.Confirmed, Send: 20 * time.Millisecond, Total: 20 * time.Millisecond},
		{Kind: ledger.Written, Seq: seq, Attempt: 1, At: end},
		{Kind: ledger.Consumed, Seq: seq, Attempt: 1, At: end},
	}
}

// refused is a message that found no buffer memory for 5 s.
func refused(seq int64, due time.Duration) []ledger.Fact {
	const wait = 5 * time.Second
	return []ledger.Fact{
		{Kind: ledger.Offered, Seq: seq, At: due},
		{Kind: ledger.Refused, Seq: seq, Attempt: 1, At: due + wait, Blocked: wait, Cause: ledger.BufferExhausted},
		{Kind: ledger.Told, Seq: seq, Attempt: 1, At: due + wait, Outcome: ledger.Failed, Cause: ledger.BufferExhausted, Send: wait, Total: wait},
	}
}

func state(name string, at time.Duration) ledger.Fact {
	return ledger.Fact{Kind: ledger.StateChanged, At: at, Note: name}
}

// played is a builder that has seen all of a plan delivered but for the messages
// whose lives are given.
func played(t *testing.T, text string, lives map[int64][]ledger.Fact) *Builder {
	t.Helper()
	s := parse(t, text)
	b := NewBuilder(Meta{ID: "r1", Cluster: "embedded", Seed: 1, Scenario: s})
	plan := s.Plan()
	for seq := range plan.Total() {
		life, ok := lives[seq]
		if !ok {
			life = delivered(seq, plan.Due(seq))
		}
		b.AddBatch(life)
	}
	return b
}

func TestVerdict(t *testing.T) {
	lost := map[int64][]ledger.Fact{40: refused(40, 40*time.Second)}
	for _, c := range []struct {
		story   string
		lives   map[int64][]ledger.Fact
		more    []ledger.Fact
		end     string
		ok      string
		verdict string
	}{
		{"shows what it is there to show", lost, nil, "completed", "true", "All 3 expectations held."},
		{"shows something else", nil, nil, "completed", "false", "1 of 3 expectations did not hold."},
		{"was stopped", lost, nil, "stopped", "nil", "No verdict: the run is stopped, not completed."},
		{"was killed", lost, nil, "interrupted", "nil", "No verdict: the run is interrupted, not completed."},
		{"lost offsets to retention", lost, []ledger.Fact{{Kind: ledger.Unread, Offset: 100, Until: 1304}}, "completed", "nil", "No verdict: part of the log went unread."},
	} {
		t.Run(c.story, func(t *testing.T) {
			b := played(t, minute, c.lives)
			b.AddBatch(append(c.more, state(c.end, time.Minute)))
			r := b.Report()
			ok := "nil"
			if r.Ok != nil {
				ok = map[bool]string{true: "true", false: "false"}[*r.Ok]
			}
			if ok != c.ok || r.Verdict() != c.verdict {
				t.Errorf("ok %s, %q; want %s, %q", ok, r.Verdict(), c.ok, c.verdict)
			}
			if len(r.Expectations) != 3 {
				t.Errorf("%d expectations are shown", len(r.Expectations))
			}
		})
	}
}

func TestNotes(t *testing.T) {
	b := played(t, minute, nil)
	b.AddBatch([]ledger.Fact{
		{Kind: ledger.Unread, Offset: 100, Until: 1304},
		{Kind: ledger.Written, Seq: 99, At: time.Minute}, // beyond the plan
		state("running", 0),
		state("reconciling", 431*time.Second),
	})
	b.Conclude("interrupted", "the process was killed", "The disk was full from t = 400 s on.")
	r := b.Report()
	want := []string{
		"Interrupted: the figures end at t = 431 s, with 60 of 60 planned messages scheduled.",
		"The process was killed.",
		"1,204 offsets went unread, because retention deleted them before the log reader came: no verdict on messages without a copy.",
		"1 fact made no sense and was ignored.",
		"The disk was full from t = 400 s on.",
	}
	if got := strings.Join(r.Notes, "\n"); got != strings.Join(want, "\n") {
		t.Errorf("notes:\n%s\nwant:\n%s", got, strings.Join(want, "\n"))
	}
	if r.State != "interrupted" || r.Unread != 1204 {
		t.Errorf("state %s, unread %d", r.State, r.Unread)
	}
}

// TestMessagesBelongToTheWindowTheyWereDueIn although they are lost in the next one.
func TestMessagesBelongToTheWindowTheyWereDueIn(t *testing.T) {
	b := played(t, minute, map[int64][]ledger.Fact{29: refused(29, 29*time.Second)})
	r := b.Report()
	for name, want := range map[string]float64{
		"phases.first.scheduled": 30, "phases.first.lost": 1, "phases.first.causes.buffer_exhausted": 1,
		"phases.first.send.max": 5, "phases.second.scheduled": 30, "phases.second.lost": 0, "phases.second.send.max": 0.02,
		"phases.second.vanished": 0,
	} {
		if got, ok := r.Figure(name); !ok || got != want {
			t.Errorf("%s = %v, %v; want %v", name, got, ok, want)
		}
	}
	if row := r.Timeline[34]; row.Failed != 1 || row.Send.Max != 5 {
		t.Errorf("the row in which it was told: %+v", row)
	}
}

func TestFigure(t *testing.T) {
	r := built(t, parse(t, small), 1)
	for name, want := range map[string]float64{
		"scheduled": 436, "lost": 92, "vanished": 0, "cells.duplicated": 15,
		"matrix.confirmed.2+": 15, "matrix.unknown.0": 9, "planned": 436, "unread": 0,
		"causes.buffer_exhausted": 83, "causes.delivery_timeout": 9, "late_causes.delivery_timeout": 9, "causes.connection": 0, "causes.NOT_ENOUGH_REPLICAS": 0,
		"copies_by.application_retry": 15, "copies_by.crash_replay": 0, "attempts.wait_timeout": 43,
		"latency_seconds.schedule_lag.max": 0.0004, "latency_seconds.send.count": 436,
		"phases.climb.scheduled": 400, "phases.outage.during.scheduled": 80,
		"buffer.total_bytes": 2 << 20, "stress.from": r.Stress.From, "stress.under.mean": r.Stress.Under.Mean,
	} {
		if got, ok := r.Figure(name); !ok || got != want {
			t.Errorf("%s = %v, %v; want %v", name, got, ok, want)
		}
	}
	for _, name := range []string{
		"", "los", "causes", "causes.bufer_exhausted", "copies_by.unknown", "matrix.confirmed", "matrix.confirmed.3",
		"latency_seconds.send", "latency_seconds.send.p42", "phases.nowhere.lost", "phases.climb", "buffer.bytes", "stress.under",
	} {
		if got, ok := r.Figure(name); ok {
			t.Errorf("%q is found: %v", name, got)
		}
	}
}

// TestSpeedIsUndone: a run at speed 10 reads as the same run at speed 1.
func TestSpeedIsUndone(t *testing.T) {
	s := parse(t, small)
	slow, fast := built(t, s, 1), built(t, s, 10)
	if slow.Lost != fast.Lost || slow.Matrix != fast.Matrix {
		t.Errorf("matrix at speed 1: %+v, at 10: %+v", slow.Matrix, fast.Matrix)
	}
	near := func(what string, a, b float64) {
		t.Helper()
		if a-b > 2e-6 || b-a > 2e-6 {
			t.Errorf("%s at speed 1: %v, at 10: %v", what, a, b)
		}
	}
	near("duration", slow.Seconds, fast.Seconds)
	near("drained", slow.Drained, fast.Drained)
	near("mean send time", slow.Latency.Send.Mean, fast.Latency.Send.Mean)
	near("longest wait for memory", slow.Latency.Blocked.Max, fast.Latency.Blocked.Max)
	near("the outage's end", slow.Faults[0].To, fast.Faults[0].To)
	near("stress", slow.Stress.From, fast.Stress.From)
	near("throttle time", slow.Timeline[10].Throttle, fast.Timeline[10].Throttle)
	if slow.Timeline[10].Throttle == 0 {
		t.Error("no throttle time at all")
	}
}

// TestAMessageThatWasNeverToldIsToldNothing where the facts end.
func TestAMessageThatWasNeverToldIsToldNothing(t *testing.T) {
	b := played(t, minute, map[int64][]ledger.Fact{
		58: {{Kind: ledger.Offered, Seq: 58, At: 58 * time.Second}, {Kind: ledger.Accepted, Seq: 58, Attempt: 1, At: 58 * time.Second}},
		59: {{Kind: ledger.Offered, Seq: 59, At: 59 * time.Second}},
	})
	if live := b.Live(); live.InFlight != 2 || live.Lost != 0 || live.Progress != 58./60 {
		t.Errorf("live: %d in flight, %d lost, progress %v", live.InFlight, live.Lost, live.Progress)
	}
	r := b.Report()
	if r.Unknown != 1 || r.Dropped != 1 || r.Causes["application_killed"] != 2 {
		t.Errorf("unknown %d, dropped %d, causes %v", r.Unknown, r.Dropped, r.Causes)
	}
	last := r.Timeline[len(r.Timeline)-1]
	if last.Unknown != 1 || last.Dropped != 1 {
		t.Errorf("the last row: %+v", last)
	}
	if live := b.Live(); live.InFlight != 0 || live.Lost != 2 {
		t.Errorf("live afterwards: %d in flight, %d lost", live.InFlight, live.Lost)
	}
}

func TestQuantilesAgainstTheTruth(t *testing.T) {
	for _, d := range []distribution{newDense(), newSparse(fine)} {
		for ms := 1; ms <= 10_000; ms++ {
			d.record(time.Duration(ms) * time.Millisecond)
		}
		d.record(-time.Second) // a broken clock
		q := d.quantiles()
		for name, pair := range map[string][2]float64{
			"mean": {q.Mean, 5.0000}, "p50": {q.P50, 5}, "p95": {q.P95, 9.5}, "p99": {q.P99, 9.9}, "p999": {q.P999, 9.99}, "max": {q.Max, 10},
		} {
			if got, want := pair[0], pair[1]; got < want*0.999 || got > want*1.001 {
				t.Errorf("%s = %v, want %v", name, got, want)
			}
		}
		if q.Count != 10_001 {
			t.Errorf("count %d", q.Count)
		}
	}
	if empty := newSparse(fine); empty.quantiles() != (Quantiles{}) {
		t.Error("a clock that nobody has read is not zero")
	}
	if h := hdrhistogram.New(1, longest, fine); h.RecordValue(longest) != nil {
		t.Error("the longest time is too long")
	}
}

// TestAYesIsNotCalledGoneTooEarly: the log reader is always a moment behind.
func TestAYesIsNotCalledGoneTooEarly(t *testing.T) {
	b := played(t, minute, map[int64][]ledger.Fact{5: delivered(5, 5*time.Second)[:4]})
	b.Add(&ledger.Fact{Kind: ledger.StateChanged, At: time.Minute, Note: "reconciling"})
	if live := b.Live(); live.Unverified != 1 || live.Cells.Vanished != 0 || live.Lost != 0 || len(live.Causes) != 0 {
		t.Errorf("while it runs: %d unverified, %d vanished, %d lost, causes %v", live.Unverified, live.Cells.Vanished, live.Lost, live.Causes)
	}
	b.Add(&ledger.Fact{Kind: ledger.StateChanged, At: time.Minute, Note: "completed"})
	if live := b.Live(); live.Unverified != 0 || live.Cells.Vanished != 1 || live.Lost != 1 || live.Causes["acknowledged"] != 1 {
		t.Errorf("at its end: %d unverified, %d vanished, %d lost, causes %v", live.Unverified, live.Cells.Vanished, live.Lost, live.Causes)
	}
}

// TestLiveWhileFactsCome: many may look while one enters facts.
func TestLiveWhileFactsCome(t *testing.T) {
	s := parse(t, small)
	b := NewBuilder(Meta{Scenario: s})
	var watchers sync.WaitGroup
	for range 3 {
		watchers.Go(func() {
			var before Live
			for before.State != "completed" {
				live := b.Live()
				if live.Scheduled < before.Scheduled || live.Confirmed < before.Confirmed || live.SendCount < before.SendCount {
					t.Errorf("a counter fell: from %+v to %+v", before, live)
					return
				}
				var cells int64
				for _, n := range live.Cells.ByName() {
					cells += n
				}
				if cells+live.InFlight+live.Unverified != live.Scheduled {
					t.Errorf("the cells do not sum to what is scheduled: %+v", live)
					return
				}
				before = live
			}
		})
	}
	for facts := simulate(s, 1); len(facts) > 0; {
		n := min(7, len(facts))
		b.AddBatch(facts[:n])
		facts = facts[n:]
	}
	watchers.Wait()
}

// TestALateLoadIsSaidToBeLate: when simd could not keep up, its figures are its own.
func TestALateLoadIsSaidToBeLate(t *testing.T) {
	for lag, want := range map[time.Duration]bool{900 * time.Millisecond: false, 1100 * time.Millisecond: true} {
		b := played(t, minute, nil)
		for seq := range int64(60) {
			b.Add(&ledger.Fact{Kind: ledger.Offered, Seq: seq, At: time.Minute, Lag: lag})
		}
		b.Conclude("completed", "")
		notes := strings.Join(b.Report().Notes, "\n")
		if got := strings.Contains(notes, "simd itself was late"); got != want {
			t.Errorf("offered %v late: the notes are %q", lag, notes)
		}
	}
}
