package api

import (
	"encoding/json"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/go-chi/chi/v5"
)

// TestTheDocumentNamesEveryRoute walks through the router, not through a list.
func TestTheDocumentNamesEveryRoute(t *testing.T) {
	v := visit(t, newShelf())
	rec := v.get("/openapi.json")
	if ct := rec.Header().Get("Content-Type"); ct != "application/openapi+json" {
		t.Errorf("Content-Type %q", ct)
	}
	doc := want[struct {
		OpenAPI string
		Info    struct{ Title, Version string }
		Paths   map[string]map[string]struct {
			OperationID, Summary string
			Responses            map[string]any
		}
	}](t, rec, http.StatusOK)
	if doc.OpenAPI != "3.1.0" || doc.Info.Version != "v0.0.0-test" {
		t.Errorf("OpenAPI %s, version %s", doc.OpenAPI, doc.Info.Version)
	}
	routes := 0
	err := chi.Walk(v.door.(chi.Routes), func(method, route string, _ http.Handler, _ ...func(http.Handler) http.Handler) error {
		routes++
		op, ok := doc.Paths[route][strings.ToLower(method)]
		if !ok || op.OperationID == "" || op.Summary == "" || len(op.Responses) < 2 {
			t.Errorf("%s %s is not described: %+v", method, route, op)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if routes < 22 {
		t.Errorf("only %d routes", routes)
	}
}

// TestTheDocumentIsWhole checks what OpenAPI 3.1 asks for and a program reading
// the document would trip over: every reference leads somewhere, every path
// parameter is declared, no operation has another's id.
func TestTheDocumentIsWhole(t *testing.T) {
	raw := visit(t, newShelf()).get("/openapi.json").Body.Bytes()
	var doc struct {
		Paths map[string]map[string]struct {
			OperationID string
			Parameters  []struct {
				Name, In string
				Required bool
				Schema   any
			}
			RequestBody *struct {
				Content map[string]struct{ Schema any }
			}
		}
		Components struct{ Schemas map[string]any }
	}
	if err := json.Unmarshal(raw, &doc); err != nil {
		t.Fatal(err)
	}
	for _, ref := range regexp.MustCompile(`"\$ref": "#/components/schemas/([^"]+)"`).FindAllStringSubmatch(string(raw), -1) {
		if _, ok := doc.Components.Schemas[ref[1]]; !ok {
			t.Errorf("%s leads nowhere", ref[0])
		}
	}
	var ids []string
	for path, methods := range doc.Paths {
		for method, op := range methods {
			if slices.Contains(ids, op.OperationID) {
				t.Errorf("two operations are called %s", op.OperationID)
			}
			ids = append(ids, op.OperationID)
			for _, name := range regexp.MustCompile(`\{(\w+)\}`).FindAllStringSubmatch(path, -1) {
				declared := false
				for _, p := range op.Parameters {
					declared = declared || p.Name == name[1] && p.In == "path" && p.Required && p.Schema != nil
				}
				if !declared {
					t.Errorf("%s %s does not declare %s", method, path, name[0])
				}
			}
			body := "application/json"
			if path == "/session" {
				body = "application/x-www-form-urlencoded" // a form sends it
			}
			if method == "post" && (op.RequestBody == nil || op.RequestBody.Content[body].Schema == nil) {
				t.Errorf("%s %s does not describe its body", method, path)
			}
		}
	}
}

// TestTheDocsPageStandsAlone: it must work on a machine with no way out.
func TestTheDocsPageStandsAlone(t *testing.T) {
	v := visit(t, newShelf())
	rec := v.get("/docs")
	page := rec.Body.String()
	if rec.Code != 200 || !strings.HasPrefix(rec.Header().Get("Content-Type"), "text/html") {
		t.Fatalf("%d %s", rec.Code, rec.Header())
	}
	if found := regexp.MustCompile(`(src|href|url)\s*[=(]\s*["']?(https?:)?//`).FindString(page); found != "" {
		t.Errorf("the page fetches from elsewhere: %s", found)
	}
	if strings.Contains(page, "<script") {
		t.Error("the page runs a script, which its own policy forbids")
	}
	if csp := rec.Header().Get("Content-Security-Policy"); !strings.Contains(csp, "default-src 'none'") {
		t.Errorf("policy %q", csp)
	}
	for _, named := range []string{"/runs/{id}/stop", "Idempotency-Key", "producer.buffer.memory", "/runs/{id}/messages"} {
		if !strings.Contains(page, named) {
			t.Errorf("the page does not mention %s", named)
		}
	}
}
