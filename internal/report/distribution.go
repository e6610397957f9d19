package report

import (
	"math"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

const (
	// longest is the longest time that is told apart from longer ones: 12 days.
	longest = int64(1) << 40 // microseconds

	fine   = 3 // significant digits of the clocks
	coarse = 2 // and of a row of the timeline, of which there are thousands
)

// distribution is what one clock has shown, in microseconds of scenario time.
type distribution struct {
	count int64
	sum   int64
	max   int64
	// A sparse histogram costs little where little was seen, and two of them can
	// be merged without loss; a dense one takes a quarter of a MB and is faster.
	digits int                           // of the sparse one
	sparse *hdrhistogram.PackedHistogram // nil while empty
	dense  *hdrhistogram.Histogram       // in its place
	marks  *marks                        // beside the dense one
}

func newDense() distribution {
	return distribution{dense: hdrhistogram.New(1, longest, fine), marks: new(marks)}
}

func newSparse(digits int) distribution { return distribution{digits: digits} }

// record enters one time. A negative one, which only a broken clock shows, is 0.
func (d *distribution) record(t time.Duration) {
	us := int64(max(t, 0)+time.Microsecond/2) / int64(time.Microsecond)
	us = min(us, longest)
	d.count++
	d.sum += us
	d.max = max(d.max, us)
	// Neither fails: us is within the range.
	if d.dense != nil {
		_ = d.dense.RecordValue(us)
		d.marks.record(us)
		return
	}
	d.open()
	_ = d.sparse.RecordValue(us)
}

func (d *distribution) open() {
	if d.sparse == nil {
		d.sparse = hdrhistogram.NewPacked(1, longest, d.digits)
	}
}

// merge adds what another sparse distribution of the same digits has seen.
func (d *distribution) merge(o *distribution) {
	if o.count == 0 {
		return
	}
	d.open()
	d.sparse.Merge(o.sparse)
	d.count += o.count
	d.sum += o.sum
	d.max = max(d.max, o.max)
}

// quantiles sums it up in seconds; zeros when nothing was recorded.
func (d *distribution) quantiles() Quantiles {
	if d.count == 0 {
		return Quantiles{}
	}
	// A bucket's value is its upper edge, which may lie beyond the maximum.
	at := d.at([]float64{50, 95, 99, 99.9})
	q := func(i int) float64 { return seconds(min(at[i], d.max)) }
	return Quantiles{
		Count: d.count,
		Mean:  seconds(int64(math.Round(float64(d.sum) / float64(d.count)))),
		P50:   q(0), P95: q(1), P99: q(2), P999: q(3),
		Max: seconds(d.max),
	}
}

func (d *distribution) at(percentiles []float64) []int64 {
	if d.dense != nil {
		return d.dense.ValueAtPercentilesSlice(percentiles)
	}
	return d.sparse.ValueAtPercentilesSlice(percentiles)
}

func (d *distribution) row() RowQuantiles {
	q := d.quantiles()
	return RowQuantiles{Mean: q.Mean, P50: q.P50, P95: q.P95, Max: q.Max}
}

// seconds turns microseconds into seconds.
func seconds(us int64) float64 { return float64(us) / 1e6 }
