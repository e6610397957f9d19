package api

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"kafkasim.example/simd/internal/broker"
	"kafkasim.example/simd/internal/report"
	"kafkasim.example/simd/internal/run"
	"kafkasim.example/simd/internal/scenario"
)

// reader is a client of a stream. With a gate it takes a portion each time the
// gate opens, and else all there is.
type reader struct {
	header http.Header
	status int
	text   strings.Builder
	gate   chan struct{}
	ctx    context.Context
	done   chan struct{} // closed when the handler has returned
}

func (r *reader) Header() http.Header    { return r.header }
func (r *reader) WriteHeader(status int) { r.status = status }
func (r *reader) Flush()                 {}

func (r *reader) Write(p []byte) (int, error) {
	if r.gate != nil {
		select {
		case <-r.gate:
		case <-r.ctx.Done():
			return 0, errors.New("the client has gone")
		}
	}
	return r.text.Write(p)
}

// follow opens a stream; leave goes away, and waits until the door has seen it.
func (v visitor) follow(id string, headers header, gate chan struct{}) (r *reader, leave func()) {
	ctx, cancel := context.WithCancel(v.t.Context())
	req := httptest.NewRequestWithContext(ctx, http.MethodGet, "/runs/"+id+"/events", http.NoBody)
	req.Host = "127.0.0.1:8080"
	for name, value := range headers {
		req.Header.Set(name, value)
	}
	r = &reader{header: http.Header{}, status: 200, gate: gate, ctx: ctx, done: make(chan struct{})}
	go func() {
		defer close(r.done)
		v.door.ServeHTTP(r, req)
	}()
	return r, func() { cancel(); <-r.done }
}

// happened is one event of a stream.
type happened struct {
	id         int
	name, data string
}

// events are what was read so far.
func (r *reader) events(t *testing.T) (all []happened) {
	t.Helper()
	for block := range strings.SplitSeq(r.text.String(), "\n\n") {
		var e happened
		for line := range strings.Lines(block) {
			field, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), ": ")
			switch field {
			case "id":
				e.id, _ = strconv.Atoi(value)
			case "event":
				e.name = value
			case "data":
				e.data = value
			}
		}
		if e.name != "" {
			all = append(all, e)
		}
	}
	return all
}

func decode[T any](t *testing.T, e happened) (body T) {
	t.Helper()
	if err := json.Unmarshal([]byte(e.data), &body); err != nil {
		t.Fatalf("event %d, %s: %v: %s", e.id, e.name, err, e.data)
	}
	return body
}

// playing is a door before a registry whose runs play, in a bubble, on a cluster in memory.
func playing(t *testing.T, change ...func(*Config)) (visitor, *run.Registry) {
	t.Helper()
	runs, err := run.Open(t.Context(), run.Config{
		DataDir: t.TempDir(), MaxRuns: 4, ClusterName: "embedded", Logger: slog.New(slog.DiscardHandler),
		Cluster: func(ctx context.Context) (*broker.Cluster, error) { return broker.Embed(ctx, broker.EmbedConfig{}) },
	})
	if err != nil {
		t.Fatal(err)
	}
	v := visit(t, newShelf(), append(change, func(c *Config) { c.Runs = Of(runs) })...)
	return v, runs
}

func playHello(t *testing.T, runs *run.Registry, set ...string) *run.Run {
	t.Helper()
	plan, err := scenario.Preset("hello")
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(set); i += 2 {
		if err := plan.Set(set[i], set[i+1]); err != nil {
			t.Fatal(err)
		}
	}
	r, _, err := runs.Start(run.Request{Scenario: plan}, "")
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TestEventsTellARunFromItsStartToItsEnd follows a run with a fault.
func TestEventsTellARunFromItsStartToItsEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v, runs := playing(t)
		r := playHello(t, runs, "faults", "[{kind: slow, at: 1s, for: 2s, latency: 1ms}]")
		stream, _ := v.follow(r.ID(), nil, nil)
		<-stream.done
		if got := stream.header.Get("Content-Type"); got != "text/event-stream" {
			t.Errorf("Content-Type %q", got)
		}
		if !strings.HasPrefix(stream.text.String(), "retry: 2000\n\n") {
			t.Errorf("the stream begins with %.40q", stream.text.String())
		}
		var states, faults []string
		statuses := 0
		all := stream.events(t)
		for i, e := range all {
			if e.id != i+1 {
				t.Fatalf("event %d has the id %d", i+1, e.id)
			}
			switch e.name {
			case eventState:
				states = append(states, string(decode[stateEvent](t, e).State))
			case eventFault:
				f := decode[faultEvent](t, e)
				faults = append(faults, f.Name+" "+strconv.FormatBool(f.Active))
			case eventStatus:
				statuses++
				if s := decode[run.Status](t, e); s.ID != r.ID() || s.Figures.Planned != 100 {
					t.Errorf("a status of another run, or half a one: %+v", s)
				}
			}
		}
		if want := []string{"running", "draining", "reconciling", "completed"}; !slices.Equal(states, want) && !slices.Equal(states, want[1:]) {
			t.Errorf("the states were %v, want %v", states, want)
		}
		if want := []string{"slow true", "slow false"}; !slices.Equal(faults, want) {
			t.Errorf("the faults were %v, want %v", faults, want)
		}
		if statuses < 6 {
			t.Errorf("%d statuses in more than five seconds", statuses)
		}
		last := all[len(all)-1]
		if last.name != eventEnd || all[len(all)-2].name != eventStatus {
			t.Fatalf("the stream ends with %s and %s, want the last status and the end", all[len(all)-2].name, last.name)
		}
		end := decode[endEvent](t, last)
		if end.State != run.Completed || end.Ok == nil || !*end.Ok || end.Verdict == "" || end.Headline == "" || end.Report != "/runs/"+r.ID()+"/report" {
			t.Errorf("the end: %s", last.data)
		}

		// Who comes back gets how it stands, under the next id, and after the end the end again.
		again, _ := v.follow(r.ID(), header{"Last-Event-ID": strconv.Itoa(last.id)}, nil)
		<-again.done
		got := again.events(t)
		if len(got) != 2 || got[0].name != eventStatus || got[0].id != last.id+1 || got[1].name != eventEnd || got[1].id != last.id+2 {
			t.Errorf("after the end: %+v", got)
		}
	})
}

// TestEventsCountOn: a client in the middle of a run that lost its connection.
func TestEventsCountOn(t *testing.T) {
	for last, want := range map[string]int{"": 1, "41": 42, "nonsense": 1, "-3": 1, "99999999999999999999": 1, "9007199254740993": 1} {
		synctest.Test(t, func(t *testing.T) {
			v, runs := playing(t)
			r := playHello(t, runs)
			headers := header{}
			if last != "" {
				headers["Last-Event-ID"] = last
			}
			time.Sleep(1500 * time.Millisecond)
			stream, leave := v.follow(r.ID(), headers, nil)
			synctest.Wait() // no second passes
			leave()
			all := stream.events(t)
			if len(all) == 0 || all[0].name != eventStatus || all[0].id != want {
				t.Errorf("after %q: %+v, want a status with the id %d at once", last, all, want)
			}
			<-r.Done()
		})
	}
}

// TestASlowReaderHoldsNoRunUp: it takes nothing until the run is over, and then
// hears how it ended.
func TestASlowReaderHoldsNoRunUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v, runs := playing(t)
		begun := time.Now()
		r := playHello(t, runs)
		gate := make(chan struct{})
		stream, _ := v.follow(r.ID(), nil, gate)
		<-r.Done()
		if took := time.Since(begun); took > 10*time.Second {
			t.Errorf("five seconds of load took %s", took)
		}
		close(gate) // and now it takes all
		<-stream.done
		all := stream.events(t)
		if last := all[len(all)-1]; last.name != eventEnd || decode[endEvent](t, last).State != run.Completed {
			t.Errorf("the last it heard: %+v", last)
		}
		if len(all) > 6 {
			t.Errorf("%d events were kept for somebody who did not read", len(all))
		}
	})
}

func TestStreamsAreLimited(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newShelf()
		s.runs = []*frozen{{id: "on", state: run.Running}}
		v := visit(t, s, func(c *Config) { c.MaxStreams = 2 })
		_, leaveFirst := v.follow("on", nil, nil)
		_, leaveSecond := v.follow("on", nil, nil)
		synctest.Wait()
		rec := v.get("/runs/on/events")
		wantProblem(t, rec, http.StatusServiceUnavailable, "")
		if rec.Header().Get("Retry-After") == "" {
			t.Error("no Retry-After")
		}
		leaveFirst()
		third, leaveThird := v.follow("on", nil, nil)
		synctest.Wait()
		if len(third.events(t)) != 1 {
			t.Errorf("the place that was left was not taken: %s", third.text.String())
		}
		leaveSecond()
		leaveThird()
	})
}

// TestStreamsEndWithTheDaemon: one of a run that goes on, one of a run that ends meanwhile.
func TestStreamsEndWithTheDaemon(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		closing := make(chan struct{})
		s := newShelf()
		s.runs = []*frozen{{id: "on", state: run.Running}}
		v := visit(t, s, func(c *Config) { c.Closing = closing })
		stream, _ := v.follow("on", nil, nil)
		synctest.Wait()
		close(closing)
		<-stream.done
		if all := stream.events(t); len(all) != 1 {
			t.Errorf("the stream held %+v", all)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		closing := make(chan struct{})
		v, runs := playing(t, func(c *Config) { c.Closing = closing })
		r := playHello(t, runs)
		stream, _ := v.follow(r.ID(), nil, nil)
		time.Sleep(2 * time.Second)
		if err := runs.Close(t.Context()); err != nil {
			t.Error(err)
		}
		close(closing)
		<-stream.done
		all := stream.events(t)
		if last := all[len(all)-1]; last.name != eventEnd || decode[endEvent](t, last).State != run.Stopped {
			t.Errorf("the last word: %+v", last)
		}
	})
}

// TestASilentStreamIsKeptAlive: nothing happens for a minute.
func TestASilentStreamIsKeptAlive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newShelf()
		s.runs = []*frozen{{id: "on", state: run.Running}}
		stream, leave := visit(t, s).follow("on", nil, nil)
		time.Sleep(time.Minute + time.Second)
		leave()
		if n := strings.Count(stream.text.String(), "\n: still here\n"); n != 4 {
			t.Errorf("%d heartbeats in a minute: %q", n, stream.text.String())
		}
	})
}

func TestStreamsComeThroughTheGuard(t *testing.T) {
	s := newShelf()
	s.runs = []*frozen{{id: "over", state: run.Completed, verdict: &report.Report{ID: "over"}}}
	v := visit(t, s, func(c *Config) { c.Token = "secret" })
	wantProblem(t, v.get("/runs/over/events"), 401, "header.Authorization")
	wantProblem(t, v.get("/runs/over/timeline"), 401, "header.Authorization")
	bearer := header{"Authorization": "Bearer secret"}
	wantProblem(t, v.do("GET", "/runs/nobody/events", "", bearer), 404, "path.id")
	if rec := v.do("GET", "/runs/over/events", "", bearer); rec.Code != 200 || !strings.Contains(rec.Body.String(), "event: end") {
		t.Errorf("with the token: %d %s", rec.Code, rec.Body)
	}
	bearer["Sec-Fetch-Site"], bearer["Sec-Fetch-Mode"] = "cross-site", "cors"
	wantProblem(t, v.do("GET", "/runs/over/events", "", bearer), 403, "header.Origin")
	if rec := v.do("HEAD", "/runs/over/events", "", header{"Authorization": "Bearer secret"}); rec.Code != 200 || rec.Body.Len() != 0 {
		t.Errorf("HEAD: %d %s", rec.Code, rec.Body)
	}
}

// TestTheTimelineOfARunThatGoesOn is the same as that of its report, read in pieces.
func TestTheTimelineOfARunThatGoesOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v, runs := playing(t)
		r := playHello(t, runs, "faults", "[{kind: slow, at: 4s, for: 1s, latency: 1ms}]")
		time.Sleep(3500 * time.Millisecond)
		early := want[report.Course](t, v.get("/runs/"+r.ID()+"/timeline"), 200)
		if early.RowSeconds != 1 || early.PlannedSeconds != 5 || len(early.Rows) < 3 || early.Rows[0].Scheduled != 20 {
			t.Errorf("after three seconds: %+v", early)
		}
		if len(early.Faults) != 1 || early.Faults[0].Began || early.Faults[0].From != 4 || len(early.Phases) != 1 || early.Phases[0].Name != "steady" {
			t.Errorf("faults and phases: %+v, %+v", early.Faults, early.Phases)
		}
		<-r.Done()
		late := want[report.Course](t, v.get("/runs/"+r.ID()+"/timeline?from=2"), 200)
		if late.Rows[0].T != 2 || late.Rows[0].Scheduled != 20 || !late.Faults[0].Ended {
			t.Errorf("after the end, from 2 s on: %+v", late)
		}
		wantProblem(t, v.get("/runs/"+r.ID()+"/timeline?from=-1"), 422, "query.from")
	})
}
