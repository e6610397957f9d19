package report

import (
	"fmt"
	"html/template"
	"image/color"
	"strings"

	xfont "golang.org/x/image/font"
	"gonum.org/v1/plot/font"
	plottext "gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// How graphs and the page look: this file alone says it.

// role is what a colour is for. The page calls it by its name, as a CSS
// variable; each palette says what it looks like.
type role uint8

const (
	paper  role = iota // behind everything
	card               // behind a part of the page
	ink                // text
	muted              // text that steps back
	grid               // lines that step back further
	stripe             // every other load phase
	band               // a fault
	faulty             // a fault's name
	blue
	green
	red
	amber
	violet
	teal
	grey
	blueSoft
	greenSoft
	redSoft
	amberSoft
	roles
)

var roleNames = [roles]string{
	"page", "card", "text", "muted", "grid", "stripe", "band", "faulty",
	"blue", "green", "red", "amber", "violet", "teal", "grey",
	"blue-soft", "green-soft", "red-soft", "amber-soft",
}

// palette is a colour for each role.
type palette [roles]color.NRGBA

func hexes(text string) palette {
	var p palette
	for i, hex := range strings.Fields(text) {
		c := color.NRGBA{A: 255}
		if _, err := fmt.Sscanf(hex, "%02x%02x%02x", &c.R, &c.G, &c.B); err != nil {
			panic("a colour is not written as six hexadecimal digits: " + hex)
		}
		p[i] = c
	}
	return p
}

func lightPalette() palette {
	return hexes(`f5f6f8 ffffff 18202b 586474 dde2e8 f3f5f8 fbe4de b23a1c
		1f6fd0 1c8a57 cf3338 c27a00 8250c8 0d8f9a 8a94a1
		e3eefb e2f4ea fce8e8 fcf0d9`)
}

func darkPalette() palette {
	return hexes(`0f1317 171c22 e4e9ef 98a4b3 2b333d 1c222a 43261f ff9d80
		5fa8ff 43c286 ff7478 f0ab3c b48cf2 3fc4cf 7d8896
		17273b 14302a 3a1c20 35280f`)
}

// themedPalette is that of graphs that stand in the page: each role in a colour
// that occurs nowhere else, which the page's variable replaces.
func themedPalette() palette {
	var p palette
	for r := range roles {
		p[r] = color.NRGBA{R: 1 + uint8(r), A: 255}
	}
	return p
}

// variables replaces the colours of the themed palette, and the font that pictures name.
func variables() *strings.Replacer {
	pairs := []string{svgFont, ""}
	for r := range roles {
		pairs = append(pairs, fmt.Sprintf("#%02X0000", 1+r), "var(--"+roleNames[r]+")")
	}
	return strings.NewReplacer(pairs...)
}

// css declares the palette's colours as the page's variables.
func (p palette) css() template.CSS {
	var b strings.Builder
	for r, c := range p {
		fmt.Fprintf(&b, "--%s:#%02x%02x%02x;", roleNames[r], c.R, c.G, c.B)
	}
	return template.CSS(b.String())
}

// svgFont is how vgsvg names the font of all texts of a graph but its title;
// svgFonts is what stands there instead, all of the same widths.
const (
	svgFont  = "font-family:Liberation Sans;font-variant:normal;font-weight:normal;font-style:normal;"
	svgFonts = "font-family:'Liberation Sans',Arial,Helvetica,sans-serif;"
)

// sizes are a graph's measures in points, which are the page's pixels.
type sizes struct {
	width, height       vg.Length // of all
	left, right         vg.Length // beside the data
	bottom              vg.Length
	strip               vg.Length // the height of a line of marks over the data
	text                vg.Length // the size of letters
	points, ticks       int       // at most, over the width
	title, titleSize    vg.Length // above the marks, for a picture that stands alone
	legendSize, edge    vg.Length
	thin, thick, swatch vg.Length
}

// wideSizes are those of a graph in the page.
func wideSizes() sizes {
	return sizes{width: 1000, height: 196, left: 58, right: 22, bottom: 21, strip: 15, text: 11.5, points: 480, ticks: 10, thin: 1, thick: 1.75}
}

// narrowSizes are those of the same graph on a phone.
func narrowSizes() sizes {
	return sizes{width: 360, height: 170, left: 46, right: 16, bottom: 21, strip: 15, text: 11, points: 180, ticks: 5, thin: 1, thick: 1.5}
}

// stripSizes make a graph lower, where only when matters.
func stripSizes(s sizes) sizes { s.height -= 50; return s }

// aloneSizes are those of a picture that stands alone.
func aloneSizes() sizes {
	return sizes{width: 960, height: 360, left: 78, right: 40, bottom: 42, strip: 17, text: 12, points: 480, ticks: 10, thin: 1.1, thick: 2,
		title: 66, titleSize: 16, legendSize: 12.5, edge: 22, swatch: 14}
}

// letters is a style of text in Liberation Sans, which is in the binary.
func letters(size vg.Length, c color.Color, bold bool) plottext.Style {
	f := font.Font{Typeface: "Liberation", Variant: "Sans", Size: size}
	if bold {
		f.Weight = xfont.WeightBold
	}
	return plottext.Style{Color: c, Font: f, Handler: plottext.Plain{Fonts: font.DefaultCache}, YAlign: draw.YBottom}
}
