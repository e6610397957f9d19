package metrics

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"kafkasim.example/simd/internal/report"
)

var update = flag.Bool("update", false, "write docs/metrics.md anew")

const (
	docs  = "../../docs/metrics.md"
	begin = "<!-- What follows is made from the code: go test ./internal/metrics -update -->\n"
)

// TestDocsAreMadeFromTheCode: docs/metrics.md lists what there is, behind what
// people wrote.
func TestDocsAreMadeFromTheCode(t *testing.T) {
	text, err := os.ReadFile(docs)
	if err != nil {
		t.Fatal(err)
	}
	prose, listed, ok := strings.Cut(string(text), begin)
	if !ok {
		t.Fatalf("%s has no line %q", docs, begin)
	}
	want := list()
	if *update {
		if err := os.WriteFile(docs, []byte(prose+begin+want), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if listed != want {
		t.Errorf("%s is not what the code says; go test ./internal/metrics -update makes it anew", docs)
	}
}

func list() string {
	var b strings.Builder
	for _, s := range sections() {
		fmt.Fprintf(&b, "\n### %s\n\n| name | type | labels | meaning |\n|---|---|---|---|\n", s.title)
		for _, m := range s.metrics {
			labels := ""
			if len(m.labels) > 0 {
				labels = "`" + strings.Join(m.labels, "`, `") + "`"
			}
			fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", m.name, m.kind, labels, m.help)
		}
		if s.title == "Clocks" {
			fmt.Fprintf(&b, "\nClassic buckets end at %s seconds; the native ones are of schema %d, each 9 %% wider than the one before.\n",
				bounds(), report.NativeSchema)
		}
	}
	return b.String()
}

func bounds() string {
	words := make([]string, 0, len(report.ClassicBounds()))
	for _, bound := range report.ClassicBounds() {
		words = append(words, fmt.Sprint(bound))
	}
	return strings.Join(words[:len(words)-1], ", ") + " and " + words[len(words)-1]
}

// TestNoNameTwice: two metrics of one name would be one to Prometheus.
func TestNoNameTwice(t *testing.T) {
	seen := map[string]bool{}
	for _, m := range table() {
		if seen[m.name] {
			t.Errorf("%s is there twice", m.name)
		}
		seen[m.name] = true
	}
}
