package api

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"kafkasim.example/simd/internal/run"
)

// TestHostileRequests sends what a careless or an unkind client could. Each is
// refused with the field's name, and the daemon goes on.
func TestHostileRequests(t *testing.T) {
	inline := func(fields string) string {
		return `{"scenario": {"name": "x", "load": {"phases": [{"name": "a", "for": "1s", "rate": 1}]}` + fields + `}}`
	}
	rows := []struct {
		story    string
		body     string
		headers  header
		status   int
		location string
	}{
		{"no body", "", header{"Content-Type": "application/json"}, 400, "body"},
		{"only spaces", "   ", nil, 400, "body"},
		{"broken JSON", `{"scenario": "case-2"`, nil, 400, "body"},
		{"two objects", `{"scenario": "case-2"}{"scenario": "case-2"}`, nil, 400, "body"},
		{"not JSON at all", "scenario=case-2", nil, 400, "body"},
		{"NaN", `{"scenario": "case-2", "speed": NaN}`, nil, 400, "body"},
		{"a list", `["case-2"]`, nil, 422, "body"},
		{"null", `null`, nil, 422, "body"},
		{"a 10 MB body", `{"scenario": "` + strings.Repeat("x", 10<<20) + `"}`, nil, 413, "body"},
		{"a form", `scenario=case-2`, header{"Content-Type": "application/x-www-form-urlencoded"}, 415, "header.Content-Type"},
		{"YAML", `scenario: case-2`, header{"Content-Type": "application/yaml"}, 415, "header.Content-Type"},
		{"a content type that is none", `{}`, header{"Content-Type": ";;;"}, 415, "header.Content-Type"},
		{"nothing named", `{}`, nil, 422, "body.scenario"},
		{"an unknown member", `{"scenario": "case-2", "sped": 20}`, nil, 422, "body.sped"},
		{"a member in capitals", `{"Scenario": "case-2"}`, nil, 422, "body.Scenario"},
		{"a member twice", `{"scenario": "case-1", "scenario": "case-2"}`, nil, 422, "body.scenario"},
		{"a client that names a broker", `{"scenario": "case-2", "brokers": "10.0.0.1:9092"}`, nil, 422, "body.brokers"},
		{"a speed of 1e300", `{"scenario": "case-2", "speed": 1e300}`, nil, 422, "body.speed"},
		{"a speed of 1e400", `{"scenario": "case-2", "speed": 1e400}`, nil, 422, "body.speed"},
		{"a speed of 1e-300", `{"scenario": "case-2", "speed": 1e-300}`, nil, 422, "body.speed"},
		{"no speed at all", `{"scenario": "case-2", "speed": 0}`, nil, 422, "body.speed"},
		{"a negative speed", `{"scenario": "case-2", "speed": -1}`, nil, 422, "body.speed"},
		{"a speed in words", `{"scenario": "case-2", "speed": "fast"}`, nil, 422, "body.speed"},
		{"a speed of null", `{"scenario": "case-2", "speed": null}`, nil, 422, "body.speed"},
		{"a negative seed", `{"scenario": "case-2", "seed": -1}`, nil, 422, "body.seed"},
		{"half a seed", `{"scenario": "case-2", "seed": 1.5}`, nil, 422, "body.seed"},
		{"a seed beyond 64 bits", `{"scenario": "case-2", "seed": 18446744073709551616}`, nil, 422, "body.seed"},
		{"a path for a name", `{"scenario": "../../../etc/passwd"}`, nil, 422, "body.scenario"},
		{"a name with a zero byte", `{"scenario": "case-2\u0000"}`, nil, 422, "body.scenario"},
		{"a name of a million letters", `{"scenario": "` + strings.Repeat("x", 1<<20-100) + `"}`, nil, 422, "body.scenario"},
		{"a number for a scenario", `{"scenario": 2}`, nil, 422, "body.scenario"},
		{"a list for a scenario", `{"scenario": ["case-2"]}`, nil, 422, "body.scenario"},
		{"a list for set", `{"scenario": "case-2", "set": ["producer.acks=1"]}`, nil, 422, "body.set"},
		{"an override of nothing", `{"scenario": "case-2", "set": {"": 1}}`, nil, 422, "body.set"},
		{"an unknown override", `{"scenario": "case-2", "set": {"producer.bufer.memory": 1}}`, nil, 422, "body.set.producer.bufer.memory"},
		{"an override with a wrong type", `{"scenario": "case-2", "set": {"producer.buffer.memory": {"a": 1}}}`, nil, 422, "body.set.producer.buffer.memory"},
		{"an override with a huge number", `{"scenario": "case-2", "set": {"producer.buffer.memory": 1e300}}`, nil, 422, "body.set.producer.buffer.memory"},
		{"an unknown field of the scenario", inline(`, "producr": {}`), nil, 422, "body.scenario.producr"},
		{"an unknown producer property", inline(`, "producer": {"bufer.memory": 1}`), nil, 422, "body.scenario.producer.bufer.memory"},
		{"a wrong type in the scenario", inline(`, "publisher": {"workers": "many"}`), nil, 422, "body.scenario.publisher.workers"},
		{"a negative number in the scenario", inline(`, "publisher": {"workers": -3}`), nil, 422, "body.scenario.publisher.workers"},
		{"a plan beyond counting", `{"scenario": {"name": "x", "load": {"phases": [{"name": "a", "for": "1000h", "rate": 1e300}]}}}`, nil, 422, "body.scenario.load.phases[0].rate"},
		{"a scenario of nothing", `{"scenario": {}}`, nil, 422, "body.scenario.load.phases"},
		{"a path for the scenario's own name", strings.Replace(inline(""), `"x"`, `"../../etc"`, 1), nil, 422, "body.scenario.name"},
		{"nesting without end", `{"scenario": ` + strings.Repeat(`{"a":`, 5000) + `1` + strings.Repeat("}", 5001), nil, 422, ""},
		{"lists without end", `{"scenario": ` + strings.Repeat("[", 500_000), nil, 400, "body"},
		{"a key of 300 letters", `{"scenario": "case-2"}`, header{"Idempotency-Key": strings.Repeat("k", 300)}, 422, "header.Idempotency-Key"},
	}
	s := newShelf()
	v := visit(t, s)
	for _, row := range rows {
		t.Run(row.story, func(t *testing.T) {
			rec := v.do(http.MethodPost, "/runs", row.body, row.headers)
			p := wantProblem(t, rec, row.status, row.location)
			if rec.Body.Len() > 4096 {
				t.Errorf("the answer says %d bytes back", rec.Body.Len())
			}
			if len(p.Errors) == 0 {
				t.Errorf("no field is named: %s", rec.Body)
			}
		})
	}
	if len(s.runs) != 0 {
		t.Errorf("%d runs were started all the same", len(s.runs))
	}
	want[run.Status](t, v.post("/runs", `{"scenario": "case-2", "speed": 20}`), http.StatusCreated)
}

func TestNearestNames(t *testing.T) {
	v := visit(t, newShelf())
	for body, meant := range map[string]string{
		`{"scenario": "case-2", "sped": 20}`:   "want speed",
		`{"scenario": "case2"}`:                "want case-2",
		`{"scenario": "case-2", "SEED": 20}`:   "want seed",
		`{"scenario": "case-2", "zzzzzz": 20}`: "want one of scenario, speed, seed, set",
	} {
		if p := wantProblem(t, v.post("/runs", body), 422, ""); !strings.Contains(p.Detail, meant) {
			t.Errorf("%s: %q does not say %q", body, p.Detail, meant)
		}
	}
}

func TestHostilePaths(t *testing.T) {
	rows := []struct {
		method, path string
		status       int
		location     string
	}{
		{"GET", "/nothing", 404, "path"},
		{"GET", "/runs/", 404, "path"},
		{"GET", "/runs/../../etc/passwd", 404, ""},
		{"GET", "/runs/..%2f..%2f..%2fetc%2fpasswd", 404, "path.id"},
		{"GET", "/runs/%00", 404, "path.id"},
		{"GET", "/runs/" + strings.Repeat("a", 5000), 422, "path.id"},
		{"GET", "/scenarios/..%2fpresets%2fcase-2.yaml", 404, "path.name"},
		{"GET", "/runs?limit=0", 422, "query.limit"},
		{"GET", "/runs?limit=99999999999999999999", 422, "query.limit"},
		{"GET", "/runs?limit=ten", 422, "query.limit"},
		{"GET", "/runs?limt=10", 422, "query.limt"},
		{"GET", "/runs/nobody/report?format=pdf", 422, "query.format"},
		{"GET", "/runs/nobody/messages?outcome=gone", 422, "query.outcome"},
		{"GET", "/runs/nobody/messages", 404, "path.id"},
	}
	v := visit(t, newShelf())
	for _, row := range rows {
		t.Run(row.method+" "+clip(row.path), func(t *testing.T) {
			p := wantProblem(t, v.do(row.method, row.path, "", nil), row.status, row.location)
			if len(p.Detail) > 1000 {
				t.Errorf("the detail is %d bytes long", len(p.Detail))
			}
		})
	}
}

func TestWrongMethodNamesTheRightOnes(t *testing.T) {
	v := visit(t, newShelf())
	for _, row := range []struct{ method, path, allow string }{
		{"DELETE", "/runs", "GET, HEAD, POST"},
		{"PUT", "/runs/x", "GET, HEAD"},
		{"GET", "/runs/x/stop", "POST"},
		{"OPTIONS", "/metrics", "GET, HEAD"},
		{"BREW", "/scenarios", "GET, HEAD"},
	} {
		rec := v.do(row.method, row.path, "", nil)
		wantProblem(t, rec, http.StatusMethodNotAllowed, "method")
		if got := rec.Header().Get("Allow"); got != row.allow {
			t.Errorf("%s %s: Allow %q, want %q", row.method, row.path, got, row.allow)
		}
	}
}

func TestAPanicIsAProblemAndTheDoorGoesOn(t *testing.T) {
	s := newShelf()
	var log strings.Builder
	v := visit(t, s, func(c *Config) { c.Logger = textLog(&log) })
	s.broken = fmt.Errorf("index out of range")
	wantProblem(t, v.get("/runs/x"), http.StatusInternalServerError, "")
	if !strings.Contains(log.String(), "index out of range") {
		t.Errorf("the log does not say what happened: %q", log.String())
	}
	s.broken = nil
	wantProblem(t, v.get("/runs/x"), http.StatusNotFound, "path.id")
}
