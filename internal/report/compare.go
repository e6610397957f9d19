package report

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
)

// Comparison puts runs side by side. The first is what the others are held against.
type Comparison struct {
	Runs   []Compared `json:"runs"`
	Tables []Table    `json:"tables"`

	reports []*Report
}

// Compared is a run of a comparison.
type Compared struct {
	Letter   string `json:"letter"` // A, B, ...
	ID       string `json:"id"`
	Scenario string `json:"scenario"`
	Ok       *bool  `json:"ok"`
	Verdict  string `json:"verdict"`
	Headline string `json:"headline"`
}

// Table is rows that belong together, with a value for each run.
type Table struct {
	Title string          `json:"title"`
	Rows  []ComparisonRow `json:"rows"`
}

// ComparisonRow is one figure or setting of all runs. Changes are against the
// first run, and empty where there is none, or nothing to reckon with.
type ComparisonRow struct {
	Name    string   `json:"name"`
	Values  []string `json:"values"`
	Changes []string `json:"changes"`
}

// Compare puts two or more reports side by side: the settings that differ, the
// figures, the matrix, causes, clocks and graphs.
func Compare(reports ...*Report) *Comparison {
	c := &Comparison{reports: reports}
	for i, r := range reports {
		c.Runs = append(c.Runs, Compared{letter(i), r.ID, r.Scenario, r.Ok, r.Verdict(), r.Headline()})
	}
	for _, t := range []Table{
		{"Settings that differ", c.settings()},
		{"Figures", c.figures()},
		{"Messages by what was told and how many copies there are", c.cells()},
		{"Lost, because of", c.counts(func(r *Report) map[string]int64 { return r.ToldCauses() })},
		{"Given up by the application, and what the producer said of them later", c.counts(func(r *Report) map[string]int64 { return r.LateCauses })},
		{"Extra copies, made by", c.counts(func(r *Report) map[string]int64 { return r.CopiesBy })},
		{"Attempts that did not end in a yes", c.counts(func(r *Report) map[string]int64 { return r.Attempts })},
		{"The clocks", c.clocks()},
	} {
		if len(t.Rows) > 0 || t.Title == "Settings that differ" {
			c.Tables = append(c.Tables, t)
		}
	}
	return c
}

// letter names the i-th run: A to Z, then A2 and so on.
func letter(i int) string {
	name := string(rune('A' + i%26))
	if i >= 26 {
		name += strconv.Itoa(i/26 + 1)
	}
	return name
}

// row is a figure of each run, left out when it is 0 in all of them.
func (c *Comparison) row(name string, show func(float64) string, of func(*Report) float64) []ComparisonRow {
	out := ComparisonRow{Name: name}
	var first float64
	met := false
	for i, r := range c.reports {
		v := of(r)
		if i == 0 {
			first = v
		}
		met = met || v != 0
		out.Values = append(out.Values, show(v))
		out.Changes = append(out.Changes, change(first, v, show))
	}
	if !met {
		return nil
	}
	return []ComparisonRow{out}
}

// change says how far b is from a: +497, -1.2 s, and as a share where that says more.
func change(a, b float64, show func(float64) string) string {
	d := b - a
	if show(a) == show(b) {
		return ""
	}
	sign := "+"
	if d < 0 {
		sign = "−"
	}
	text := sign + show(math.Abs(d))
	if a == 0 {
		return text
	}
	if share := 100 * math.Abs(d) / math.Abs(a); share < 1000 {
		text += fmt.Sprintf(" (%s%s %%)", sign, tidy(share))
	}
	return text
}

func messages(v float64) string  { return grouped(int64(v)) }
func inSeconds(v float64) string { return tidy(v) + " s" }
func bytesOf(v float64) string   { return size(int64(v)) }

func (c *Comparison) figures() []ComparisonRow {
	count := func(name string, of func(*Report) int64) []ComparisonRow {
		return c.row(name, messages, func(r *Report) float64 { return float64(of(r)) })
	}
	stressed := func(of func(Quantiles) float64) func(*Report) float64 {
		return func(r *Report) float64 {
			if r.Stress == nil {
				return 0
			}
			return of(r.Stress.Under)
		}
	}
	return slices.Concat(
		count("scheduled", func(r *Report) int64 { return r.Scheduled }),
		count("told yes", func(r *Report) int64 { return r.Confirmed }),
		count("told no", func(r *Report) int64 { return r.Failed }),
		count("told nothing", func(r *Report) int64 { return r.Unknown }),
		count("dropped", func(r *Report) int64 { return r.Dropped }),
		count("written", func(r *Report) int64 { return r.Written }),
		count("consumed", func(r *Report) int64 { return r.Consumed }),
		count("lost", func(r *Report) int64 { return r.Lost }),
		count("extra copies", func(r *Report) int64 { return r.ExtraCopies }),
		c.row("send, mean", lasting, func(r *Report) float64 { return r.Latency.Send.Mean }),
		c.row("send, p95", lasting, func(r *Report) float64 { return r.Latency.Send.P95 }),
		c.row("send under stress, mean", lasting, stressed(func(q Quantiles) float64 { return q.Mean })),
		c.row("send under stress, p95", lasting, stressed(func(q Quantiles) float64 { return q.P95 })),
		c.row("free buffer, least", bytesOf, func(r *Report) float64 { return float64(r.Buffer.LowestAvailable) }),
		count("waiting for a worker, most", func(r *Report) int64 { return r.mostOf(func(row *Row) int64 { return row.Queued }) }),
		count("consumer lag, most", func(r *Report) int64 { return r.mostOf(func(row *Row) int64 { return row.Lag }) }),
		c.row("written a second, best minute", tidy, (*Report).mostWritten),
		c.row("throttled, in all", inSeconds, (*Report).throttled),
		c.row("drained at", inSeconds, func(r *Report) float64 { return r.Drained }),
	)
}

// cells are the matrix, a row a cell.
func (c *Comparison) cells() []ComparisonRow {
	type place struct {
		name string
		of   func(*Report) int64
	}
	var out []ComparisonRow
	for _, p := range []place{
		{"told yes, no copy: vanished", func(r *Report) int64 { return r.Matrix.Confirmed.None }},
		{"told yes, one copy: delivered", func(r *Report) int64 { return r.Matrix.Confirmed.One }},
		{"told yes, two or more: duplicated", func(r *Report) int64 { return r.Matrix.Confirmed.More }},
		{"told no, no copy: refused", func(r *Report) int64 { return r.Matrix.Failed.None }},
		{"told no, one copy: phantom", func(r *Report) int64 { return r.Matrix.Failed.One }},
		{"told no, two or more: duplicated", func(r *Report) int64 { return r.Matrix.Failed.More }},
		{"told nothing, no copy: lost in silence", func(r *Report) int64 { return r.Matrix.Unknown.None }},
		{"told nothing, one copy: unconfirmed", func(r *Report) int64 { return r.Matrix.Unknown.One }},
		{"told nothing, two or more: duplicated", func(r *Report) int64 { return r.Matrix.Unknown.More }},
		{"never sent: dropped", func(r *Report) int64 { return r.Cells.Dropped }},
	} {
		out = append(out, c.row(p.name, messages, func(r *Report) float64 { return float64(p.of(r)) })...)
	}
	return out
}

// counts are named counts, those that are largest in any run first.
func (c *Comparison) counts(of func(*Report) map[string]int64) []ComparisonRow {
	most := make(map[string]int64)
	for _, r := range c.reports {
		for name, n := range of(r) {
			most[name] = max(most[name], n)
		}
	}
	var out []ComparisonRow
	for _, named := range ranked(most) {
		out = append(out, c.row(causeName(named.Name), messages, func(r *Report) float64 { return float64(of(r)[named.Name]) })...)
	}
	return out
}

func (c *Comparison) clocks() []ComparisonRow {
	if len(c.reports) == 0 {
		return nil
	}
	var out []ComparisonRow
	for i, clock := range c.reports[0].Latency.each() {
		for _, q := range []struct {
			name string
			of   func(Quantiles) float64
		}{
			{"mean", func(q Quantiles) float64 { return q.Mean }},
			{"p95", func(q Quantiles) float64 { return q.P95 }},
			{"max", func(q Quantiles) float64 { return q.Max }},
		} {
			out = append(out, c.row(clock.Title+", "+q.name, lasting, func(r *Report) float64 { return q.of(r.Latency.each()[i].Quantiles) })...)
		}
	}
	return out
}

// settings are the lines in which the runs differ: how they were played, and
// what their scenarios say.
func (c *Comparison) settings() []ComparisonRow {
	values := make([]map[string]string, len(c.reports))
	var names []string
	for i, r := range c.reports {
		list := append([]Setting{
			{Name: "scenario", Value: r.Scenario}, {Name: "speed", Value: tidy(r.Speed)},
			{Name: "seed", Value: strconv.FormatUint(r.Seed, 10)}, {Name: "cluster", Value: r.Cluster},
		}, r.explained()...)
		values[i] = make(map[string]string, len(list))
		for _, s := range list {
			values[i][s.Name] = s.Value
			if !slices.Contains(names, s.Name) {
				names = append(names, s.Name)
			}
		}
		maps.DeleteFunc(values[i], func(_, v string) bool { return v == "" })
	}
	var out []ComparisonRow
	for _, name := range names {
		row := ComparisonRow{Name: name, Changes: make([]string, len(c.reports))}
		differs := false
		for i := range values {
			v, there := values[i][name]
			if !there {
				v = "–"
			}
			row.Values = append(row.Values, v)
			differs = differs || v != row.Values[0]
		}
		if differs {
			out = append(out, row)
		}
	}
	return out
}

// title names the runs in one line.
func (c *Comparison) title() string {
	var names []string
	for _, r := range c.Runs {
		names = append(names, r.Letter+" "+r.Scenario)
	}
	if len(names) == 0 {
		return "Nothing to compare"
	}
	return "Compared: " + strings.Join(names, ", ")
}
