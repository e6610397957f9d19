package api

import (
	"encoding/json"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"kafkasim.example/simd/internal/ledger"
	"kafkasim.example/simd/internal/report"
	"kafkasim.example/simd/internal/run"
)

// ended is a shelf with one run that has ended: message 0 delivered, 1 refused a
// place in the buffer, 2 given up and yet written, 3 there twice, 4 dropped.
func ended(t *testing.T) *shelf {
	t.Helper()
	path := filepath.Join(t.TempDir(), "facts")
	log, err := ledger.Create(path, ledger.Options{})
	if err != nil {
		t.Fatal(err)
	}
	const s = time.Second
	for _, f := range []ledger.Fact{
		{Kind: ledger.Offered, Seq: 0, At: 1 * s},
		{Kind: ledger.Accepted, Seq: 0, Attempt: 1, At: 1 * s},
		{Kind: ledger.Answered, Seq: 0, Attempt: 1, Outcome: ledger.Confirmed, At: 2 * s},
		{Kind: ledger.Told, Seq: 0, Attempt: 1, Outcome: ledger.Confirmed, At: 2 * s},
		{Kind: ledger.Written, Seq: 0, Attempt: 1, At: 2 * s},
		{Kind: ledger.Consumed, Seq: 0, Attempt: 1, At: 2 * s},

		{Kind: ledger.Offered, Seq: 1, At: 1 * s, Lag: s / 2},
		{Kind: ledger.Refused, Seq: 1, Attempt: 1, Cause: ledger.BufferExhausted, At: 6 * s},
		{Kind: ledger.Told, Seq: 1, Attempt: 1, Outcome: ledger.Failed, Cause: ledger.BufferExhausted, At: 6 * s},

		{Kind: ledger.Offered, Seq: 2, At: 1 * s},
		{Kind: ledger.Accepted, Seq: 2, Attempt: 1, At: 1 * s},
		{Kind: ledger.Told, Seq: 2, Attempt: 1, Outcome: ledger.Unknown, Cause: ledger.WaitTimeout, At: 16 * s},
		{Kind: ledger.Answered, Seq: 2, Attempt: 1, Outcome: ledger.Confirmed, At: 20 * s},
		{Kind: ledger.Written, Seq: 2, Attempt: 1, Partition: 3, Offset: 42, At: 20 * s},

		{Kind: ledger.Offered, Seq: 3, At: 1 * s},
		{Kind: ledger.Accepted, Seq: 3, Attempt: 1, At: 1 * s},
		{Kind: ledger.Retried, Seq: 3, Attempt: 1, Outcome: ledger.Unknown, Cause: ledger.WaitTimeout, At: 16 * s},
		{Kind: ledger.Accepted, Seq: 3, Attempt: 2, At: 17 * s},
		{Kind: ledger.Answered, Seq: 3, Attempt: 1, Outcome: ledger.Confirmed, At: 18 * s},
		{Kind: ledger.Answered, Seq: 3, Attempt: 2, Outcome: ledger.Confirmed, At: 19 * s},
		{Kind: ledger.Told, Seq: 3, Attempt: 2, Outcome: ledger.Confirmed, At: 19 * s},
		{Kind: ledger.Written, Seq: 3, Attempt: 1, Offset: 7, At: 18 * s},
		{Kind: ledger.Written, Seq: 3, Attempt: 2, Offset: 8, At: 19 * s},
		{Kind: ledger.Consumed, Seq: 3, Attempt: 1, Offset: 7, At: 18 * s},
		{Kind: ledger.Consumed, Seq: 3, Attempt: 2, Offset: 8, At: 19 * s},

		{Kind: ledger.Offered, Seq: 4, At: 2 * s},
		{Kind: ledger.Dropped, Seq: 4, Cause: ledger.QueueFull, At: 2 * s},
	} {
		log.Record(f)
	}
	if err := log.Close(); err != nil {
		t.Fatal(err)
	}
	s1 := newShelf()
	s1.runs = []*frozen{{id: "over", state: run.Completed, speed: 20, facts: path, verdict: &report.Report{ID: "over"}}}
	return s1
}

// lines reads an answer of one JSON object a line.
func lines(t *testing.T, body string) []message {
	t.Helper()
	var all []message
	for line := range strings.Lines(body) {
		var m message
		if err := json.Unmarshal([]byte(line), &m); err != nil {
			t.Fatalf("%v: %s", err, line)
		}
		all = append(all, m)
	}
	return all
}

func TestMessages(t *testing.T) {
	v := visit(t, ended(t))
	for query, seqs := range map[string][]int64{
		"":                                        {1, 2, 3, 4},
		"?outcome=lost":                           {1, 4},
		"?outcome=extra_copies":                   {3},
		"?outcome=refused":                        {1},
		"?outcome=unconfirmed":                    {2},
		"?outcome=dropped":                        {4},
		"?outcome=delivered":                      {0},
		"?outcome=vanished":                       nil,
		"?outcome=lost&cause=queue_full":          {4},
		"?cause=wait_timeout":                     {2},
		"?cause=NOT_LEADER_OR_FOLLOWER":           nil,
		"?outcome=refused&cause=buffer_exhausted": {1},
	} {
		rec := v.get("/runs/over/messages" + query)
		if rec.Code != 200 || rec.Header().Get("Content-Type") != "application/x-ndjson" {
			t.Fatalf("%s: %d %v %s", query, rec.Code, rec.Header(), rec.Body)
		}
		var got []int64
		for _, m := range lines(t, rec.Body.String()) {
			got = append(got, m.Seq)
		}
		if len(got) != len(seqs) {
			t.Errorf("%q lists %v, want %v", query, got, seqs)
			continue
		}
		for i := range seqs {
			if got[i] != seqs[i] {
				t.Errorf("%q lists %v, want %v", query, got, seqs)
			}
		}
	}
}

func TestAMessageTellsItsStory(t *testing.T) {
	v := visit(t, ended(t))
	twice := lines(t, v.get("/runs/over/messages?outcome=duplicated").Body.String())[0]
	if twice.Key != "key-3" || twice.Cell != "duplicated" || twice.Outcome != "confirmed" || twice.Cause != "none" || twice.Consumed != 2 {
		t.Errorf("the message: %+v", twice)
	}
	if len(twice.Attempts) != 2 || twice.Attempts[0].GaveUp != "wait_timeout" || twice.Attempts[0].Outcome != "confirmed" || twice.Attempts[1].GaveUp != "" {
		t.Errorf("its attempts: %+v", twice.Attempts)
	}
	if len(twice.Copies) != 2 || twice.Copies[1].Offset != 8 || twice.Copies[1].Attempt != 2 || twice.Copies[1].By != "application_retry" {
		t.Errorf("its copies: %+v", twice.Copies)
	}
	if twice.Attempts[1].At != 340 || *twice.Told != 380 {
		t.Errorf("17 s and 19 s at speed 20 are 340 and 380 s of the scenario, not %v and %v", twice.Attempts[1].At, *twice.Told)
	}
	refused := lines(t, v.get("/runs/over/messages?outcome=refused").Body.String())[0]
	if *refused.Due != 10 || len(refused.Attempts) != 1 || refused.Attempts[0].Taken || refused.Attempts[0].Cause != "buffer_exhausted" || len(refused.Copies) != 0 {
		t.Errorf("the refused message: %+v", refused)
	}
	silent := lines(t, v.get("/runs/over/messages?outcome=unconfirmed").Body.String())[0]
	if a := silent.Attempts[0]; silent.Outcome != "unknown" || silent.Cause != "wait_timeout" || a.Outcome != "confirmed" || *a.Ended != 400 || a.GaveUp != "wait_timeout" {
		t.Errorf("the unconfirmed message: %+v", silent)
	}
}

func TestResultsOfARunThatGoesOn(t *testing.T) {
	s := ended(t)
	s.runs[0].state = run.Draining
	v := visit(t, s)
	wantProblem(t, v.get("/runs/over/messages"), http.StatusConflict, "path.id")
	wantProblem(t, v.get("/runs/over/report"), http.StatusConflict, "path.id")
}

func TestMessagesThatCannotBeRead(t *testing.T) {
	s := ended(t)
	s.runs[0].facts = filepath.Join(t.TempDir(), "gone")
	rec := visit(t, s).get("/runs/over/messages")
	if !strings.Contains(rec.Body.String(), `{"error":"`) {
		t.Errorf("the list looks whole: %d %q", rec.Code, rec.Body)
	}
}

func TestReportComesAsTheClientLikes(t *testing.T) {
	const jsonType, htmlType, textType = "application/json", "text/html; charset=utf-8", "text/plain; charset=utf-8"
	v := visit(t, ended(t))
	for _, row := range []struct{ story, query, accept, contentType string }{
		{"curl", "", "*/*", jsonType},
		{"nothing said", "", "", jsonType},
		{"a program", "", "application/json", jsonType},
		{"a browser", "", "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8", htmlType},
		{"a terminal", "", "text/plain", textType},
		{"text rather than HTML", "", "text/html;q=0.5, text/plain", textType},
		{"by name", "?format=text", "text/html", textType},
		{"by name", "?format=html", "", htmlType},
		{"by name", "?format=json", "text/html", jsonType},
	} {
		rec := v.do("GET", "/runs/over/report"+row.query, "", header{"Accept": row.accept})
		if rec.Code != 200 || rec.Header().Get("Content-Type") != row.contentType || rec.Body.Len() == 0 {
			t.Errorf("%s (%s %s): %d %s", row.story, row.query, row.accept, rec.Code, rec.Header().Get("Content-Type"))
		}
	}
	wantProblem(t, v.do("GET", "/runs/over/report", "", header{"Accept": "image/png"}), http.StatusNotAcceptable, "header.Accept")
	wantProblem(t, v.get("/runs/nobody/report"), http.StatusNotFound, "path.id")
}
