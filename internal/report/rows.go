package report

import "slices"

// Course is how a run has gone so far, or from some second on: what graphs of a
// run that goes on are drawn from. Times are scenario seconds.
type Course struct {
	// RowSeconds is the length of a row. It grows when a run outgrows its timeline:
	// rows that were read before then must be read again.
	RowSeconds float64 `json:"row_seconds"`
	// PlannedSeconds is when the load ends by the plan.
	PlannedSeconds float64 `json:"planned_seconds"`
	// Rows may still change after they were read: a fact may come a moment late.
	// Lost and causes, which only the settled books know, are left out until the end.
	Rows []Row `json:"rows" nullable:"false"`
	// Faults are those of the scenario, in its order: planned times of what is still to come.
	Faults []Fault `json:"faults" nullable:"false"`
	// Phases are those of the load.
	Phases []Span `json:"phases" nullable:"false"`
}

// Span is a named stretch of scenario seconds.
type Span struct {
	Name string  `json:"name"`
	From float64 `json:"from"`
	To   float64 `json:"to"`
}

// Course is how the run has gone from this scenario second on.
func (b *Builder) Course(from float64) Course {
	b.mu.Lock()
	defer b.mu.Unlock()
	c := Course{RowSeconds: b.line.width.Seconds(), Rows: b.line.from(from, b.meta.Speed), Faults: b.reportFaults(), Phases: []Span{}}
	for i := range b.windows {
		if w := &b.windows[i]; w.kind == PhaseLoad {
			c.add(Span{w.name, w.from.Seconds(), w.to.Seconds()})
		}
	}
	return c
}

// Course is how the run went from this scenario second on.
func (r *Report) Course(from float64) Course {
	c := Course{RowSeconds: r.RowSeconds, Rows: []Row{}, Faults: r.Faults, Phases: []Span{}}
	if first := slices.IndexFunc(r.Timeline, func(row Row) bool { return row.T+r.RowSeconds > from }); first >= 0 {
		c.Rows = r.Timeline[first:]
	}
	if c.Faults == nil {
		c.Faults = []Fault{}
	}
	for i := range r.Phases {
		if p := &r.Phases[i]; p.Kind == PhaseLoad {
			c.add(Span{p.Name, p.From, p.To})
		}
	}
	return c
}

func (c *Course) add(phase Span) {
	c.Phases = append(c.Phases, phase)
	c.PlannedSeconds = max(c.PlannedSeconds, phase.To)
}

// from writes out the rows that end after this second, as report does with all.
// Only these cost anything: what came before them is one row, without its send times.
func (l *timeline) from(from, speed float64) []Row {
	first := int(min(max(from, 0)/l.width.Seconds(), float64(len(l.rows))))
	var before row
	for i := range l.rows[:first] {
		r := l.rows[i]
		r.send = distribution{}
		before.merge(&r)
	}
	part := timeline{width: l.width, rows: append([]row{before}, l.rows[first:]...)}
	out := part.report(speed)[1:]
	for i := range out {
		out[i].T += float64(first-1) * l.width.Seconds()
	}
	return out
}
