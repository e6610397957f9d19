package api

import (
	"errors"
	"net/http"
	"testing"

	"kafkasim.example/simd/internal/run"
)

func TestStartByName(t *testing.T) {
	s := newShelf()
	rec := visit(t, s).post("/runs", `{"scenario": "case-2", "speed": 20, "seed": 18446744073709551615, "set": {"producer.buffer.memory": 4194304}}`)
	got := want[run.Status](t, rec, http.StatusCreated)
	if where := rec.Header().Get("Location"); where != "/runs/"+got.ID || got.ID == "" {
		t.Errorf("Location %q for run %q", where, got.ID)
	}
	req := s.runs[0].req
	if req.Speed != 20 || req.Seed != 1<<64-1 {
		t.Errorf("started with speed %v and seed %v", req.Speed, req.Seed)
	}
	if got := req.Scenario.Producer.BufferMemory; got != 4194304 {
		t.Errorf("buffer.memory %d: the override was lost", got)
	}
}

func TestStartInline(t *testing.T) {
	s := newShelf()
	body := `{"scenario": {"name": "mine", "title": "Un\u00e9 \"quoted\" \/ one", "load": {"phases": [{"name": "hold", "for": "10s", "rate": 5}]},
		"producer": {"acks": "1", "enable.idempotence": false}}}`
	want[run.Status](t, visit(t, s).post("/runs", body), http.StatusCreated)
	plan := s.runs[0].req.Scenario
	if plan.Name != "mine" || plan.Title != `Uné "quoted" / one` || plan.Plan().Total() != 50 {
		t.Errorf("another plan was started: %q, %q, %d messages", plan.Name, plan.Title, plan.Plan().Total())
	}
}

func TestAPresetCanBeChangedAndSentBack(t *testing.T) {
	v := visit(t, newShelf())
	rec := v.get("/scenarios/case-2")
	want[map[string]any](t, rec, http.StatusOK)
	want[run.Status](t, v.post("/runs", `{"scenario": `+rec.Body.String()+`}`), http.StatusCreated)
}

func TestIdempotencyKey(t *testing.T) {
	v := visit(t, newShelf())
	key := header{"Idempotency-Key": "monday"}
	body := `{"scenario": "case-2", "speed": 20}`
	first := want[run.Status](t, v.do("POST", "/runs", body, key), http.StatusCreated)
	again := want[run.Status](t, v.do("POST", "/runs", body, key), http.StatusOK)
	if first.ID != again.ID {
		t.Errorf("the same key started %s and %s", first.ID, again.ID)
	}
	wantProblem(t, v.do("POST", "/runs", `{"scenario": "case-2", "speed": 10}`, key), http.StatusUnprocessableEntity, "header.Idempotency-Key")
}

func TestBusyNamesTheRunsUnderWay(t *testing.T) {
	s := newShelf()
	s.places = 1
	v := visit(t, s)
	first := want[run.Status](t, v.post("/runs", `{"scenario": "case-1"}`), http.StatusCreated)
	p := wantProblem(t, v.post("/runs", `{"scenario": "case-1"}`), http.StatusConflict, "")
	if len(p.Running) != 1 || p.Running[0] != first.ID {
		t.Errorf("running: %v, want [%s]", p.Running, first.ID)
	}
}

func TestListInPages(t *testing.T) {
	s := newShelf()
	v := visit(t, s)
	for range 5 {
		want[run.Status](t, v.post("/runs", `{"scenario": "case-1"}`), http.StatusCreated)
	}
	var seen []string
	next := "/runs?limit=2"
	for pages := 0; next != ""; pages++ {
		if pages > 3 {
			t.Fatal("the pages never end")
		}
		page := want[runList](t, v.get(next), http.StatusOK)
		for _, r := range page.Runs {
			seen = append(seen, r.ID)
		}
		next = page.Next
	}
	if len(seen) != 5 || seen[0] != "run-05" || seen[4] != "run-01" {
		t.Errorf("the pages held %v, want five, newest first", seen)
	}
	wantProblem(t, v.get("/runs?before=never"), http.StatusUnprocessableEntity, "query.before")
}

func TestAnEmptyListIsAList(t *testing.T) {
	if body := visit(t, newShelf()).get("/runs").Body.String(); body != "{\"runs\":[]}\n" {
		t.Errorf("no runs: %s", body)
	}
}

func TestStop(t *testing.T) {
	s := newShelf()
	v := visit(t, s)
	id := want[run.Status](t, v.post("/runs", `{"scenario": "case-1"}`), http.StatusCreated).ID
	for body, mode := range map[string]run.StopMode{"": run.Graceful, "{}": run.Graceful, `{"mode": "graceful"}`: run.Graceful, `{"mode":"abrupt"}`: run.Abrupt} {
		want[run.Status](t, v.post("/runs/"+id+"/stop", body), http.StatusAccepted)
		if got := s.runs[0].stopped; got != mode {
			t.Errorf("body %q stopped %s, want %s", body, got, mode)
		}
	}
	wantProblem(t, v.post("/runs/"+id+"/stop", `{"mode": "gently"}`), http.StatusUnprocessableEntity, "body.mode")
	wantProblem(t, v.post("/runs/"+id+"/stop", `{"mod": "abrupt"}`), http.StatusUnprocessableEntity, "body.mod")
	wantProblem(t, v.post("/runs/nobody/stop", `{}`), http.StatusNotFound, "path.id")
	s.runs[0].state = run.Completed
	wantProblem(t, v.post("/runs/"+id+"/stop", `{}`), http.StatusConflict, "path.id")
}

func TestScenarios(t *testing.T) {
	v := visit(t, newShelf())
	list := want[struct{ Scenarios []summary }](t, v.get("/scenarios"), http.StatusOK)
	found := false
	for _, s := range list.Scenarios {
		if s.Name == "case-2" {
			found = s.Messages == 28765 && s.MaxSpeed >= 20 && s.About != "" && s.Title != ""
		}
	}
	if !found {
		t.Errorf("case-2 is not there, or not whole: %+v", list.Scenarios)
	}
	p := wantProblem(t, v.get("/scenarios/case2"), http.StatusNotFound, "path.name")
	if p.Errors[0].Message != `is "case2"; want case-2` {
		t.Errorf("message: %s", p.Errors[0].Message)
	}
}

func TestHealth(t *testing.T) {
	s := newShelf()
	v := visit(t, s)
	want[health](t, v.get("/healthz"), http.StatusOK)
	want[health](t, v.get("/readyz"), http.StatusOK)
	s.ready = errors.New("the disk is full")
	want[health](t, v.get("/healthz"), http.StatusOK)
	wantProblem(t, v.get("/readyz"), http.StatusServiceUnavailable, "")
	if rec := v.get("/metrics"); rec.Code != 200 || rec.Body.String() != "simd_runs 1\n" {
		t.Errorf("metrics: %d %s", rec.Code, rec.Body)
	}
}
