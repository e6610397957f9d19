package report

import (
	"testing"
	"time"

	"kafkasim.example/simd/internal/ledger"
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
		if got != want {
			t.Fatalf("row %d: %+v, want %+v", i, got, want)
		}
		if max := float64(first+3) / 1000; row.Send.Max != max {
			t.Fatalf("row %d: longest send %v, want %v", i, row.Send.Max, max)
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
