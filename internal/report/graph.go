package report

import (
	"math"
	"slices"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// graph is a picture over scenario time that has yet to be drawn.
type graph struct {
	name, title string
	about       string // where the run comes in, for a picture that stands alone
	until       float64
	phases      []mark
	faults      []mark
	stacked     bool    // the filled lines lie on each other
	least       float64 // how far up the axis goes at least
	lines       []line
}

// mark is a named stretch of time.
type mark struct {
	name     string
	from, to float64
}

// look is how a line is drawn.
type look uint8

const (
	solid look = iota
	hair
	dashed
	filled
)

// line is a series of the graph. Its values come by stretches of time: points
// asks for as many as the width can show.
type line struct {
	name, note string
	colour     role
	soft       role // under a filled line that has an edge; its colour, if not
	look       look
	points     func(most int) []plotter.XYs // in pieces: a stretch without a value breaks the line
}

// draw puts the graph on a canvas, in the palette's colours.
func (g *graph) draw(c draw.Canvas, p palette, s sizes) {
	if s.title > 0 {
		c.SetColor(p[paper])
		c.Fill(c.Rectangle.Path())
		g.drawTitle(c, p, s)
	}
	c.Max.Y -= s.title
	strips := 0
	for _, marks := range [][]mark{g.phases, g.faults} {
		if len(marks) > 0 {
			strips++
		}
	}
	top := c.Max.Y
	c.Max.Y -= vg.Length(strips)*s.strip + 4
	pl := g.plot(p, s)
	c = aligned(pl, c, s)
	area := pl.DataCanvas(c)
	g.drawStrips(draw.Canvas{Canvas: c.Canvas, Rectangle: vg.Rectangle{Min: area.Min, Max: vg.Point{X: area.Max.X, Y: top}}}, area, pl, p, s)
	pl.Draw(c)
}

// plot has the axes, the grid and the lines.
func (g *graph) plot(p palette, s sizes) *plot.Plot {
	pl := plot.New()
	pl.BackgroundColor = nil
	pl.X.Min, pl.X.Max = 0, g.until
	pl.Y.Min, pl.Y.Max = 0, g.least
	pieces := make([][]plotter.XYs, len(g.lines))
	for i := range g.lines {
		pieces[i] = g.lines[i].points(s.points)
	}
	base := []plotter.XYs(nil)
	var shapes []plot.Plotter
	for i, l := range g.lines {
		if l.look == filled && g.stacked {
			pieces[i], base = stack(base, pieces[i])
		}
		for j, piece := range pieces[i] {
			for _, point := range piece {
				pl.Y.Max = math.Max(pl.Y.Max, point.Y)
			}
			shapes = append(shapes, g.shapes(l, piece, beneath(g, i, j, pieces), p, s)...)
		}
	}
	if pl.Y.Max == 0 {
		pl.Y.Max = 1
	}
	pl.Y.Max *= 1.04
	for _, a := range []*plot.Axis{&pl.X, &pl.Y} {
		a.Color, a.Width, a.Padding = p[grid], vg.Points(1), 0
		a.Tick.Color, a.Tick.Width, a.Tick.Length = p[grid], vg.Points(0.75), vg.Points(4)
		label := letters(s.text, p[muted], false)
		label.XAlign, label.YAlign = a.Tick.Label.XAlign, a.Tick.Label.YAlign
		a.Tick.Label = label
	}
	pl.Y.Width = 0
	pl.X.Tick.Marker = plot.TickerFunc(func(low, high float64) []plot.Tick { return ticks(low, high, s.ticks, " s") })
	pl.Y.Tick.Marker = plot.TickerFunc(func(low, high float64) []plot.Tick { return ticks(low, high, 4, "") })
	lines := plotter.NewGrid()
	lines.Horizontal.Color, lines.Horizontal.Width = p[grid], vg.Points(0.75)
	lines.Vertical.Width = 0
	pl.Add(lines)
	pl.Add(shapes...)
	return pl
}

// shapes are what one piece of a line looks like.
func (g *graph) shapes(l line, piece, under plotter.XYs, p palette, s sizes) []plot.Plotter {
	stroke := func(width vg.Length, dashes ...vg.Length) plot.Plotter {
		return &plotter.Line{XYs: piece, LineStyle: draw.LineStyle{Color: p[l.colour], Width: width, Dashes: dashes}}
	}
	switch l.look {
	case hair:
		return []plot.Plotter{stroke(s.thin)}
	case dashed:
		return []plot.Plotter{stroke(s.thin, 5, 4)}
	case filled:
		outline := slices.Clone(piece)
		slices.Reverse(under)
		area := &plotter.Polygon{XYs: []plotter.XYs{append(outline, under...)}, Color: p[l.soft]}
		if l.soft == l.colour {
			return []plot.Plotter{area}
		}
		return []plot.Plotter{area, stroke(s.thick)}
	default:
		return []plot.Plotter{stroke(s.thick)}
	}
}

// beneath is the lower edge of a filled piece: what it is stacked on, or the axis.
func beneath(g *graph, i, j int, pieces [][]plotter.XYs) plotter.XYs {
	piece := pieces[i][j]
	if g.stacked && i > 0 && g.lines[i-1].look == filled && len(pieces[i-1]) == len(pieces[i]) {
		return slices.Clone(pieces[i-1][j])
	}
	return plotter.XYs{{X: piece[0].X}, {X: piece[len(piece)-1].X}}
}

// stack adds a series to those beneath it, which has the same pieces.
func stack(base, pieces []plotter.XYs) (sum, next []plotter.XYs) {
	if len(base) != len(pieces) {
		return pieces, pieces
	}
	sum = make([]plotter.XYs, len(pieces))
	for i, piece := range pieces {
		sum[i] = slices.Clone(piece)
		for j := range piece {
			sum[i][j].Y += base[i][j].Y
		}
	}
	return sum, sum
}

// aligned crops the canvas so that the data begins and ends where it does in
// every other graph, however wide the axis' labels are.
func aligned(pl *plot.Plot, c draw.Canvas, s sizes) draw.Canvas {
	whole := c.Rectangle
	for range 3 {
		area := pl.DataCanvas(c)
		c.Min.X += whole.Min.X + s.left - area.Min.X
		c.Max.X += whole.Max.X - s.right - area.Max.X
		c.Min.Y += whole.Min.Y + s.bottom - area.Min.Y
	}
	return c
}

// drawStrips shades phases and faults and writes their names above the data.
func (g *graph) drawStrips(c, area draw.Canvas, pl *plot.Plot, p palette, s sizes) {
	y := c.Max.Y
	for i, m := range g.phases {
		if i == 0 {
			y -= s.strip
		}
		box := g.stretch(m, area, pl)
		if i%2 == 1 {
			fill(c, p[stripe], box.from, area.Min.Y, box.to, y+s.strip)
		}
		for _, x := range []vg.Length{box.from, box.to} {
			c.StrokeLine2(draw.LineStyle{Color: p[grid], Width: vg.Points(0.75)}, x, area.Min.Y, x, y+s.strip)
		}
		label(c, letters(s.text-1, p[muted], false), m.name, box.from+4, y+3, box.to-box.from-6)
	}
	taken := vg.Length(math.Inf(-1))
	for i, m := range g.faults {
		if i == 0 {
			y -= s.strip
		}
		box := g.stretch(m, area, pl)
		fill(c, p[band], box.from, area.Min.Y, max(box.to, box.from+1.5), y+s.strip)
		style := letters(s.text-1, p[faulty], true)
		width := style.Width(m.name)
		at := min(box.from+4, area.Max.X-width)
		if at > taken && width < area.Max.X-area.Min.X {
			c.FillText(style, vg.Point{X: at, Y: y + 3}, m.name)
			taken = at + width + 8
		}
	}
}

type stretch struct{ from, to vg.Length }

func (g *graph) stretch(m mark, area draw.Canvas, pl *plot.Plot) stretch {
	x := func(t float64) vg.Length {
		return area.Min.X + vg.Length(min(max(t, 0), g.until)/pl.X.Max)*(area.Max.X-area.Min.X)
	}
	return stretch{x(m.from), x(m.to)}
}

func fill(c draw.Canvas, colour interface{ RGBA() (r, g, b, a uint32) }, x0, y0, x1, y1 vg.Length) {
	c.SetColor(colour)
	c.Fill(vg.Rectangle{Min: vg.Point{X: x0, Y: y0}, Max: vg.Point{X: x1, Y: y1}}.Path())
}

// label writes a name where there is room for it, cut short if there is less.
func label(c draw.Canvas, style draw.TextStyle, name string, x, y, room vg.Length) {
	for n := len([]rune(name)); n >= 2; n-- {
		if cut := shortened(name, n); style.Width(cut) <= room {
			c.FillText(style, vg.Point{X: x, Y: y}, cut)
			return
		}
	}
}

// drawTitle writes a picture's title, its lines' names and the run.
func (g *graph) drawTitle(c draw.Canvas, p palette, s sizes) {
	y := c.Max.Y - s.edge - s.titleSize
	c.FillText(letters(s.titleSize, p[ink], true), vg.Point{X: c.Min.X + s.edge, Y: y}, g.title)
	about := letters(s.legendSize-1, p[muted], false)
	c.FillText(about, vg.Point{X: c.Max.X - s.edge - about.Width(g.about), Y: y}, g.about)
	x := c.Min.X + s.edge
	y -= s.legendSize + 10
	style := letters(s.legendSize, p[muted], false)
	for _, l := range g.lines {
		fill(c, p[l.colour], x, y+s.legendSize/2-2, x+s.swatch, y+s.legendSize/2+1)
		name := l.legend()
		x += s.swatch + 6
		c.FillText(style, vg.Point{X: x, Y: y}, name)
		x += style.Width(name) + 18
	}
}

func (l *line) legend() string {
	if l.note == "" {
		return l.name
	}
	return l.name + ": " + l.note
}

// ticks are round numbers, no more than so many, each with its label.
func ticks(low, high float64, most int, unit string) []plot.Tick {
	raw := (high - low) / float64(most)
	step := math.Pow(10, math.Floor(math.Log10(raw)))
	for _, m := range []float64{1, 2, 2.5, 5, 10} {
		if step*m >= raw {
			step *= m
			break
		}
	}
	var out []plot.Tick
	for i := math.Ceil(low / step); i*step <= high; i++ {
		out = append(out, plot.Tick{Value: i * step, Label: exact(i*step) + unit})
	}
	return out
}
