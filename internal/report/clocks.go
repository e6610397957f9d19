package report

import "math"

// Clocks are a run's clocks as histograms of scenario seconds, from its start.
type Clocks struct {
	ScheduleLag     Histogram // due -> offered
	Queue           Histogram // offered -> a worker has it
	Blocked         Histogram // inside send, waiting for memory or metadata
	Acknowledgement Histogram // accepted -> answered
	Send            Histogram // inside the application's send, its waits and retries included
	DueToTold       Histogram // the whole way, failures included
}

// Histogram is what one clock has shown, in the two shapes that Prometheus
// knows. Its maps are shared by copies: whoever has one only reads it.
type Histogram struct {
	Count int64
	Sum   float64 // seconds
	// Classic counts the times of at most so many seconds, for each of [ClassicBounds].
	Classic map[float64]uint64
	// Native counts the times of one bucket each: bucket i ends with 2^(i/8)
	// seconds and begins behind the end of the one before. Zero counts those
	// below half a microsecond, which are in none.
	Native map[int]int64
	Zero   int64
}

// NativeSchema is Prometheus' name for buckets of which eight double the time:
// each is 9 % wider than the one before.
const NativeSchema = 3

// perDoubling are the buckets between a time and its double.
const perDoubling = 1 << NativeSchema

// bounds are the classic ones in microseconds. They are close where the Java
// client's time-outs and the cases' send times lie, from 0.5 to 30 seconds.
var bounds = [...]int64{
	1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000, 1_500_000, 2_000_000, 3_000_000,
	5_000_000, 7_500_000, 10_000_000, 15_000_000, 30_000_000, 60_000_000, 120_000_000, 300_000_000, 600_000_000,
}

// ClassicBounds are the upper bounds of [Histogram.Classic], in seconds, rising.
func ClassicBounds() []float64 {
	all := make([]float64, len(bounds))
	for i, us := range bounds {
		all[i] = seconds(us)
	}
	return all
}

// firstNative is the bucket of one microsecond, and lastNative that of longest.
const (
	firstNative = -159
	lastNative  = 161
)

// marks keeps a clock's times by bucket, beside its distribution, so that a
// scrape need not walk through that.
type marks struct {
	classic [len(bounds)]int64 // each by itself; the rest is above the last bound
	native  [lastNative - firstNative + 1]int64
	zero    int64
}

// record enters one time in microseconds, from 0 to longest.
func (m *marks) record(us int64) {
	for i, bound := range bounds {
		if us <= bound {
			m.classic[i]++
			break
		}
	}
	if us == 0 {
		m.zero++
		return
	}
	// Exact where it matters: Log2 of a power of two is whole.
	i := int(math.Ceil(math.Log2(seconds(us)) * perDoubling))
	m.native[i-firstNative]++
}

// histogram is the clock so far.
func (d *distribution) histogram() Histogram {
	h := Histogram{
		Count: d.count, Sum: seconds(d.sum), Zero: d.marks.zero,
		Classic: make(map[float64]uint64, len(bounds)), Native: make(map[int]int64),
	}
	var below int64
	for i, n := range d.marks.classic {
		below += n
		h.Classic[seconds(bounds[i])] = uint64(below)
	}
	for i, n := range d.marks.native {
		if n > 0 {
			h.Native[i+firstNative] = n
		}
	}
	return h
}

// clocks are all of them. Callers hold mu.
func (b *Builder) clocks() Clocks {
	return Clocks{
		ScheduleLag: b.lag.histogram(), Queue: b.queue.histogram(), Blocked: b.blocked.histogram(),
		Acknowledgement: b.ack.histogram(), Send: b.send.histogram(), DueToTold: b.total.histogram(),
	}
}
