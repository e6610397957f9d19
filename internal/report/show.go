package report

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// What the text and the page share: the report's parts, named for people.

// Named is a count with the name that it goes by.
type Named struct {
	Name  string
	Count int64
}

// ranked are counts, the largest first, without those of none.
func ranked(counts map[string]int64) []Named {
	var out []Named
	for name, n := range counts {
		if n != 0 {
			out = append(out, Named{name, n})
		}
	}
	slices.SortFunc(out, func(a, b Named) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.Name, b.Name))
	})
	return out
}

// causeName is a cause in words; a broker's error keeps the name that Kafka gave it.
func causeName(name string) string {
	if name == strings.ToUpper(name) {
		return name
	}
	return plain(name)
}

// titled is a clock with the title that it is shown under.
type titled struct {
	Title string
	Quantiles
}

// each lists the clocks in the order in which a message meets them, and then
// their sums.
func (l *Latency) each() []titled {
	return []titled{
		{"schedule lag", l.ScheduleLag},
		{"waiting for a worker", l.Queue},
		{"blocked in send", l.Blocked},
		{"acknowledgement", l.Acknowledgement},
		{"send, as a whole", l.Send},
		{"due to last word", l.DueToConfirmed},
	}
}

// Label is the window's name in words: "during outage" for outage.during.
func (p *Phase) Label() string {
	if p.Kind == PhaseFault {
		if i := strings.LastIndexByte(p.Name, '.'); i >= 0 {
			return p.Name[i+1:] + " " + p.Name[:i]
		}
	}
	return p.Name
}

// Stretch is the window's time, in seconds.
func (p *Phase) Stretch() string { return tidy(p.From) + "–" + tidy(p.To) }

// When says when the fault came and went.
func (f *Fault) When() string {
	switch {
	case !f.Began:
		return fmt.Sprintf("planned for t = %s s, never came", tidy(f.From))
	case !f.Ended:
		return fmt.Sprintf("from t = %s s, to the end", tidy(f.From))
	default:
		return fmt.Sprintf("from t = %s s to %s s", tidy(f.From), tidy(f.To))
	}
}

// matrixRow is a row of the matrix with the names of its cells.
type matrixRow struct {
	Told  string
	Cells []matrixCell
}

// matrixCell is one of them, and how it looks when it is not empty.
type matrixCell struct {
	Named
	style style
}

// Class is its style's name in the page.
func (c matrixCell) Class() string {
	return map[style]string{good: "good", bad: "bad", wary: "wary"}[c.style]
}

// matrixRows are the matrix and, where there are any, the dropped ones beside it.
func (r *Report) matrixRows() []matrixRow {
	row := func(told string, m Copies, none, one string, oneStyle style) matrixRow {
		return matrixRow{told, []matrixCell{
			{Named{none, m.None}, bad}, {Named{one, m.One}, oneStyle}, {Named{"duplicated", m.More}, wary},
		}}
	}
	rows := []matrixRow{
		row("told yes", r.Matrix.Confirmed, "vanished", "delivered", good),
		row("told no", r.Matrix.Failed, "refused", "phantom", wary),
		row("told nothing", r.Matrix.Unknown, "lost in silence", "unconfirmed", wary),
	}
	if r.Dropped > 0 {
		rows = append(rows, matrixRow{"never sent", []matrixCell{{Named{"dropped", r.Dropped}, bad}}})
	}
	return rows
}
