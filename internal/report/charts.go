package report

import (
	"bytes"
	"fmt"
	"html/template"
	"image/color"
	"math"
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgsvg"
)

// chart is a graph over scenario time, drawn as inline SVG.
type chart struct {
	Title  string
	Series []series
	SVG    template.HTML
}

// series is one line of a chart.
type series struct {
	Name  string
	Class string // the page's CSS variable that colours it
	at    func(Row) (y float64, ok bool)
	fold  func(a, b float64) float64 // of neighbouring rows, where there are too many
}

const (
	chartWidth  = 720 // points
	chartHeight = 200
	// chartPoints bounds what a line is made of: more than can be told apart.
	chartPoints = 720
)

// The roles of colours in a chart. They are drawn in colours that occur nowhere
// else and replaced by the page's variables, so charts follow its dark and light.
var (
	inkRole  = color.NRGBA{R: 1, A: 255}
	gridRole = color.NRGBA{R: 2, A: 255}
	bandRole = color.NRGBA{R: 3, A: 255}
)

func lineRole(i int) color.Color { return color.NRGBA{R: uint8(4 + i), A: 255} }

var themed = strings.NewReplacer(
	"#010000", "var(--muted)", "#020000", "var(--grid)", "#030000", "var(--band)",
	"#040000", "var(--line-1)", "#050000", "var(--line-2)", "#060000", "var(--line-3)",
	"font-family:Liberation Sans;font-variant:normal;font-weight:normal;font-style:normal;", "",
)

// charts draws the timeline.
func (r *Report) charts() []chart {
	if len(r.Timeline) == 0 {
		return nil
	}
	var scheduled, written, told int64
	total := func(sum *int64, of func(Row) int64) func(Row) (float64, bool) {
		return func(row Row) (float64, bool) { *sum += of(row); return float64(*sum), true }
	}
	sent := func(of func(RowQuantiles) float64) func(Row) (float64, bool) {
		return func(row Row) (float64, bool) { return of(row.Send), row.Send.Max > 0 }
	}
	const mib = 1 << 20
	all := []chart{
		{Title: "Messages since the start", Series: []series{
			{Name: "scheduled", at: total(&scheduled, func(row Row) int64 { return row.Scheduled }), fold: later},
			{Name: "written", at: total(&written, func(row Row) int64 { return row.Written }), fold: later},
			{Name: "told yes", at: total(&told, func(row Row) int64 { return row.Confirmed }), fold: later},
		}},
		{Title: "Send time, seconds", Series: []series{
			{Name: "mean", at: sent(func(q RowQuantiles) float64 { return q.Mean }), fold: math.Max},
			{Name: "p95", at: sent(func(q RowQuantiles) float64 { return q.P95 }), fold: math.Max},
		}},
		{Title: "Free buffer memory, MiB", Series: []series{
			{Name: "free", at: func(row Row) (float64, bool) { return float64(row.BufferAvailable) / mib, row.BufferTotal > 0 }, fold: math.Min},
			{Name: "total", at: func(row Row) (float64, bool) { return float64(row.BufferTotal) / mib, row.BufferTotal > 0 }, fold: math.Max},
		}},
		{Title: "Messages waiting", Series: []series{
			{Name: "for a worker", at: func(row Row) (float64, bool) { return float64(row.Queued), true }, fold: math.Max},
			{Name: "for the consumer (lag)", at: func(row Row) (float64, bool) { return float64(row.Lag), true }, fold: math.Max},
		}},
	}
	for i := range all {
		r.draw(&all[i])
	}
	return all
}

// later keeps a total's latest value.
func later(_, b float64) float64 { return b }

// draw makes the chart's picture.
func (r *Report) draw(c *chart) {
	p := plot.New()
	p.BackgroundColor = color.Transparent
	quiet(&p.X)
	quiet(&p.Y)
	p.X.Min, p.X.Max = 0, math.Max(r.Seconds, r.RowSeconds)
	p.Y.Min, p.Y.Max = 0, 0
	lines := make([][]plotter.XYs, len(c.Series))
	for i := range c.Series {
		c.Series[i].Class = fmt.Sprintf("line-%d", i+1)
		lines[i] = r.points(c.Series[i])
		for _, piece := range lines[i] {
			for _, point := range piece {
				p.Y.Max = math.Max(p.Y.Max, point.Y)
			}
		}
	}
	if p.Y.Max == 0 {
		p.Y.Max = 1
	}
	p.Y.Max *= 1.05
	for _, f := range r.Faults {
		if f.Began {
			p.Add(band(f, p.Y.Max))
		}
	}
	grid := plotter.NewGrid()
	grid.Horizontal.Color, grid.Horizontal.Width = gridRole, vg.Points(0.5)
	grid.Vertical.Width = 0
	p.Add(grid)
	for i := len(lines) - 1; i >= 0; i-- { // the first on top
		for _, piece := range lines[i] {
			p.Add(&plotter.Line{XYs: piece, LineStyle: draw.LineStyle{Color: lineRole(i), Width: vg.Points(1.5)}})
		}
	}
	canvas := vgsvg.NewWith(vgsvg.UseWH(chartWidth, chartHeight))
	p.Draw(draw.New(canvas))
	c.SVG = inline(canvas, c.Title)
}

// points are a series' values, in pieces: a row without a value breaks the line.
func (r *Report) points(s series) []plotter.XYs {
	group := (len(r.Timeline) + chartPoints - 1) / chartPoints
	var pieces []plotter.XYs
	broken := true
	for i := 0; i < len(r.Timeline); i += group {
		end := min(i+group, len(r.Timeline))
		y, known := 0.0, false
		for _, row := range r.Timeline[i:end] {
			switch v, ok := s.at(row); {
			case !ok:
			case !known:
				y, known = v, true
			default:
				y = s.fold(y, v)
			}
		}
		if !known {
			broken = true
			continue
		}
		if broken {
			pieces = append(pieces, plotter.XYs{{X: r.Timeline[i].T, Y: y}})
			broken = false
		}
		last := &pieces[len(pieces)-1]
		x := math.Min(r.Timeline[end-1].T+r.RowSeconds, math.Max(r.Seconds, r.RowSeconds))
		*last = append(*last, plotter.XY{X: x, Y: y})
	}
	return pieces
}

// band shades the time of a fault.
func band(f Fault, top float64) plot.Plotter {
	return &plotter.Polygon{
		XYs:   []plotter.XYs{{{X: f.From}, {X: f.From, Y: top}, {X: f.To, Y: top}, {X: f.To}}},
		Color: bandRole,
	}
}

// quiet styles an axis so that the lines stand out.
func quiet(a *plot.Axis) {
	a.Color, a.Width = gridRole, vg.Points(0.75)
	a.Padding = 0
	a.Tick.Color, a.Tick.Width, a.Tick.Length = gridRole, vg.Points(0.75), vg.Points(3)
	a.Tick.Label.Color = inkRole
	a.Tick.Label.Font = font.Font{Typeface: "Liberation", Variant: "Sans", Size: vg.Points(9)}
	a.Tick.Marker = plot.TickerFunc(ticks)
}

// ticks are round numbers, about six of them, none without a label.
func ticks(low, high float64) []plot.Tick {
	raw := (high - low) / 6
	step := math.Pow(10, math.Floor(math.Log10(raw)))
	for _, m := range []float64{1, 2, 2.5, 5, 10} {
		if step*m >= raw {
			step *= m
			break
		}
	}
	var out []plot.Tick
	for i := math.Ceil(low / step); i*step <= high; i++ {
		out = append(out, plot.Tick{Value: i * step, Label: tidy(i * step)})
	}
	return out
}

// inline is the picture as it stands in the page: it scales with it.
func inline(canvas *vgsvg.Canvas, title string) template.HTML {
	var b bytes.Buffer
	if _, err := canvas.WriteTo(&b); err != nil {
		return "" // a buffer takes everything
	}
	_, body, _ := strings.Cut(b.String(), "<g ")
	head := fmt.Sprintf(`<svg viewBox="0 0 %d %d" role="img" aria-label="%s" xmlns="http://www.w3.org/2000/svg">`,
		chartWidth, chartHeight, template.HTMLEscapeString(title))
	// Everything in it was drawn here; no text of a scenario's is.
	return template.HTML(head + "<g " + themed.Replace(body))
}
