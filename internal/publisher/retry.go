package publisher

import (
	"math"
	"math/rand/v2"
	"time"

	"kafkasim.example/simd/internal/ledger"
)

// Retry is how the application itself tries again, on top of whatever the
// producer does. The zero Retry is one attempt.
type Retry struct {
	Attempts int           // in all, the first included
	Backoff  time.Duration // between the first attempt's end and the second
	Factor   float64       // each further back-off is so many times the one before; 0 is 1
	Jitter   float64       // each back-off is longer or shorter by up to this fraction, 0 to 1

	OnTimeout bool // when the application's own wait has ended
	OnError   bool // when the attempt was refused, or answered no
}

// wants says whether there is another attempt after the n-th has ended so.
func (r Retry) wants(n int32, outcome ledger.Outcome) bool {
	if int(n) >= r.Attempts {
		return false
	}
	switch outcome {
	case ledger.Unknown:
		return r.OnTimeout
	case ledger.Failed:
		return r.OnError
	default:
		return false
	}
}

// pause is the back-off between attempt n (from 1) and the next. Its jitter
// depends on the seed and on the message, not on which worker has it.
func (r Retry) pause(seed uint64, seq int64, n int32) time.Duration {
	d := float64(r.Backoff)
	if r.Factor > 0 {
		d *= math.Pow(r.Factor, float64(n-1))
	}
	if r.Jitter > 0 {
		dice := rand.New(rand.NewPCG(seed, uint64(seq)<<8^uint64(n)))
		d *= 1 + r.Jitter*(2*dice.Float64()-1)
	}
	return time.Duration(min(d, math.MaxInt64/2))
}
