package report

import (
	"math"
	"testing"
	"time"

	"pgregory.net/rapid"

	"kafkasim.example/simd/internal/ledger"
)

// TestHistogramsCountEachTimeOnce: in the one native bucket whose edges enclose
// it, and below every classic bound that is not shorter.
func TestHistogramsCountEachTimeOnce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		times := rapid.SliceOf(rapid.Int64Range(0, longest)).Draw(t, "microseconds")
		d := newDense()
		for _, us := range times {
			d.record(time.Duration(us) * time.Microsecond)
		}
		h := d.histogram()
		if h.Count != int64(len(times)) {
			t.Fatalf("counts %d of %d times", h.Count, len(times))
		}
		for _, bound := range ClassicBounds() {
			want := 0
			for _, us := range times {
				if seconds(us) <= bound {
					want++
				}
			}
			if h.Classic[bound] != uint64(want) {
				t.Errorf("%d times of at most %v s, want %d", h.Classic[bound], bound, want)
			}
		}
		inBuckets := h.Zero
		for i, n := range h.Native {
			from, to := math.Exp2(float64(i-1)/perDoubling), math.Exp2(float64(i)/perDoubling)
			want := int64(0)
			for _, us := range times {
				if s := seconds(us); s > from && s <= to {
					want++
				}
			}
			if n != want {
				t.Errorf("bucket %d, from %v to %v s, holds %d times, want %d", i, from, to, n, want)
			}
			inBuckets += n
		}
		if inBuckets != h.Count {
			t.Errorf("the native buckets hold %d of %d times", inBuckets, h.Count)
		}
	})
}

// TestEdgesOfNativeBuckets: a power of two is the end of its bucket, and the
// shortest and the longest time have one.
func TestEdgesOfNativeBuckets(t *testing.T) {
	for us, want := range map[int64]int{1: firstNative, 15_625: -48, 15_626: -47, 500_000: -8, 1_000_000: 0, 1_000_001: 1, longest: lastNative} {
		var m marks
		m.record(us)
		if got := m.native[want-firstNative]; got != 1 {
			t.Errorf("%d µs are not in bucket %d", us, want)
		}
	}
}

// TestEachClockIsItsOwn: every clock shows what its fact says, in scenario time.
func TestEachClockIsItsOwn(t *testing.T) {
	b := NewBuilder(Meta{Speed: 2, Scenario: parse(t, "name: one\nload: {phases: [{for: 1s, rate: 1}]}\n")})
	for _, f := range []ledger.Fact{
		{Kind: ledger.Offered, Lag: 1 * time.Second},
		{Kind: ledger.Accepted, Attempt: 1, Queue: 2 * time.Second, Blocked: 3 * time.Second},
		{Kind: ledger.Answered, Attempt: 1, Outcome: ledger.Confirmed, Ack: 4 * time.Second},
		{Kind: ledger.Retried, Attempt: 1, Outcome: ledger.Unknown, Cause: ledger.WaitTimeout},
		{Kind: ledger.Told, Attempt: 2, Outcome: ledger.Confirmed, Send: 5 * time.Second, Total: 6 * time.Second},
	} {
		b.Add(&f)
	}
	live := b.Live()
	c := live.Clocks
	for i, h := range []Histogram{c.ScheduleLag, c.Queue, c.Blocked, c.Acknowledgement, c.Send, c.DueToTold} {
		if want := float64(2 * (i + 1)); h.Count != 1 || h.Sum != want {
			t.Errorf("clock %d has seen %d times, %v s in all; want 1 of %v s", i, h.Count, h.Sum, want)
		}
	}
	if live.Retries != 1 {
		t.Errorf("%d retries of the application, want 1", live.Retries)
	}
	b.Report() // settles the books
	if after := b.Live(); after.Retries != 1 || after.Clocks.Send.Count != 1 {
		t.Errorf("after the report: %d retries and %d sends, want 1 of each", after.Retries, after.Clocks.Send.Count)
	}
}
