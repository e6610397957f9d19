package report

import (
	"bytes"
	"fmt"
	"html/template"
	"io"
	"slices"
	"strings"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"
	"gonum.org/v1/plot/vg/vgsvg"
)

// The formats of [Report.Chart].
const (
	FormatSVG = "svg"
	FormatPNG = "png"
)

// pictureDPI makes a PNG of 1,920 by 720 pixels.
const pictureDPI = 144

// ChartNames are the names that [Report.Chart] knows.
func ChartNames() []string {
	var names []string
	for _, g := range new(Report).graphs() {
		names = append(names, g.name)
	}
	return names
}

// Chart writes one of the report's graphs as a picture that stands alone, with
// its title and legend, in the format "svg" or "png". A run without any facts
// has graphs without lines.
func (r *Report) Chart(w io.Writer, name, format string, dark bool) error {
	all := r.graphs()
	i := slices.IndexFunc(all, func(g *graph) bool { return g.name == name })
	if i < 0 {
		return fmt.Errorf("there is no chart %q: want one of %s", name, strings.Join(ChartNames(), ", "))
	}
	return all[i].picture(w, format, dark)
}

func (g *graph) picture(w io.Writer, format string, dark bool) error {
	colours, s := lightPalette(), aloneSizes()
	if dark {
		colours = darkPalette()
	}
	colours[paper] = colours[card]
	switch format {
	case FormatSVG:
		_, err := io.WriteString(w, g.svg(colours, s, strings.NewReplacer(svgFont, svgFonts, "font-family:Liberation Sans;", svgFonts)))
		return err
	case FormatPNG:
		canvas := vgimg.NewWith(vgimg.UseWH(s.width, s.height), vgimg.UseDPI(pictureDPI))
		g.draw(draw.New(canvas), colours, s)
		_, err := vgimg.PngCanvas{Canvas: canvas}.WriteTo(w)
		return err
	default:
		return fmt.Errorf("a chart cannot be written as %q: want %s or %s", format, FormatSVG, FormatPNG)
	}
}

// inline is the graph as it stands in the page, whose colours it takes on.
func (g *graph) inline(s sizes) template.HTML {
	// Everything in it was drawn here, and texts are escaped.
	return template.HTML(g.svg(themedPalette(), s, variables()))
}

// svg is the picture. In a page it has no measures of its own: it scales with what holds it.
func (g *graph) svg(p palette, s sizes, change *strings.Replacer) string {
	canvas := vgsvg.NewWith(vgsvg.UseWH(s.width, s.height))
	g.draw(draw.New(canvas), p, s)
	var b bytes.Buffer
	if _, err := canvas.WriteTo(&b); err != nil {
		return "" // a buffer takes everything
	}
	_, body, _ := strings.Cut(b.String(), "<g ")
	alone := "" // what a page does not need
	if s.title > 0 {
		alone = fmt.Sprintf(` xmlns="http://www.w3.org/2000/svg" width="%d" height="%d"`, whole(s.width), whole(s.height))
	}
	return fmt.Sprintf(`<svg%s viewBox="0 0 %d %d" role="img" aria-label="%s">`,
		alone, whole(s.width), whole(s.height), template.HTMLEscapeString(g.spoken())) + "\n<g " + change.Replace(body)
}

func whole(l vg.Length) int { return int(l.Points()) }

// spoken is the graph for those who do not see it.
func (g *graph) spoken() string {
	parts := make([]string, len(g.lines))
	for i := range g.lines {
		parts[i] = g.lines[i].legend()
	}
	return g.title + ". " + strings.Join(parts, "; ")
}
