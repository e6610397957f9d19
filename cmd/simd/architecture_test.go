package main

import (
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// rooms are the folders of internal, in the order in which data flows through
// them. A room imports only rooms that come before it.
var rooms = []string{
	"scenario", "ledger", "outbox", "wire", "broker", "producer", "publisher", "scheduler", "report", "metrics", "run", "api",
}

// stages do not know each other, nor the plan: run wires them. What each may
// import of the house is this, and nothing else.
var stages = map[string][]string{
	"ledger":    {},
	"outbox":    {"ledger"},
	"wire":      {"ledger"},
	"broker":    {"ledger", "wire"},
	"producer":  {"ledger"},
	"publisher": {"ledger"},
	"scheduler": {"ledger"},
}

// foreign are libraries that belong behind one door: whoever else imports them
// knows something that its room must not know.
var foreign = map[string][]string{
	"net/http":                           {"api", "metrics"},
	"github.com/go-chi":                  {"api"},
	"github.com/danielgtaylor/huma":      {"api"},
	"github.com/prometheus":              {"metrics"},
	"github.com/twmb/franz-go/pkg/kfake": {"broker"},
	"github.com/spf13/cobra":             {},
	"github.com/caarlos0/env":            {},
}

const house = "kafkasim.example/simd/internal/"

// TestImportsPointOneWay reads the imports of every file that goes into simd.
func TestImportsPointOneWay(t *testing.T) {
	const root = "../../internal"
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		relative, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		room, _, _ := strings.Cut(filepath.ToSlash(relative), "/")
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		for _, spec := range file.Imports {
			imported, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				return err
			}
			judge(t, path, room, imported)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func judge(t *testing.T, path, room, imported string) {
	t.Helper()
	at := slices.Index(rooms, room)
	if at < 0 {
		t.Errorf("%s: internal/%s is no room of the house; see ARCHITECTURE.md", path, room)
		return
	}
	if other, ok := strings.CutPrefix(imported, house); ok {
		other, _, _ = strings.Cut(other, "/")
		if other != room && slices.Index(rooms, other) >= at {
			t.Errorf("%s: %s imports %s, which lies to its right", path, room, other)
		}
		if may, stage := stages[room]; stage && other != room && !slices.Contains(may, other) {
			t.Errorf("%s: %s imports %s; a stage knows only %v", path, room, other, may)
		}
	}
	for library, may := range foreign {
		if (imported == library || strings.HasPrefix(imported, library+"/")) && !slices.Contains(may, room) {
			t.Errorf("%s: %s imports %s, which belongs to %v", path, room, imported, may)
		}
	}
}
