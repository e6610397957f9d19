package report

import (
	"fmt"
	"io"
	"strings"
)

// textWidth is how wide paragraphs of the text report are; tables are at most 100.
const textWidth = 88

// style is how a piece of text is shown where colours are wanted.
type style string

const (
	ordinary style = ""
	strong   style = "1"
	faint    style = "2"
	good     style = "32"
	bad      style = "31"
	wary     style = "33"
)

// text writes one report for a terminal.
type text struct {
	*Report
	colour bool
	b      strings.Builder
}

// WriteText writes the report for a terminal, in at most 100 columns. With
// colour it holds ANSI colour codes; without, none.
func (r *Report) WriteText(w io.Writer, colour bool) error {
	t := &text{Report: r, colour: colour}
	t.top()
	t.matrix()
	t.reasons()
	t.clocks()
	t.phases()
	t.faults()
	t.story()
	t.expectations()
	t.notes()
	_, err := io.WriteString(w, t.b.String())
	return err
}

func (t *text) paint(s string, st style) string {
	if !t.colour || st == ordinary || s == "" {
		return s
	}
	return "\x1b[" + string(st) + "m" + s + "\x1b[0m"
}

func (t *text) line(format string, args ...any) { fmt.Fprintf(&t.b, format+"\n", args...) }

func (t *text) paragraph(s, indent string, st style) {
	for _, l := range wrapped(s, textWidth-len(indent)) {
		t.line("%s%s", indent, t.paint(l, st))
	}
}

func (t *text) section(title string) { t.line("\n%s", t.paint(title, strong)) }

func (t *text) table(c *columns) {
	for _, l := range c.lines(t.paint) {
		t.line("%s", l)
	}
}

func (t *text) top() {
	title := t.Scenario
	if t.Title != "" {
		title += ": " + t.Title
	}
	t.line("%s", t.paint(title, strong))
	t.line("%s", t.paint(t.circumstances(), faint))
	mark, st := "–", wary
	if t.Ok != nil {
		mark, st = tick(*t.Ok)
	}
	t.line("\n%s %s", t.paint(mark, st), t.paint(t.Verdict(), st))
	t.line("  %s", t.Headline())
}

// circumstances are the run's, in one line.
func (r *Report) circumstances() string {
	return fmt.Sprintf("run %s, %s, speed %s, seed %d, %s after %s of scenario time",
		r.ID, r.Cluster, tidy(r.Speed), r.Seed, r.State, clockTime(r.Seconds))
}

// clockTime writes a length of time as people say it: 23 min 21 s.
func clockTime(s float64) string {
	whole := int64(s)
	switch {
	case s < 60:
		return tidy(s) + " s"
	case whole < 3600:
		return fmt.Sprintf("%d min %d s", whole/60, whole%60)
	default:
		return fmt.Sprintf("%d h %d min %d s", whole/3600, whole/60%60, whole%60)
	}
}

func tick(ok bool) (string, style) {
	if ok {
		return "✓", good
	}
	return "✗", bad
}

// warn is the style of a count that had better be zero.
func warn(n int64, st style) style {
	if n == 0 {
		return faint
	}
	return st
}

func (t *text) matrix() {
	t.section("What was told, and what is in the log")
	c := &columns{indent: "  "}
	c.head("", "no copy", "", "one copy", "", "two or more", "")
	for _, row := range t.matrixRows() {
		line := []cell{{row.Told, ordinary}}
		for i, m := range row.Cells {
			line = append(line, cell{grouped(m.Count), warn(m.Count, m.style)}, cell{padded(m.Name, cellWidths[i]), faint})
		}
		c.add(line...)
	}
	t.table(c)
	t.line("")
	sums := &columns{indent: "  "}
	sums.head("", "scheduled", "told yes", "told no", "told nothing", "dropped", "written", "consumed", "lost", "extra")
	sums.add(cell{"messages", ordinary}, count(t.Scheduled), count(t.Confirmed), count(t.Failed), count(t.Unknown), count(t.Dropped),
		count(t.Written), count(t.Consumed), cell{grouped(t.Lost), warn(t.Lost, bad)}, cell{grouped(t.ExtraCopies), warn(t.ExtraCopies, wary)})
	t.table(sums)
}

// cellWidths are those of the longest names in the matrix's columns.
var cellWidths = [...]int{len("lost in silence"), len("unconfirmed"), len("duplicated")}

func padded(s string, width int) string { return fmt.Sprintf("%-*s", width, s) }

func count(n int64) cell {
	if n == 0 {
		return cell{"0", faint}
	}
	return cell{grouped(n), ordinary}
}

// reasons are why messages are lost, who made copies, what the application saw.
func (t *text) reasons() {
	t.counts("Lost, because of", t.ToldCauses())
	t.counts("Given up by the application, and what the producer said of them later", t.LateCauses)
	t.counts("Extra copies, made by", t.CopiesBy)
	t.counts("Attempts that did not end in a yes, as the application saw them", t.Attempts)
}

func (t *text) counts(title string, counts map[string]int64) {
	rows := ranked(counts)
	if len(rows) == 0 {
		return
	}
	t.section(title)
	c := &columns{indent: "  "}
	for _, r := range rows {
		c.add(cell{r.Name, ordinary}, cell{grouped(r.Count), ordinary})
	}
	t.table(c)
}

func (t *text) clocks() {
	if s := t.Stress; s != nil {
		t.section("Send time before and under stress")
		c := &columns{indent: "  "}
		c.head("", "mean", "p50", "p95", "p99", "max", "messages")
		for _, part := range []struct {
			name string
			q    Quantiles
		}{
			{fmt.Sprintf("before t = %s s", tidy(s.From)), s.Before},
			{fmt.Sprintf("t = %s s to %s s", tidy(s.From), tidy(s.To)), s.Under},
		} {
			c.add(cell{part.name, ordinary}, lasted(part.q.Mean), lasted(part.q.P50), lasted(part.q.P95),
				lasted(part.q.P99), lasted(part.q.Max), count(part.q.Count))
		}
		t.table(c)
	}
	t.section("The clocks")
	c := &columns{indent: "  "}
	c.head("", "mean", "p50", "p95", "p99", "p99.9", "max")
	for _, clock := range t.Latency.each() {
		q := clock.Quantiles
		c.add(cell{clock.Title, ordinary}, lasted(q.Mean), lasted(q.P50), lasted(q.P95), lasted(q.P99), lasted(q.P999), lasted(q.Max))
	}
	t.table(c)
}

func lasted(s float64) cell {
	if s == 0 {
		return cell{"0", faint}
	}
	return cell{lasting(s), ordinary}
}

func (t *text) phases() {
	if len(t.Phases) == 0 {
		return
	}
	t.section("By when the messages were due")
	c := &columns{indent: "  "}
	titles := []string{"", "t (s)", "scheduled", "yes", "no", "nothing"}
	if t.Dropped > 0 {
		titles = append(titles, "dropped")
	}
	c.head(append(titles, "lost", "extra", "mean send", "p95")...)
	for _, p := range t.Phases {
		row := []cell{
			{shortened(p.Label(), 24), ordinary}, {p.Stretch(), ordinary},
			count(p.Scheduled), count(p.Confirmed), count(p.Failed), count(p.Unknown),
		}
		if t.Dropped > 0 {
			row = append(row, count(p.Dropped))
		}
		c.add(append(row, cell{grouped(p.Lost), warn(p.Lost, bad)}, cell{grouped(p.ExtraCopies), warn(p.ExtraCopies, wary)},
			lasted(p.Send.Mean), lasted(p.Send.P95))...)
	}
	t.table(c)
}

func (t *text) faults() {
	if len(t.Faults) == 0 {
		return
	}
	t.section("Faults")
	c := &columns{indent: "  "}
	for _, f := range t.Faults {
		c.add(cell{f.Name, ordinary}, cell{f.When(), ordinary})
	}
	t.table(c)
}

func (t *text) story() {
	t.section("What happened")
	t.paragraph(t.Story, "  ", ordinary)
}

func (t *text) expectations() {
	if len(t.Expectations) == 0 {
		return
	}
	t.section("Expectations")
	c := &columns{indent: "  "}
	for _, e := range t.Expectations {
		mark, st := tick(e.Ok)
		got := exact(e.Got)
		if e.Problem != "" {
			got = e.Problem
		}
		c.add(cell{mark + " " + e.Of, st}, cell{padded(e.Want, longestWant(t.Expectations)), ordinary}, cell{"got", faint}, cell{got, ordinary})
	}
	t.table(c)
}

func longestWant(all []Expectation) int {
	n := 0
	for _, e := range all {
		n = max(n, len(e.Want))
	}
	return n
}

func (t *text) notes() {
	if len(t.Notes) == 0 {
		return
	}
	t.section("Notes")
	for _, n := range t.Notes {
		t.paragraph(n, "  ", ordinary)
	}
}
