package report

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"
)

var update = flag.Bool("update", false, "write the golden files anew")

// golden compares with a file in testdata; -update writes the file.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Equal(got, want) {
		return
	}
	gotLines, wantLines := strings.Split(string(got), "\n"), strings.Split(string(want), "\n")
	for i := range gotLines {
		if i >= len(wantLines) || gotLines[i] != wantLines[i] {
			t.Fatalf("%s differs from line %d on (go test -update writes it anew):\n%s", name, i+1, gotLines[i])
		}
	}
	t.Fatalf("%s is shorter than it was: %d lines of %d", name, len(gotLines), len(wantLines))
}

func TestGoldenReports(t *testing.T) {
	r := built(t, parse(t, small), 1)
	var text, page bytes.Buffer
	if err := r.WriteText(&text, false); err != nil {
		t.Fatal(err)
	}
	if err := r.WriteHTML(&page); err != nil {
		t.Fatal(err)
	}
	data, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "small.txt", text.Bytes())
	golden(t, "small.html", page.Bytes())
	golden(t, "small.json", append(data, '\n'))
}

// TestTextFitsATerminal: no line is wider than 100 columns, and no colour code
// is written unless it is asked for.
func TestTextFitsATerminal(t *testing.T) {
	r := built(t, parse(t, small), 1)
	var plain, colour bytes.Buffer
	if err := r.WriteText(&plain, false); err != nil {
		t.Fatal(err)
	}
	if err := r.WriteText(&colour, true); err != nil {
		t.Fatal(err)
	}
	for _, line := range strings.Split(plain.String(), "\n") {
		if n := utf8.RuneCountInString(line); n > 100 {
			t.Errorf("%d columns: %s", n, line)
		}
	}
	if strings.Contains(plain.String(), "\x1b") {
		t.Error("colour codes that nobody asked for")
	}
	stripped := colour.String()
	for _, code := range []string{"\x1b[0m", "\x1b[1m", "\x1b[2m", "\x1b[31m", "\x1b[32m", "\x1b[33m"} {
		if !strings.Contains(stripped, code) {
			t.Errorf("code %q is never used", code)
		}
		stripped = strings.ReplaceAll(stripped, code, "")
	}
	if stripped != plain.String() {
		t.Error("colour changes more than colours")
	}
}
