package producer

import (
	"math"
	"sync/atomic"
)

// ratio is how small compression is expected to make records, 1 at first. It
// follows what was seen: up at once, down slowly, so that batches seldom come
// out larger than thought (CompressionRatioEstimator).
type ratio struct{ bits atomic.Uint64 } // of a float64

func (r *ratio) expect(v float64)  { r.bits.Store(math.Float64bits(v)) }
func (r *ratio) expected() float64 { return math.Float64frombits(r.bits.Load()) }

func (r *ratio) saw(seen float64) {
	const deteriorate, improve = 0.05, 0.005
	switch was := r.expected(); {
	case seen > was:
		r.expect(max(was+deteriorate, seen))
	case seen < was:
		r.expect(max(was-improve, seen))
	}
}
