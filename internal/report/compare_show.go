package report

import (
	"fmt"
	"io"
	"math"
	"slices"
	"strings"

	"gonum.org/v1/plot/plotter"
)

// WriteText writes the comparison for a terminal. It is as wide as its columns
// need: two runs fit 100 characters. With colour it holds ANSI colour codes.
func (c *Comparison) WriteText(w io.Writer, colour bool) error {
	t := &text{colour: colour}
	t.line("%s", t.paint(c.title(), strong))
	for i, r := range c.Runs {
		mark, st := "–", wary
		if r.Ok != nil {
			mark, st = tick(*r.Ok)
		}
		t.line("\n%s  %s", t.paint(r.Letter, strong), t.paint(c.reports[i].circumstances(), faint))
		t.line("   %s %s", t.paint(mark, st), t.paint(r.Verdict, st))
		t.line("   %s", r.Headline)
	}
	for _, table := range c.Tables {
		t.section(table.Title)
		if len(table.Rows) == 0 {
			t.line("  none")
			continue
		}
		rows := &columns{indent: "  "}
		head := []string{""}
		for i, r := range c.Runs {
			head = append(head, r.Letter)
			if i > 0 && changes(table, i) {
				head = append(head, "")
			}
		}
		rows.head(head...)
		for _, row := range table.Rows {
			cells := []cell{{shortened(row.Name, 44), ordinary}}
			for i, v := range row.Values {
				cells = append(cells, cell{shortened(v, 40), ordinary})
				if i > 0 && changes(table, i) {
					cells = append(cells, cell{row.Changes[i], faint})
				}
			}
			rows.add(cells...)
		}
		t.table(rows)
	}
	_, err := io.WriteString(w, t.b.String())
	return err
}

// changes says whether a run differs in any figure of the table.
func changes(t Table, run int) bool {
	return slices.ContainsFunc(t.Rows, func(r ComparisonRow) bool { return r.Changes[run] != "" })
}

// compared is a run with what its page shows of it.
type compared struct {
	Compared
	Colour, Kept, Mark, Answer, Reason, Circumstances string
	Rows                                              []matrixRow
}

// tableOf is a table with the runs that head its columns.
type tableOf struct {
	Table
	Runs []compared
}

// WriteHTML writes the comparison as one page that needs nothing else, as
// [Report.WriteHTML] does.
func (c *Comparison) WriteHTML(w io.Writer) error {
	style, err := newLooks()
	if err != nil {
		return err
	}
	v := struct {
		looks
		Title  string
		Runs   []compared
		First  []tableOf // what most readers want, before the graphs
		Graphs []shown
		Rest   []tableOf
	}{looks: style, Title: c.title()}
	for i, run := range c.Runs {
		r := c.reports[i]
		one := compared{Compared: run, Colour: roleNames[runColour(i)], Circumstances: r.circumstances(), Reason: r.reason(), Rows: r.matrixRows()}
		one.Kept, one.Mark, one.Answer = r.answer()
		v.Runs = append(v.Runs, one)
	}
	for i, t := range c.Tables {
		if i < 2 {
			v.First = append(v.First, tableOf{t, v.Runs})
		} else {
			v.Rest = append(v.Rest, tableOf{t, v.Runs})
		}
	}
	for _, g := range c.graphs() {
		v.Graphs = append(v.Graphs, g.shown(asIs))
	}
	return execute(w, "compare.html", v)
}

// runColour is the colour of the i-th run.
func runColour(i int) role {
	colours := []role{blue, amber, green, violet, red, teal, grey}
	return colours[i%len(colours)]
}

// graphs are those in which runs can lie over each other.
func (c *Comparison) graphs() []*graph {
	each := func(name, title string, points func(r *Report) func(int) []plotter.XYs) *graph {
		g := &graph{name: name, title: title, least: leastOf(name), phases: c.common(false), faults: c.common(true)}
		for i, r := range c.reports {
			g.until = max(g.until, r.until())
			g.lines = append(g.lines, line{name: letter(i), note: r.Scenario, colour: runColour(i), look: solid, points: points(r)})
		}
		return g
	}
	known := slices.ContainsFunc(c.reports, func(r *Report) bool { return len(r.Timeline) > 0 })
	if !known {
		return nil
	}
	const mib = 1 << 20
	name, unit := sendUnit(c.reports...)
	return []*graph{
		each("messages", "Messages scheduled since the start", func(r *Report) func(int) []plotter.XYs {
			return r.running(func(row *Row) int64 { return row.Scheduled })
		}),
		each("written", "Copies written since the start", func(r *Report) func(int) []plotter.XYs {
			return r.running(func(row *Row) int64 { return row.Written })
		}),
		each("losses", "Messages lost since the start", func(r *Report) func(int) []plotter.XYs {
			return r.running(func(row *Row) int64 { return row.Lost })
		}),
		each("send-time", "Time inside send, mean, "+name, func(r *Report) func(int) []plotter.XYs {
			return r.send(func(q RowQuantiles) float64 { return q.Mean * unit })
		}),
		each("send-time-p95", "Time inside send, p95, "+name, func(r *Report) func(int) []plotter.XYs {
			return r.send(func(q RowQuantiles) float64 { return q.P95 * unit })
		}),
		each("buffer", "Free buffer memory, MiB", func(r *Report) func(int) []plotter.XYs {
			return r.extreme(math.Min, func(row *Row) (float64, bool) { return float64(row.BufferAvailable) / mib, row.BufferTotal > 0 })
		}),
		each("queue", "Messages waiting for a worker of the application", func(r *Report) func(int) []plotter.XYs {
			return r.extreme(math.Max, func(row *Row) (float64, bool) { return float64(row.Queued), true })
		}),
		each("lag", "Messages in the log that the consumer group has yet to commit", func(r *Report) func(int) []plotter.XYs {
			return r.extreme(math.Max, func(row *Row) (float64, bool) { return float64(row.Lag), true })
		}),
	}
}

// common are the load phases that all runs have alike, or every run's faults,
// each with the letters of the runs that had it where not all did.
func (c *Comparison) common(faults bool) []mark {
	var out []mark
	letters := make(map[mark][]string)
	for i, r := range c.reports {
		g := r.graph("", "")
		marks := g.phases
		if faults {
			marks = g.faults
		}
		for _, m := range marks {
			// To a second, for no two runs begin a fault at the same microsecond.
			m.from, m.to = math.Round(m.from), math.Round(m.to)
			if !slices.Contains(letters[m], letter(i)) {
				letters[m] = append(letters[m], letter(i))
			}
			if !slices.Contains(out, m) {
				out = append(out, m)
			}
		}
	}
	if !faults {
		return slices.DeleteFunc(out, func(m mark) bool { return len(letters[m]) < len(c.reports) })
	}
	for i, m := range out {
		if n := len(letters[m]); n < len(c.reports) {
			out[i].name = fmt.Sprintf("%s (%s)", m.name, strings.Join(letters[m], ", "))
		}
	}
	return out
}
