package report

import "time"

// heldUp is how long a message must wait, for a worker and then for buffer
// memory or metadata, to count as held up on its way into the producer. It is
// well over what a hand-over takes on a busy machine, even at speed 20.
const heldUp = 100 * time.Millisecond

// longestStretch is the longest time over which stress is judged.
const longestStretch = time.Minute

// stress compares send times before and under stress. The application is under
// stress in a scenario minute (or a twentieth of the plan, where that is
// shorter) in which at least half of the messages were held up: they
// came faster than they went out. Stress lasts from the first such minute to
// the end of the last one; whatever was told earlier was told before. Nil when
// there was no such minute.
func (l *timeline) stress(planned time.Duration) *Stress {
	stretch := max(int(min(longestStretch, planned/20)/l.width), 1) // rows
	from, to := -1, -1
	for i := 0; i < len(l.rows); i += stretch {
		end := min(i+stretch, len(l.rows))
		var handed, held int64
		for j := i; j < end; j++ {
			handed += l.rows[j].handed
			held += l.rows[j].held
		}
		if handed > 0 && 2*held >= handed {
			if from < 0 {
				from = i
			}
			to = end
		}
	}
	if from < 0 {
		return nil
	}
	return &Stress{
		From:   (time.Duration(from) * l.width).Seconds(),
		To:     (time.Duration(to) * l.width).Seconds(),
		Before: l.sends(0, from),
		Under:  l.sends(from, to),
	}
}

// sends sums up the send times of what was told in rows from up to, not including, to.
func (l *timeline) sends(from, to int) Quantiles {
	all := newSparse(coarse)
	for i := from; i < to; i++ {
		all.merge(&l.rows[i].send)
	}
	return all.quantiles()
}
