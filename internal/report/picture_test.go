package report

import (
	"bytes"
	"encoding/xml"
	"errors"
	"image/png"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgsvg"

	"kafkasim.example/simd/internal/ledger"
)

// reports are runs of which a graph has little or nothing to show, and one of
// which it has much.
func reports(t *testing.T) map[string]*Report {
	t.Helper()
	one := played(t, "name: one\nload: {phases: [{for: 1s, rate: 1}]}\n", nil)
	one.Add(&ledger.Fact{Kind: ledger.StateChanged, At: time.Second, Note: "completed"})
	none := NewBuilder(Meta{ID: "r1", Cluster: "embedded", Scenario: parse(t, small)})
	none.Conclude("failed", "the cluster did not answer")
	stuck := NewBuilder(Meta{Scenario: parse(t, small)}) // whose one moment is its first
	stuck.Add(&ledger.Fact{Kind: ledger.Offered})
	return map[string]*Report{
		"nothing at all":    {},
		"one message":       one.Report(),
		"failed at once":    none.Report(),
		"ended as it began": stuck.Report(),
		"a small overload":  built(t, parse(t, small), 1),
	}
}

func TestEachChartStandsAlone(t *testing.T) {
	for story, r := range reports(t) {
		for _, name := range ChartNames() {
			for _, dark := range []bool{false, true} {
				var svg bytes.Buffer
				if err := r.Chart(&svg, name, FormatSVG, dark); err != nil {
					t.Fatalf("%s: %s: %v", story, name, err)
				}
				wellFormed(t, story+": "+name, svg.Bytes())
				for _, broken := range []string{"NaN", "Inf", "var(--"} {
					if strings.Contains(svg.String(), broken) {
						t.Errorf("%s: %s holds %s", story, name, broken)
					}
				}
			}
		}
	}
	var picture bytes.Buffer
	if err := reports(t)["a small overload"].Chart(&picture, "send-time", FormatPNG, true); err != nil {
		t.Fatal(err)
	}
	config, err := png.DecodeConfig(&picture)
	if err != nil || config.Width != 1920 || config.Height != 720 {
		t.Errorf("the picture is %d by %d: %v", config.Width, config.Height, err)
	}
}

func TestAPictureOfNothingIsDrawn(t *testing.T) {
	var picture bytes.Buffer
	if err := new(Report).Chart(&picture, "buffer", FormatPNG, false); err != nil {
		t.Fatal(err)
	}
	if _, err := png.Decode(&picture); err != nil {
		t.Error(err)
	}
}

func TestWhatIsNoChart(t *testing.T) {
	r := new(Report)
	for _, c := range []struct{ name, format, want string }{
		{"sendtime", "svg", `there is no chart "sendtime": want one of losses, messages,`},
		{"buffer", "gif", `a chart cannot be written as "gif": want svg or png`},
	} {
		if err := r.Chart(io.Discard, c.name, c.format, false); err == nil || !strings.HasPrefix(err.Error(), c.want) {
			t.Errorf("%s as %s: %v", c.name, c.format, err)
		}
	}
}

// TestTimeAxesLieUnderEachOther, however wide the figures beside them are.
func TestTimeAxesLieUnderEachOther(t *testing.T) {
	r := built(t, parse(t, small), 1)
	for _, s := range []sizes{wideSizes(), narrowSizes(), aloneSizes()} {
		for _, g := range r.graphs() {
			c := draw.New(vgsvg.New(s.width, s.height))
			pl := g.plot(lightPalette(), s)
			area := pl.DataCanvas(aligned(pl, c, s))
			left, right := float64(area.Min.X-s.left), float64(area.Max.X-(s.width-s.right))
			if left*left > 0.01 || right*right > 0.01 {
				t.Errorf("%s: the data begins %.2f and ends %.2f points off", g.name, left, right)
			}
		}
	}
}

// TestPhasesAndFaultsAreNamed in every graph.
func TestPhasesAndFaultsAreNamed(t *testing.T) {
	r := built(t, parse(t, small), 1)
	for _, name := range ChartNames() {
		var b bytes.Buffer
		if err := r.Chart(&b, name, FormatSVG, false); err != nil {
			t.Fatal(err)
		}
		for _, mark := range []string{">warm-up<", ">climb<", ">outage<"} {
			if !strings.Contains(b.String(), mark) {
				t.Errorf("%s does not name %s", name, mark)
			}
		}
	}
}

// TestBarsOfLossesAddUp to what was lost, whatever their width.
func TestBarsOfLossesAddUp(t *testing.T) {
	r := built(t, parse(t, small), 1)
	for _, group := range []int{1, 7, len(r.Timeline), 5000} {
		var sum float64
		for _, piece := range r.bars(group, func(row *Row) int64 { return row.Lost }) {
			for i := 0; i < len(piece); i += 2 {
				sum += piece[i].Y
			}
		}
		if int64(sum) != r.Lost {
			t.Errorf("bars of %d rows hold %v of %d lost messages", group, sum, r.Lost)
		}
	}
}

// TestColoursAreDistinct and written down for every role.
func TestColoursAreDistinct(t *testing.T) {
	for _, p := range []palette{lightPalette(), darkPalette(), themedPalette()} {
		lines := slices.Clone(p[blue : grey+1])
		for i, c := range lines {
			if slices.Contains(lines[:i], c) || c.A != 255 {
				t.Errorf("%v is there twice, or not opaque", c)
			}
		}
		if p[roles-1].A != 255 {
			t.Error("the last role has no colour")
		}
	}
}

func TestChartsAreDrawnAtOnce(t *testing.T) {
	r := built(t, parse(t, small), 1)
	var drawing sync.WaitGroup
	for _, format := range []string{FormatSVG, FormatPNG, FormatSVG} {
		drawing.Go(func() {
			if err := r.Chart(io.Discard, "losses", format, true); err != nil {
				t.Error(err)
			}
		})
	}
	drawing.Wait()
}

// wellFormed reads a page or picture strictly: every tag is closed, in order,
// and every attribute quoted.
func wellFormed(t *testing.T, what string, page []byte) {
	t.Helper()
	d := xml.NewDecoder(bytes.NewReader(page))
	for {
		_, err := d.Token()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			line, column := d.InputPos()
			t.Fatalf("%s: line %d, column %d: %v", what, line, column, err)
		}
	}
}
