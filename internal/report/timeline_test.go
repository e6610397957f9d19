package report

import (
	"reflect"
	"testing"
	"time"

	"kafkasim.example/simd/internal/ledger"
	"kafkasim.example/simd/internal/scenario"
)

func TestRowsAreAsShortAsThePlanAllows(t *testing.T) {
	for planned, want := range map[time.Duration]time.Duration{
		time.Second:             time.Second,
		1220 * time.Second:      time.Second,
		40 * time.Minute:        time.Second,
		40*time.Minute + 1:      2 * time.Second,
		24 * time.Hour:          time.Minute,
		200 * 24 * time.Hour:    time.Hour, // and merged in pairs once it gets there
		3 * time.Hour / 2:       5 * time.Second,
		maxRows * 5 * time.Hour: time.Hour,
	} {
		if l := newTimeline(planned); l.width != want {
			t.Errorf("a plan of %v has rows of %v, want %v", planned, l.width, want)
		}
	}
}

// TestARunThatGoesOnHasItsRowsMerged and loses nothing by it.
func TestARunThatGoesOnHasItsRowsMerged(t *testing.T) {
	l := newTimeline(time.Minute)
	for s := range 3 * maxRows {
		at := time.Duration(s) * time.Second
		r := l.at(at)
		r.scheduled++
		r.told(ledger.Confirmed, time.Duration(s)*time.Millisecond)
		l.at(at).sample(at, &ledger.Sample{BufferTotal: 100, BufferAvailable: int64(s), Queued: int64(s), ThrottleTime: at / 2, EndOffsets: int64(s + 1)})
	}
	if l.width != 4*time.Second || len(l.rows) != 3*maxRows/4 {
		t.Fatalf("%d rows of %v", len(l.rows), l.width)
	}
	rows := l.report(1)
	for i, row := range rows {
		first := 4 * i
		want := Row{
			T: float64(first), Scheduled: 4, Confirmed: 4,
			Lag: int64(first + 4), Queued: int64(first + 3), BufferAvailable: int64(first), BufferTotal: 100,
			Throttle: 2,
		}
		if i == 0 {
			want.Throttle = 1.5
		}
		got := row
		got.Send = RowQuantiles{}
		if !reflect.DeepEqual(got, want) {
			t.Fatalf("row %d: %+v, want %+v", i, got, want)
		}
		if longest := float64(first+3) / 1000; row.Send.Max != longest {
			t.Fatalf("row %d: longest send %v, want %v", i, row.Send.Max, longest)
		}
	}
}

// TestLag is what the offsets say, or what was read back where there are none.
func TestLag(t *testing.T) {
	l := newTimeline(time.Minute)
	l.at(0).written = 5
	l.at(time.Second).consumed = 3
	if rows := l.report(1); rows[0].Lag != 5 || rows[1].Lag != 2 {
		t.Errorf("without samples: %d, %d", rows[0].Lag, rows[1].Lag)
	}
	l.at(time.Second).sample(time.Second, &ledger.Sample{EndOffsets: 50, Committed: 10})
	l.at(2 * time.Second)
	if rows := l.report(1); rows[0].Lag != 5 || rows[1].Lag != 40 || rows[2].Lag != 40 {
		t.Errorf("with samples: %d, %d, %d", rows[0].Lag, rows[1].Lag, rows[2].Lag)
	}
}

// TestThrottleTimeBeginsAnewAfterACrash.
func TestThrottleTimeBeginsAnewAfterACrash(t *testing.T) {
	l := newTimeline(time.Minute)
	for s, told := range []time.Duration{time.Second, 3 * time.Second, time.Second / 2} {
		at := time.Duration(s) * time.Second
		l.at(at).sample(at, &ledger.Sample{ThrottleTime: told})
	}
	for i, row := range l.report(20) {
		if want := []float64{20, 40, 10}[i]; row.Throttle != want {
			t.Errorf("row %d: %v s, want %v", i, row.Throttle, want)
		}
	}
}

func TestStress(t *testing.T) {
	const second = time.Second
	// each is how long messages wait in each minute of a plan of half an hour.
	run := func(each ...time.Duration) *Stress {
		l := newTimeline(30 * time.Minute)
		for m, wait := range each {
			for s := range 60 {
				r := l.at(time.Duration(m)*time.Minute + time.Duration(s)*second)
				r.handed++
				if wait >= heldUp {
					r.held++
				}
				r.told(ledger.Confirmed, wait+20*time.Millisecond)
			}
		}
		return l.stress(30 * time.Minute)
	}
	if s := run(0, 0, 99*time.Millisecond, 0); s != nil {
		t.Errorf("no message was held up: %+v", s)
	}
	s := run(0, 0, second, 0, second, 0)
	if s == nil || s.From != 120 || s.To != 300 || s.Before.Count != 120 || s.Under.Count != 180 {
		t.Fatalf("from the third to the fifth minute: %+v", s)
	}
	if s.Before.Max != 0.02 || s.Under.Max != 1.02 {
		t.Errorf("longest send before %v, under %v", s.Before.Max, s.Under.Max)
	}
	if s := run(second, second); s == nil || s.From != 0 || s.Before.Count != 0 {
		t.Errorf("from the start: %+v", s)
	}
}

// TestStressOfTheFirstCase: fifty workers, each with one message under way, and
// brokers that let 30.7 a second through. The load passes that at t = 760 s.
func TestStressOfTheFirstCase(t *testing.T) {
	s, err := scenario.Preset("case-1")
	if err != nil {
		t.Fatal(err)
	}
	const workers = 50
	through := 1.0 / 30.7
	b, plan := NewBuilder(Meta{Scenario: s}), s.Plan()
	var left [workers]time.Duration // when each worker is free again
	var free time.Duration
	for seq := range plan.Total() {
		due := plan.Due(seq)
		begin := max(due, left[seq%workers])
		end := max(begin, free) + time.Duration(through*float64(time.Second))
		left[seq%workers], free = end, end
		b.AddBatch([]ledger.Fact{
			{Kind: ledger.Offered, Seq: seq, At: due},
			{Kind: ledger.Accepted, Seq: seq, Attempt: 1, At: begin, Queue: begin - due},
			{Kind: ledger.Told, Seq: seq, Attempt: 1, At: end, Outcome: ledger.Confirmed, Send: end - begin, Total: end - due},
			{Kind: ledger.Written, Seq: seq, Attempt: 1, At: end},
			{Kind: ledger.Consumed, Seq: seq, Attempt: 1, At: end},
		})
	}
	b.Add(&ledger.Fact{Kind: ledger.StateChanged, At: free, Note: "completed"})
	r := b.Report()
	if r.Scheduled != 28_765 || r.Cells.Delivered != 28_765 {
		t.Errorf("%d scheduled, %d delivered", r.Scheduled, r.Cells.Delivered)
	}
	if r.Drained < 1370 || r.Drained > 1430 {
		t.Errorf("drained at t = %v", r.Drained)
	}
	st := r.Stress
	if st == nil || st.From < 700 || st.From > 800 || st.To < 1370 || st.To > 1440 {
		t.Fatalf("stress: %+v", st)
	}
	if st.Under.Mean < 1.55 || st.Under.Mean > 1.8 || st.Before.Mean > 0.6 {
		t.Errorf("mean send time %v before, %v under", st.Before.Mean, st.Under.Mean)
	}
}
