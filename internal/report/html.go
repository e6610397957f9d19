package report

import (
	"embed"
	"fmt"
	"html/template"
	"io"
	"regexp"
	"strings"
)

//go:embed page.html compare.html parts.html page.css
var pages embed.FS

// execute writes one of the pages.
func execute(w io.Writer, page string, data any) error {
	t, err := template.New(page).Funcs(template.FuncMap{
		"grouped":   grouped,
		"tidy":      tidy,
		"exact":     exact,
		"lasting":   lasting,
		"ranked":    ranked,
		"plain":     plain,
		"causeName": causeName,
		"glued":     glued,
		"sentence":  sentence,
	}).ParseFS(pages, "parts.html", page)
	if err != nil {
		return err
	}
	return t.ExecuteTemplate(w, page, data)
}

// looks is the style of a page.
type looks struct{ CSS, Light, Dark template.CSS }

func newLooks() (looks, error) {
	css, err := pages.ReadFile("page.css")
	return looks{template.CSS(css), lightPalette().css(), darkPalette().css()}, err
}

// shown is a graph in a page, once for a screen and once for a phone.
type shown struct {
	Name, Title  string
	Lines        []entry
	Wide, Narrow template.HTML
}

// entry is a line of a graph's legend.
type entry struct{ Legend, Colour string }

func (g *graph) shown(change func(sizes) sizes) shown {
	out := shown{Name: g.name, Title: g.title, Wide: g.inline(change(wideSizes())), Narrow: g.inline(change(narrowSizes()))}
	for i := range g.lines {
		out.Lines = append(out.Lines, entry{g.lines[i].legend(), roleNames[g.lines[i].colour]})
	}
	return out
}

func asIs(s sizes) sizes { return s }

var unit = regexp.MustCompile(`(\d) (s|ms|µs|min|h|%|KiB|MiB|GiB|bytes)\b|(\d) %|t = `)

// glued keeps figures and their units on one line.
func glued(text string) string {
	return unit.ReplaceAllStringFunc(text, func(s string) string { return strings.ReplaceAll(s, " ", "\u00a0") })
}

// tile is a figure that a reader looks for first.
type tile struct{ Name, Value, Under, Class string }

// group is settings that belong together.
type group struct {
	Name  string
	Given []Setting
}

// WriteHTML writes the report as one page that needs nothing else: no file, no
// script, no network. It follows the reader's choice of dark or light, and can
// be read on a phone and on paper.
func (r *Report) WriteHTML(w io.Writer) error {
	style, err := newLooks()
	if err != nil {
		return err
	}
	v := struct {
		*Report
		looks
		Kept, Mark, Answer, Reason, Circumstances, Lead string

		Tiles   []tile
		Rows    []matrixRow
		Clocks  []titled
		Losses  *shown
		Graphs  []shown
		Advised bool
		Groups  []group
		Usual   []Setting
	}{
		Report: r, looks: style, Circumstances: r.circumstances(), Lead: r.lead(), Reason: r.reason(),
		Tiles: r.tiles(), Rows: r.matrixRows(), Clocks: r.Latency.each(),
	}
	v.Kept, v.Mark, v.Answer = r.answer()
	for _, g := range r.graphs() {
		switch {
		case len(r.Timeline) == 0:
		case g.name == "losses":
			if r.Lost > 0 {
				s := g.shown(stripSizes)
				v.Losses = &s
			}
		case g.name == "throttle" && r.throttled() == 0:
		default:
			v.Graphs = append(v.Graphs, g.shown(asIs))
		}
	}
	if _, known := r.setup(); known && r.Scheduled > 0 {
		v.Advised = true
	}
	v.Groups, v.Usual = grouping(r.explained())
	return execute(w, "page.html", v)
}

// grouping parts the settings that somebody chose from those that are as usual.
func grouping(all []Setting) (groups []group, usual []Setting) {
	for _, s := range all {
		if s.Usual {
			usual = append(usual, s)
			continue
		}
		if len(groups) == 0 || groups[len(groups)-1].Name != s.Group {
			groups = append(groups, group{Name: s.Group})
		}
		last := &groups[len(groups)-1]
		last.Given = append(last.Given, s)
	}
	return groups, usual
}

// answer says in two words whether the run was as expected, and how that looks.
func (r *Report) answer() (class, mark, words string) {
	switch {
	case r.Ok == nil:
		return "", "?", "No verdict"
	case !*r.Ok:
		return "broken", "✗", "Not as expected"
	case len(r.Expectations) == 0:
		return "", "–", "Nothing was expected"
	default:
		return "kept", "✓", "As expected"
	}
}

// reason says what the answer rests on: what did not hold, or that all did.
func (r *Report) reason() string {
	var broken []string
	for _, e := range r.Expectations {
		switch {
		case r.Ok == nil || e.Ok:
		case e.Problem != "":
			broken = append(broken, fmt.Sprintf("%s could not be judged", e.Of))
		default:
			broken = append(broken, fmt.Sprintf("%s should be %s and is %s", e.Of, e.Want, exact(e.Got)))
		}
	}
	if len(broken) == 0 {
		return sentence(strings.TrimPrefix(r.Verdict(), "No verdict: "))
	}
	return strings.TrimSuffix(r.Verdict(), ".") + ": " + listed(broken) + "."
}

func (r *Report) tiles() []tile {
	when := func(n int64, class string) string {
		if n > 0 {
			return class
		}
		return ""
	}
	share := func(n int64) string {
		if r.Scheduled == 0 || n == 0 {
			return ""
		}
		return percent(n, r.Scheduled)
	}
	scheduled := ""
	if r.Planned != r.Scheduled {
		scheduled = "of " + grouped(r.Planned) + " planned"
	}
	send := tile{"send time", lasting(r.Latency.Send.Mean), "mean; p95 " + lasting(r.Latency.Send.P95), ""}
	if s := r.Stress; s != nil && s.Under.Count > 0 {
		send = tile{"send, under stress", lasting(s.Under.Mean), "mean; p95 " + lasting(s.Under.P95), ""}
	}
	return []tile{
		{"scheduled", grouped(r.Scheduled), scheduled, ""},
		{"told yes", grouped(r.Confirmed), share(r.Confirmed), ""},
		{"told no or nothing", grouped(r.Failed + r.Unknown), share(r.Failed + r.Unknown), when(r.Failed+r.Unknown, "wary")},
		{"written", grouped(r.Written), "copies in the log", ""},
		{"lost", grouped(r.Lost), share(r.Lost), when(r.Lost, "bad")},
		{"extra copies", grouped(r.ExtraCopies), share(r.ExtraCopies), when(r.ExtraCopies, "wary")},
		send,
	}
}
