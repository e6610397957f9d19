package dashboards

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/grafana/grafana-foundation-sdk/go/cog/plugins"
)

var update = flag.Bool("update", false, "write grafana/dashboards/*.json anew")

const folder = "../../grafana/dashboards"

func all() map[string]*boardBuilder {
	return map[string]*boardBuilder{"run.json": aRun(), "compare.json": compare(), "itself.json": itself()}
}

// built is a dashboard whose panels have numbers of their own.
func built(t *testing.T, builder *boardBuilder) *grafanaBoard {
	t.Helper()
	d, err := builder.Build()
	if err != nil {
		t.Fatal(err)
	}
	for i, p := range d.Panels {
		id := uint32(i + 1)
		if p.Panel != nil {
			p.Panel.Id = &id
		} else {
			p.RowPanel.Id = id
		}
	}
	return &d
}

// TestDashboardsAreMadeFromTheCode: what is checked in is what the code says.
func TestDashboardsAreMadeFromTheCode(t *testing.T) {
	boards := all()
	for name, builder := range boards {
		text, err := json.MarshalIndent(built(t, builder), "", "  ")
		if err != nil {
			t.Fatal(err)
		}
		text = append(text, '\n')
		path := filepath.Join(folder, name)
		if *update {
			if err := os.MkdirAll(folder, 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, text, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if got, err := os.ReadFile(path); err != nil || !bytes.Equal(got, text) {
			t.Errorf("%s is not what the code says (%v); go test ./internal/dashboards -run Code -update writes it anew", path, err)
		}
	}
	found, err := filepath.Glob(filepath.Join(folder, "*"))
	if err != nil || len(found) != len(boards) {
		t.Errorf("%d files in %s, want %d: %v", len(found), folder, len(boards), err)
	}
}

// TestGrafanaKnowsTheShape: nothing in the files is unknown to Grafana's schema,
// and nothing that it wants is missing.
func TestGrafanaKnowsTheShape(t *testing.T) {
	for name, d := range checkedIn(t) {
		text, err := os.ReadFile(filepath.Join(folder, name))
		if err != nil {
			t.Fatal(err)
		}
		// Only to hear its errors: it forgets the panels, and says "no errors" with
		// an error that has no text.
		if err := new(grafanaBoard).UnmarshalJSONStrict(text); err != nil && err.Error() != "" {
			t.Errorf("%s: %v", name, err)
		}
		if err := d.Validate(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// checkedIn are the dashboards as Grafana will read them.
func checkedIn(t *testing.T) map[string]*grafanaBoard {
	t.Helper()
	plugins.RegisterDefaultPlugins()
	boards := map[string]*grafanaBoard{}
	for name := range all() {
		text, err := os.ReadFile(filepath.Join(folder, name))
		if err != nil {
			t.Fatal(err)
		}
		d := new(grafanaBoard)
		if err := json.Unmarshal(text, d); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		boards[name] = d
	}
	return boards
}

// TestPanelsExplainThemselves to somebody who sees them for the first time, and
// none lies on another or hangs over the edge.
func TestPanelsExplainThemselves(t *testing.T) {
	for name, d := range checkedIn(t) {
		if len(d.Panels) < 10 {
			t.Errorf("%s has %d panels", name, len(d.Panels))
		}
		taken := map[[2]uint32]string{}
		for _, one := range d.Panels {
			p := one.Panel
			if p == nil {
				continue
			}
			switch {
			case p.Title == nil || *p.Title == "":
				t.Errorf("%s: a panel has no title", name)
				continue
			case p.Description == nil || len(*p.Description) < 10:
				t.Errorf("%s: panel %q does not explain itself", name, *p.Title)
			case len(p.Targets) == 0:
				t.Errorf("%s: panel %q asks nothing", name, *p.Title)
			}
			if p.Type == "timeseries" && (p.FieldConfig.Defaults.Unit == nil || *p.FieldConfig.Defaults.Unit == "") {
				t.Errorf("%s: panel %q has no unit", name, *p.Title)
			}
			for x := p.GridPos.X; x < p.GridPos.X+p.GridPos.W; x++ {
				for y := p.GridPos.Y; y < p.GridPos.Y+p.GridPos.H; y++ {
					if other := taken[[2]uint32{x, y}]; other != "" || x >= full {
						t.Fatalf("%s: panel %q lies over %q or the edge at %d, %d", name, *p.Title, other, x, y)
					}
					taken[[2]uint32{x, y}] = *p.Title
				}
			}
		}
	}
}
