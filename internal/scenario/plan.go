package scenario

import (
	"fmt"
	"math"
	"math/bits"
	"sort"
	"time"
)

// Plan says when each message of a scenario is due. It is pure arithmetic.
//
// The load is a line, messages per second over time, and the area under it is
// how many messages are due. Message n is due when the area reaches n, so the
// first message of a steady load is due as it begins, and it is planned when
// its whole unit of area lies within the load: the total is the area rounded
// down. What is left of a message at a phase's end is carried over into the
// next.
//
// Rates count in billionths of a message per second and times in nanoseconds;
// from there on everything is whole numbers, so no total and no due time
// depends on how a floating point sum was rounded.
type Plan struct {
	segments []segment
	windows  []Window
	total    int64
	end      time.Duration // unscaled
	bursts   int64         // ns, unscaled; 0: evenly spaced
	speed    float64
}

// Window is a named stretch of a run: From is within it, To is not.
type Window struct {
	Name     string
	From, To time.Duration
}

// segment is a stretch of load whose rate is constant or changes evenly.
type segment struct {
	phase  int64 // ns at which its phase begins
	from   int64 // ns at which it begins
	length int64 // ns
	q0, q1 int64 // rates at its two ends, in billionths of a message per second
	area   wide  // twice the area before it, in messages of 1e-18
	first  int64 // the first message that is due in it, or after it
}

// message is twice a message's area in units of 1e-18: a rate in billionths per
// second for so many nanoseconds is an area in just these units, and twice it
// stays whole under a slope.
const message = 2e18

const (
	maxRate  = 10_000_000 // messages per second
	maxSteps = 100_000    // of all stairs together
)

// Plan works out when each message is due. The scenario must be valid.
func (s *Scenario) Plan() *Plan {
	if s.original != nil {
		// The rounding of a scaled time must not cost a message: a scaled plan
		// is the original one, read on a faster clock.
		p := *s.original.Plan()
		p.speed = s.speed
		return &p
	}
	p := &Plan{bursts: int64(s.Load.Bursts), speed: 1}
	at, area := int64(s.Load.First), wide{}
	for i, phase := range s.Load.Phases {
		begin := at
		for _, seg := range phase.segments() {
			seg.phase, seg.from, seg.area = begin, at, area
			seg.first = area.ceil()
			p.segments = append(p.segments, seg)
			at += seg.length
			area = area.plus(seg.twiceArea())
		}
		p.windows = append(p.windows, Window{Name: phase.window(i), From: time.Duration(begin), To: time.Duration(at)})
	}
	p.total = area.floor()
	p.end = time.Duration(at)
	return p
}

// window is the phase's name, or one made of its place.
func (ph Phase) window(i int) string {
	if ph.Name != "" {
		return ph.Name
	}
	return fmt.Sprintf("phase-%d", i+1)
}

// segments are the phase's stretches, with their lengths and rates only.
func (ph Phase) segments() []segment {
	switch {
	case ph.Rate != nil:
		q := billionths(*ph.Rate)
		return []segment{{length: int64(ph.For), q0: q, q1: q}}
	case ph.Ramp != nil:
		return []segment{{length: int64(ph.For), q0: billionths(ph.Ramp.From), q1: billionths(ph.Ramp.To)}}
	case ph.Stairs != nil:
		q, by := billionths(ph.Stairs.From), billionths(ph.Stairs.By)
		if ph.Stairs.To < ph.Stairs.From {
			by = -by
		}
		segs := make([]segment, ph.Stairs.steps())
		for i := range segs {
			segs[i] = segment{length: int64(ph.Stairs.Each), q0: q, q1: q}
			q += by
		}
		return segs
	}
	return nil
}

// length is how long the phase takes.
func (ph Phase) length() time.Duration {
	if ph.Stairs != nil {
		return time.Duration(ph.Stairs.steps()) * ph.Stairs.Each
	}
	return ph.For
}

// steps counts the stairs, both ends included.
func (st Stairs) steps() int64 {
	height, by := st.height()
	return height/by + 1
}

// height is the distance from the lowest step to the highest, and that of
// one step to the next, in billionths.
func (st Stairs) height() (height, by int64) {
	height = billionths(st.To) - billionths(st.From)
	return max(height, -height), max(1, billionths(st.By))
}

func billionths(rate float64) int64 { return int64(math.Round(rate * 1e9)) }

// Total is how many messages the plan has.
func (p *Plan) Total() int64 { return p.total }

// End is when the last phase ends.
func (p *Plan) End() time.Duration { return p.scaled(int64(p.end)) }

// Windows are the load's phases, each with its name or, where it has none,
// phase-N by its place.
func (p *Plan) Windows() []Window {
	windows := make([]Window, len(p.windows))
	for i, w := range p.windows {
		windows[i] = Window{Name: w.Name, From: p.scaled(int64(w.From)), To: p.scaled(int64(w.To))}
	}
	return windows
}

// Rate is the load at a time, in messages per second; in bursts, too, it is
// the rate of the line that they are cut from.
func (p *Plan) Rate(at time.Duration) float64 {
	t := int64(math.Round(float64(at) * p.speed))
	i := sort.Search(len(p.segments), func(i int) bool { return p.segments[i].from > t }) - 1
	if i < 0 || t >= int64(p.end) {
		return 0
	}
	seg := &p.segments[i]
	along := float64(t-seg.from) / float64(seg.length)
	return (float64(seg.q0) + along*float64(seg.q1-seg.q0)) / 1e9 * p.speed
}

// Due is when message seq, from 0 to Total less one, is due after the run's
// begin. It never decreases with seq. It takes some tens of nanoseconds, and
// many goroutines may call it.
func (p *Plan) Due(seq int64) time.Duration {
	// The last segment that begins at or before the message: where the load
	// paused just there, the message belongs to what follows the pause.
	low, high := 0, len(p.segments)
	for high-low > 1 {
		if mid := (low + high) / 2; p.segments[mid].first <= seq {
			low = mid
		} else {
			high = mid
		}
	}
	seg := &p.segments[low]
	due := seg.from + seg.reach(times(uint64(seq), message).minus(seg.area))
	if p.bursts > 0 {
		// A phase begins a burst of its own, so that no message is due before
		// its phase.
		due -= (due - seg.phase) % p.bursts
	}
	return p.scaled(due)
}

func (p *Plan) scaled(ns int64) time.Duration {
	if p.speed == 1 {
		return time.Duration(ns)
	}
	return time.Duration(float64(ns) / p.speed)
}

// twiceArea is twice the segment's area.
func (s *segment) twiceArea() wide {
	return times(uint64(s.q0+s.q1), uint64(s.length))
}

// reach is the last nanosecond of the segment, from its begin, at which twice
// the area since then is at most a.
func (s *segment) reach(a wide) int64 {
	switch {
	case s.q0 == s.q1:
		return int64(a.over(2 * uint64(s.q0)))
	case s.q0 < s.q1:
		// Estimate, then let whole numbers have the last word.
		t := slope(s.q0, s.q1, s.length, a)
		for compare(s.q0, s.q1, s.length, t, a) > 0 {
			t--
		}
		for compare(s.q0, s.q1, s.length, t+1, a) <= 0 {
			t++
		}
		return t
	}
	// Downhill is uphill seen from the other end, which keeps the estimate free
	// of differences of nearly equal numbers.
	rest := s.twiceArea().minus(a)
	t := slope(s.q1, s.q0, s.length, rest)
	for compare(s.q1, s.q0, s.length, t, rest) < 0 {
		t++
	}
	for compare(s.q1, s.q0, s.length, t-1, rest) >= 0 {
		t--
	}
	return s.length - t
}

// slope estimates when twice the area under a line that climbs from q0 to q1
// within length reaches a: the solution of 2·q0·t + (q1-q0)·t²/length = a.
func slope(q0, q1, length int64, a wide) int64 {
	if a == (wide{}) {
		return 0
	}
	area, low := a.float(), float64(q0)
	return int64(area / (low + math.Sqrt(low*low+float64(q1-q0)*area/float64(length))))
}

// compare says whether twice the area at t is less than (-1), equal to (0) or
// more than (1) a, exactly: it compares (q1-q0)·t² with (a - 2·q0·t)·length.
func compare(q0, q1, length, t int64, a wide) int {
	if t < 0 {
		return -1
	}
	base := times(2*uint64(q0), uint64(t))
	if a.less(base) {
		return 1
	}
	return times(uint64(t), uint64(t)).times(uint64(q1 - q0)).compare(a.minus(base).times(uint64(length)))
}

// wide is a whole number of 128 bits: 200 million messages in units of 1e-18
// are more than 64 can hold.
type wide struct{ hi, lo uint64 }

func times(a, b uint64) wide {
	hi, lo := bits.Mul64(a, b)
	return wide{hi, lo}
}

func (w wide) plus(v wide) wide {
	lo, carry := bits.Add64(w.lo, v.lo, 0)
	hi, _ := bits.Add64(w.hi, v.hi, carry)
	return wide{hi, lo}
}

func (w wide) minus(v wide) wide {
	lo, borrow := bits.Sub64(w.lo, v.lo, 0)
	hi, _ := bits.Sub64(w.hi, v.hi, borrow)
	return wide{hi, lo}
}

func (w wide) less(v wide) bool { return w.hi < v.hi || w.hi == v.hi && w.lo < v.lo }

func (w wide) float() float64 { return float64(w.hi)*(1<<64) + float64(w.lo) }

// over is w/d, rounded down. The quotient must fit 64 bits.
func (w wide) over(d uint64) uint64 {
	quotient, _ := bits.Div64(w.hi, w.lo, d)
	return quotient
}

func (w wide) floor() int64 { return int64(w.over(message)) }

func (w wide) ceil() int64 { return w.plus(wide{lo: message - 1}).floor() }

func (w wide) times(m uint64) wider {
	carry, low := bits.Mul64(w.lo, m)
	high, mid := bits.Mul64(w.hi, m)
	mid, c := bits.Add64(mid, carry, 0)
	return wider{high + c, mid, low}
}

// wider is a whole number of 192 bits, most significant first.
type wider [3]uint64

func (w wider) compare(v wider) int {
	for i := range w {
		switch {
		case w[i] < v[i]:
			return -1
		case w[i] > v[i]:
			return 1
		}
	}
	return 0
}
