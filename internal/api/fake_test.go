package api

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"kafkasim.example/simd/internal/report"
	"kafkasim.example/simd/internal/run"
)

// shelf is a registry of runs that never play.
type shelf struct {
	mu     sync.Mutex
	runs   []*frozen // newest first
	byKey  map[string]*frozen
	places int
	ready  error
	broken any // what Get panics with
}

func newShelf() *shelf { return &shelf{byKey: map[string]*frozen{}, places: 100} }

func (s *shelf) Start(req run.Request, key string) (Run, bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if known, ok := s.byKey[key]; ok && key != "" {
		if fmt.Sprint(known.req.Speed, known.req.Seed) != fmt.Sprint(req.Speed, req.Seed) {
			return nil, false, &run.KeyReusedError{}
		}
		return known, false, nil
	}
	speed := req.Speed
	if speed == 0 {
		speed = 1
	}
	if _, err := req.Scenario.Scaled(speed); err != nil {
		return nil, false, err
	}
	if len(s.runs) >= s.places {
		return nil, false, &run.BusyError{Running: []string{s.runs[0].id}}
	}
	started := &frozen{id: fmt.Sprintf("run-%02d", len(s.runs)+1), req: req, speed: speed, state: run.Running}
	s.runs = append([]*frozen{started}, s.runs...)
	if key != "" {
		s.byKey[key] = started
	}
	return started, true, nil
}

func (s *shelf) Get(id string) (Run, error) {
	if s.broken != nil {
		panic(s.broken)
	}
	for _, r := range s.runs {
		if r.id == id {
			return r, nil
		}
	}
	return nil, run.ErrNotFound
}

func (s *shelf) List() []Run {
	list := make([]Run, len(s.runs))
	for i, r := range s.runs {
		list[i] = r
	}
	return list
}

func (s *shelf) Ready() error { return s.ready }

// frozen is a run that stays in its state.
type frozen struct {
	id      string
	req     run.Request
	speed   float64
	state   run.State
	stopped run.StopMode
	facts   string
	verdict *report.Report
}

func (r *frozen) ID() string           { return r.id }
func (r *frozen) Request() run.Request { return r.req }
func (r *frozen) FactsPath() string    { return r.facts }
func (r *frozen) Key(seq int64) string { return fmt.Sprintf("key-%d", seq) }

func (r *frozen) Status() run.Status {
	s := run.Status{ID: r.id, State: r.state, Speed: r.speed, Seed: r.req.Seed}
	if r.req.Scenario != nil {
		s.Scenario = r.req.Scenario.Name
	}
	return s
}

// Watch gives the one status that the run has.
func (r *frozen) Watch() (<-chan run.Status, func()) {
	statuses := make(chan run.Status, 1)
	statuses <- r.Status()
	if r.state.Ended() {
		close(statuses)
	}
	return statuses, func() {}
}

func (r *frozen) Course(from float64) (report.Course, error) {
	if r.verdict == nil {
		return report.Course{RowSeconds: 1}, nil
	}
	return r.verdict.Course(from), nil
}

func (r *frozen) Stop(mode run.StopMode) error {
	if r.state.Ended() {
		return run.ErrEnded
	}
	r.stopped = mode
	return nil
}

func (r *frozen) Report() (*report.Report, error) {
	if !r.state.Ended() {
		return nil, run.ErrNotReady
	}
	return r.verdict, nil
}

// visitor sends requests to a door.
type visitor struct {
	t    *testing.T
	door http.Handler
}

func visit(t *testing.T, s *shelf, change ...func(*Config)) visitor {
	t.Helper()
	cfg := Config{
		Runs: s, Version: "v0.0.0-test", Listen: "127.0.0.1:8080",
		Logger: slog.New(slog.DiscardHandler),
		Metrics: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/plain; version=0.0.4")
			_, _ = io.WriteString(w, "simd_runs 1\n")
		}),
	}
	for _, c := range change {
		c(&cfg)
	}
	return visitor{t, New(cfg)}
}

type header map[string]string

func (v visitor) do(method, target, body string, headers header) *httptest.ResponseRecorder {
	v.t.Helper()
	req := httptest.NewRequestWithContext(v.t.Context(), method, target, strings.NewReader(body))
	req.Host = "127.0.0.1:8080"
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	for name, value := range headers {
		if name == "Host" {
			req.Host = value
			continue
		}
		req.Header.Set(name, value)
	}
	rec := httptest.NewRecorder()
	v.door.ServeHTTP(rec, req)
	return rec
}

func (v visitor) get(target string) *httptest.ResponseRecorder {
	v.t.Helper()
	return v.do(http.MethodGet, target, "", nil)
}

func (v visitor) post(target, body string) *httptest.ResponseRecorder {
	v.t.Helper()
	return v.do(http.MethodPost, target, body, nil)
}

// want checks the status and decodes the body.
func want[T any](t *testing.T, rec *httptest.ResponseRecorder, status int) (body T) {
	t.Helper()
	if rec.Code != status {
		t.Fatalf("status %d, want %d: %s", rec.Code, status, rec.Body)
	}
	if err := json.Unmarshal(rec.Body.Bytes(), &body); err != nil {
		t.Fatalf("the answer is not JSON: %v: %s", err, rec.Body)
	}
	return body
}

// wantProblem checks that the answer is a whole problem about this field.
func wantProblem(t *testing.T, rec *httptest.ResponseRecorder, status int, location string) problem {
	t.Helper()
	p := want[problem](t, rec, status)
	if ct := rec.Header().Get("Content-Type"); ct != "application/problem+json" {
		t.Errorf("Content-Type %q, want application/problem+json", ct)
	}
	if p.Status != status || p.Title == "" || p.Detail == "" {
		t.Errorf("half a problem: %s", rec.Body)
	}
	if location == "" {
		return p
	}
	for _, e := range p.Errors {
		if e.Location == location && e.Message != "" {
			return p
		}
	}
	t.Errorf("no error names %s: %s", location, rec.Body)
	return p
}
