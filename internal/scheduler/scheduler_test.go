package scheduler

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"kafkasim.example/simd/internal/ledger"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// timetable is a plan that lists when each message is due.
type timetable []time.Duration

func (p timetable) Total() int64                { return int64(len(p)) }
func (p timetable) Due(seq int64) time.Duration { return p[seq] }

// strict is a plan that fails the test unless it is asked in sequence, once each.
type strict struct {
	timetable
	t    interface{ Errorf(string, ...any) }
	next int64
}

func (p *strict) Due(seq int64) time.Duration {
	if seq != p.next {
		p.t.Errorf("the plan was asked for message %d when it was the turn of %d", seq, p.next)
	}
	p.next++
	return p.timetable.Due(seq)
}

// offer is what a sink saw, and when.
type offer struct {
	seq     int64
	due, at time.Duration
}

// sink notes what it is offered. It may take its time, as no real sink should.
type sink struct {
	base   time.Time
	slow   time.Duration
	offers []offer
}

func (s *sink) Offer(seq int64, due time.Duration) ledger.Cause {
	s.offers = append(s.offers, offer{seq, due, time.Since(s.base)})
	time.Sleep(s.slow)
	return ledger.NoCause
}

func every(gap time.Duration, n int) timetable {
	plan := make(timetable, n)
	for i := range plan {
		plan[i] = time.Duration(i) * gap
	}
	return plan
}

func TestPaceIsArithmetic(t *testing.T) {
	const ms = time.Millisecond
	for _, tt := range []struct {
		name    string
		plan    timetable
		elapsed time.Duration
		offered int
		next    time.Duration
		more    bool
	}{
		{"an empty plan is over at once", nil, 0, 0, 0, false},
		{"nothing is due yet", timetable{5 * ms}, 2 * ms, 0, 5 * ms, true},
		{"due to the nanosecond", timetable{5 * ms, 9 * ms}, 5 * ms, 1, 9 * ms, true},
		{"a nanosecond early is early", timetable{5 * ms}, 5*ms - 1, 0, 5 * ms, true},
		{"everything overdue goes in one burst", timetable{1 * ms, 1 * ms, 2 * ms, 8 * ms}, 3 * ms, 3, 8 * ms, true},
		{"a burst that ends the plan", timetable{1 * ms, 2 * ms}, time.Second, 2, 0, false},
		{"a long burst looks up in between", every(1, 2*burst), time.Second, burst, burst - 1, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var s sink
			p := pace{plan: tt.plan, total: tt.plan.Total()}
			next, more := p.offerDue(tt.elapsed, &s)
			if len(s.offers) != tt.offered || next != tt.next || more != tt.more {
				t.Errorf("offered %d, next %v, more %v; want %d, %v, %v",
					len(s.offers), next, more, tt.offered, tt.next, tt.more)
			}
		})
	}
}

func TestEveryMessageIsOfferedOnceInOrderAndNeverEarly(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		gaps := rapid.SliceOf(rapid.SampledFrom([]time.Duration{0, 0, 1, time.Microsecond, time.Second, time.Hour})).Draw(rt, "gaps")
		slow := rapid.SampledFrom([]time.Duration{0, 0, time.Millisecond}).Draw(rt, "slow sink")
		plan := make(timetable, len(gaps))
		var due time.Duration
		for i, gap := range gaps {
			due += gap
			plan[i] = due
		}
		s := sink{slow: slow}
		var err error
		synctest.Test(t, func(t *testing.T) {
			s.base = time.Now()
			err = Play(t.Context(), s.base, &strict{timetable: plan, t: rt}, nil, &s, nil, nil)
		})
		if err != nil || len(s.offers) != len(plan) {
			rt.Fatalf("offered %d of %d: %v", len(s.offers), len(plan), err)
		}
		var free time.Duration // when the sink could take the next one
		for i, o := range s.offers {
			// In virtual time lateness is the sink's own doing, to the nanosecond.
			if o.seq != int64(i) || o.due != plan[i] || o.at != max(plan[i], free) {
				rt.Fatalf("offer %d was message %d, due %v, at %v; want due %v, at %v", i, o.seq, o.due, o.at, plan[i], max(plan[i], free))
			}
			free = o.at + slow
		}
	})
}

func TestACancelledLoadStopsAtOnce(t *testing.T) {
	why := errors.New("the operator has seen enough")
	for _, tt := range []struct {
		name    string
		plan    timetable
		cancel  time.Duration
		offered int
	}{
		{"while it waits for the next message", every(time.Second, 100), 2500 * time.Millisecond, 3},
		{"before it has begun", every(time.Second, 100), 0, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancelCause(t.Context())
				if tt.cancel == 0 {
					cancel(why)
				}
				time.AfterFunc(tt.cancel, func() { cancel(why) })
				s := sink{base: time.Now()}
				err := Play(ctx, s.base, tt.plan, nil, &s, nil, nil)
				if !errors.Is(err, why) || len(s.offers) != tt.offered || time.Since(s.base) != tt.cancel {
					t.Errorf("offered %d until %v: %v", len(s.offers), time.Since(s.base), err)
				}
			})
		})
	}
	t.Run("in the midst of a burst of millions", func(t *testing.T) {
		ctx, cancel := context.WithCancelCause(t.Context())
		defer cancel(nil)
		n := 0
		stop := sinkFunc(func(int64, time.Duration) ledger.Cause {
			if n++; n == 10 {
				cancel(why)
			}
			return ledger.NoCause
		})
		if err := Play(ctx, time.Now(), flood(1e9), nil, stop, nil, nil); !errors.Is(err, why) || n > burst {
			t.Errorf("offered %d: %v", n, err)
		}
	})
}

// sinkFunc is a sink made of a function.
type sinkFunc func(seq int64, due time.Duration) ledger.Cause

func (f sinkFunc) Offer(seq int64, due time.Duration) ledger.Cause { return f(seq, due) }

// flood is so many messages at once.
type flood int64

func (p flood) Total() int64          { return int64(p) }
func (flood) Due(int64) time.Duration { return 0 }

// cadence is an even rate.
type cadence struct {
	n   int64
	gap time.Duration
}

func (p cadence) Total() int64                { return p.n }
func (p cadence) Due(seq int64) time.Duration { return time.Duration(seq) * p.gap }

// By the real clock, naps and all: how late is for the benchmark to show, but
// nothing comes early, gets lost, or out of order.
func TestByTheRealClockNothingIsEarly(t *testing.T) {
	s := sink{base: time.Now()}
	plan := cadence{n: 400, gap: 50 * time.Microsecond}
	if err := Play(t.Context(), s.base, plan, nil, &s, nil, nil); err != nil {
		t.Fatal(err)
	}
	if len(s.offers) != 400 {
		t.Errorf("offered %d of 400", len(s.offers))
	}
	for i, o := range s.offers {
		if o.seq != int64(i) || o.due != plan.Due(o.seq) || o.at < o.due {
			t.Errorf("offer %d was message %d, due %v, at %v", i, o.seq, o.due, o.at)
		}
	}
}

// BenchmarkLag plays one second of an even load by the real clock, and shows
// how late its messages were offered.
func BenchmarkLag(b *testing.B) {
	for _, rate := range []int64{1_000, 100_000, 500_000} {
		b.Run(fmt.Sprintf("rate=%d", rate), func(b *testing.B) {
			lags := make([]time.Duration, 0, rate*int64(b.N))
			for b.Loop() {
				base := time.Now()
				late := sinkFunc(func(_ int64, due time.Duration) ledger.Cause {
					lags = append(lags, time.Since(base)-due)
					return ledger.NoCause
				})
				if err := Play(b.Context(), base, cadence{rate, time.Second / time.Duration(rate)}, nil, late, nil, nil); err != nil {
					b.Fatal(err)
				}
			}
			slices.Sort(lags)
			for _, q := range []float64{0.5, 0.99, 0.999} {
				b.ReportMetric(float64(lags[int(q*float64(len(lags)-1))].Microseconds()), fmt.Sprintf("lag-p%v-us", q*100))
			}
		})
	}
}

// BenchmarkPlay shows what offering an overdue message costs.
func BenchmarkPlay(b *testing.B) {
	b.ReportAllocs()
	nobody := sinkFunc(func(int64, time.Duration) ledger.Cause { return ledger.NoCause })
	if err := Play(b.Context(), time.Now(), flood(b.N), nil, nobody, nil, nil); err != nil {
		b.Fatal(err)
	}
}
