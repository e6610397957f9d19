package report

import (
	"fmt"
	"slices"
	"sort"
	"time"

	"kafkasim.example/simd/internal/scenario"
)

// window is a stretch of the plan and the messages due in it. Messages are
// numbered in the order in which they are due, so a window is a range of numbers.
type window struct {
	name     string
	kind     string
	from, to time.Duration
	lo, hi   int64 // lo <= seq < hi
}

// windows are the load phases, which share all messages out among them, and for
// each fault what is due before, during and after it.
func windows(s *scenario.Scenario, plan *scenario.Plan) []window {
	// first is the first message that is due at t or later.
	first := func(t time.Duration) int64 {
		n := sort.Search(int(plan.Total()), func(i int) bool { return plan.Due(int64(i)) >= t })
		return int64(n)
	}
	var all []window
	phases := plan.Windows()
	for i, w := range phases {
		lo, hi := int64(0), plan.Total()
		if i > 0 {
			lo = all[i-1].hi
		}
		if i < len(phases)-1 {
			hi = first(phases[i+1].From)
		}
		all = append(all, window{name: w.Name, kind: PhaseLoad, from: w.From, to: w.To, lo: lo, hi: hi})
	}
	for i, name := range faultNames(s.Faults) {
		f := s.Faults[i]
		ends := max(plan.End(), f.At)
		if f.For > 0 {
			ends = f.At + f.For
		}
		during := window{name: name + ".during", kind: PhaseFault, from: f.At, to: ends, lo: first(f.At), hi: first(ends)}
		if f.For <= 0 || ends >= plan.End() {
			during.hi = plan.Total()
		}
		all = append(all, window{name: name + ".before", kind: PhaseFault, to: f.At, hi: during.lo}, during)
		if ends < plan.End() {
			all = append(all, window{name: name + ".after", kind: PhaseFault, from: ends, to: plan.End(), lo: during.hi, hi: plan.Total()})
		}
	}
	return all
}

// faultNames are the faults' kinds, numbered where there are several of a kind.
func faultNames(faults []scenario.Fault) []string {
	kinds := make(map[string]int)
	for _, f := range faults {
		kinds[f.Kind]++
	}
	seen := make(map[string]int)
	names := make([]string, len(faults))
	for i, f := range faults {
		seen[f.Kind]++
		names[i] = f.Kind
		if kinds[f.Kind] > 1 {
			names[i] = fmt.Sprintf("%s-%d", f.Kind, seen[f.Kind])
		}
	}
	return names
}

// segment is a range of messages that no window cuts. Each fact is entered into
// the one segment of its message; a window is the sum of its segments.
type segment struct {
	lo, hi int64
	send   distribution
	tally
}

// segments cuts the plan wherever a window begins or ends.
func segments(total int64, windows []window) []segment {
	cuts := []int64{0, total}
	for _, w := range windows {
		cuts = append(cuts, w.lo, w.hi)
	}
	slices.Sort(cuts)
	cuts = slices.Compact(cuts)
	out := make([]segment, len(cuts)-1)
	for i := range out {
		out[i] = segment{lo: cuts[i], hi: cuts[i+1], send: newSparse(fine), tally: newTally()}
	}
	return out
}
