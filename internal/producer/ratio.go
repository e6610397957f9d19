package producer

import "math"

// compressionRatio is how small compression is expected to make records. It
// follows what was seen: up at once, down slowly, so that batches seldom come
// out larger than thought (CompressionRatioEstimator).
func (a *accumulator) compressionRatio() float64 {
	return math.Float64frombits(a.ratio.Load())
}

func (a *accumulator) sawRatio(seen float64) {
	const deteriorate, improve = 0.05, 0.005
	was := a.compressionRatio()
	next := max(was-improve, seen)
	if seen > was {
		next = max(was+deteriorate, seen)
	}
	a.ratio.Store(math.Float64bits(next))
}
