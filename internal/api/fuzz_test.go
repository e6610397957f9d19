package api

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// FuzzStart sends anything to POST /runs: a run is started, or the answer is a
// 4xx problem with a sentence. Nothing breaks inside.
func FuzzStart(f *testing.F) {
	for _, body := range []string{
		`{"scenario": "case-2", "speed": 20, "seed": 7, "set": {"producer.buffer.memory": 4194304}}`,
		`{"scenario": {"name": "x", "load": {"phases": [{"name": "a", "for": "1s", "rate": 1}]}}}`,
		`{"scenario": "case-2", "set": {"faults": [{"kind": "outage", "at": "1s", "for": "2s"}], "publisher.retry": null}}`,
		`{"scenario": "\u0000", "speed": 1e309}`, `[]`, `{`, ``, `{"set": {"a..b[": 1}}`,
	} {
		f.Add(body)
	}
	s := newShelf()
	door := New(Config{Runs: s, Listen: "127.0.0.1:8080", Logger: slog.New(slog.DiscardHandler), Metrics: http.NotFoundHandler()})
	f.Fuzz(func(t *testing.T, body string) {
		s.runs = nil
		req := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/runs", strings.NewReader(body))
		req.Host = "localhost"
		req.Header.Set("Content-Type", "application/json")
		rec := httptest.NewRecorder()
		door.ServeHTTP(rec, req)
		switch {
		case rec.Code == http.StatusCreated:
		case rec.Code >= 400 && rec.Code < 500:
			if p := wantProblem(t, rec, rec.Code, ""); len(p.Errors) == 0 {
				t.Errorf("no field is named: %s", rec.Body)
			}
		default:
			t.Errorf("status %d: %s", rec.Code, rec.Body)
		}
	})
}
