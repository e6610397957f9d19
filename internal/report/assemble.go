package report

import "kafkasim.example/simd/internal/ledger"

// Report settles the books and writes the verdict. A message that never had its
// last word counts as told nothing, or as dropped when the producer never had it.
func (b *Builder) Report() *Report {
	b.mu.Lock()
	defer b.mu.Unlock()
	account := b.settle()
	whole := b.whole()
	r := &Report{
		ID:       b.meta.ID,
		Scenario: b.meta.Scenario.Name,
		Title:    b.meta.Scenario.Title,
		About:    b.meta.Scenario.About,
		Speed:    b.meta.Speed,
		Seed:     b.meta.Seed,
		Cluster:  b.meta.Cluster,
		Brokers:  b.meta.Brokers,
		State:    b.state,
		Figures:  whole.figures(),
		Latency: Latency{
			Send:            b.send.quantiles(),
			ScheduleLag:     b.lag.quantiles(),
			Queue:           b.queue.quantiles(),
			Blocked:         b.blocked.quantiles(),
			Acknowledgement: b.ack.quantiles(),
			DueToConfirmed:  b.total.quantiles(),
		},
		Stress:     b.line.stress(b.plan.End()),
		Buffer:     Buffer{Total: b.last.BufferTotal, LowestAvailable: b.lowest},
		Planned:    b.plan.Total(),
		Unread:     b.unread,
		Seconds:    seconds(b.end.Microseconds()),
		Drained:    seconds(max(b.lastTold, 0).Microseconds()),
		Faults:     b.reportFaults(),
		Phases:     b.reportPhases(),
		RowSeconds: b.line.width.Seconds(),
		Timeline:   b.line.report(b.meta.Speed),
		Notes:      []string{},
	}
	if b.concl.state != "" {
		r.State = b.concl.state
	}
	r.closeTimeline()
	b.placeLost(r.Timeline)
	b.note(r, account)
	b.judge(r, b.meta.Scenario.Expect)
	if text, err := b.meta.Scenario.YAML(); err == nil {
		r.Settings = string(text)
	}
	r.Story = r.story()
	return r
}

// closeTimeline puts what the books settled without a fact of its own into the
// row where the facts end: messages that never had their last word.
func (r *Report) closeTimeline() {
	if len(r.Timeline) == 0 {
		return
	}
	var sum Row
	for _, row := range r.Timeline {
		sum.Scheduled += row.Scheduled
		sum.Unknown += row.Unknown
		sum.Dropped += row.Dropped
	}
	last := &r.Timeline[len(r.Timeline)-1]
	last.Scheduled += max(r.Scheduled-sum.Scheduled, 0)
	last.Unknown += max(r.Unknown-sum.Unknown, 0)
	last.Dropped += max(r.Dropped-sum.Dropped, 0)
}

// placeLost enters the lost messages into the rows in which the application was
// told its last word on them.
func (b *Builder) placeLost(rows []Row) {
	if len(rows) == 0 {
		return
	}
	for seq, entry := range b.books.Entries() {
		if !entry.Lost() {
			continue
		}
		at := len(rows) - 1
		if seq < int64(len(b.word)) && b.word[seq] > 0 {
			at = min(at, int(wordAt(b.word[seq])/b.line.width))
		}
		row := &rows[at]
		if row.Causes == nil {
			row.Causes = make(map[string]int64)
		}
		row.Lost++
		row.Causes[entry.Cause.String()]++
	}
}

func (b *Builder) reportFaults() []Fault {
	out := make([]Fault, 0, len(b.faults))
	for i, seen := range b.faults {
		f := Fault{
			Name: seen.name, Kind: b.meta.Scenario.Faults[i].Kind,
			From: seconds(seen.from.Microseconds()), To: seconds(seen.to.Microseconds()),
			Began: seen.began, Ended: seen.ended, Problem: seen.problem,
		}
		if seen.began && !seen.ended {
			f.To = seconds(b.end.Microseconds())
		}
		out = append(out, f)
	}
	return out
}

// settle closes the books and counts every message where it came to stand.
func (b *Builder) settle() ledger.Account {
	account := b.books.Settle()
	for i := range b.segments {
		attempts, retries := b.segments[i].attempts, b.segments[i].retries
		b.segments[i].tally = newTally()
		b.segments[i].attempts, b.segments[i].retries = attempts, retries
	}
	for seq, entry := range b.books.Entries() {
		b.segmentOf(seq).put(entry, +1)
	}
	return account
}

// whole is the sum of all segments.
func (b *Builder) whole() tally {
	sum := newTally()
	for i := range b.segments {
		sum.plus(&b.segments[i].tally)
	}
	return sum
}

func (b *Builder) reportPhases() []Phase {
	out := make([]Phase, 0, len(b.windows))
	for _, w := range b.windows {
		send, sum := newSparse(fine), newTally()
		for i := range b.segments {
			if s := &b.segments[i]; s.lo >= w.lo && s.hi <= w.hi {
				send.merge(&s.send)
				sum.plus(&s.tally)
			}
		}
		out = append(out, Phase{
			Name: w.name, Kind: w.kind, From: w.from.Seconds(), To: w.to.Seconds(),
			Figures: sum.figures(), Send: send.quantiles(),
		})
	}
	return out
}
