package report

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"kafkasim.example/simd/internal/ledger"
)

// TestACourseReadInPiecesIsTheTimeline: whoever asks for the rows from some
// second on gets the very rows that the whole timeline has there.
func TestACourseReadInPiecesIsTheTimeline(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := newTimeline(time.Minute)
		end, total := int64(0), int64(0)
		for range rapid.IntRange(0, 200).Draw(t, "facts") {
			at := time.Duration(rapid.Int64Range(0, int64(2*time.Minute)).Draw(t, "at"))
			switch r := l.at(at); rapid.IntRange(0, 3).Draw(t, "kind") {
			case 0:
				r.scheduled++
			case 1:
				r.told(ledger.Confirmed, at/7)
			case 2:
				r.written++
			default:
				end += rapid.Int64Range(0, 9).Draw(t, "written")
				total += rapid.Int64Range(0, 9).Draw(t, "throttled")
				r.sample(at, &ledger.Sample{BufferAvailable: end, BufferTotal: 1 << 20, Queued: total, EndOffsets: end, ThrottleTime: time.Duration(total) * time.Second})
			}
		}
		whole := l.report(20)
		from := rapid.Float64Range(-5, 200).Draw(t, "from")
		part := l.from(from, 20)
		if want := len(whole) - min(int(max(from, 0)), len(whole)); len(part) != want {
			t.Fatalf("%d rows from %v of %d, want %d", len(part), from, len(whole), want)
		}
		for i, row := range part {
			want := whole[len(whole)-len(part)+i]
			if row.T != want.T || row.Lag != want.Lag || row.Throttle != want.Throttle || row.Queued != want.Queued || row.Send != want.Send ||
				row.BufferAvailable != want.BufferAvailable || row.Written != want.Written || row.Confirmed != want.Confirmed {
				t.Fatalf("the row at %v is %+v, want %+v", want.T, row, want)
			}
		}
	})
}
