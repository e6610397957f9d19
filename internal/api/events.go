package api

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"reflect"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humachi"

	"kafkasim.example/simd/internal/report"
	"kafkasim.example/simd/internal/run"
)

const (
	// maxStreams is how many clients may follow runs at once: well below
	// maxConnections, so that who only asks still gets in.
	maxStreams = 64
	// heartbeat is how long a stream may be silent: what lies between, a proxy
	// or a router, forgets connections on which nothing happens.
	heartbeat = 15 * time.Second
	// retryAfter is how long a client waits before it comes back.
	retryAfter = 2 * time.Second
)

// The events of a stream.
const (
	eventStatus = "status"
	eventState  = "state"
	eventFault  = "fault"
	eventEnd    = "end"
)

// stateEvent says that the run has passed into another state.
type stateEvent struct {
	State           run.State `json:"state"`
	ScenarioSeconds float64   `json:"scenario_seconds"`
}

// faultEvent says that a fault has begun, or has ended.
type faultEvent struct {
	report.LiveFault
	ScenarioSeconds float64 `json:"scenario_seconds"`
}

// endEvent is the last one: the verdict in short.
type endEvent struct {
	State run.State `json:"state"`
	Ok    *bool     `json:"ok"`
	Error string    `json:"error,omitempty"`
	// Verdict, Headline and Story are sentences of the report; empty where there is none.
	Verdict  string `json:"verdict,omitempty"`
	Headline string `json:"headline,omitempty"`
	Story    string `json:"story,omitempty"`
	Report   string `json:"report" doc:"Where the report is."`
}

func (d *door) liveRoutes(api huma.API) {
	registry := api.OpenAPI().Components.Schemas
	schemas := &huma.Schema{OneOf: []*huma.Schema{
		registry.Schema(reflect.TypeFor[run.Status](), true, ""),
		registry.Schema(reflect.TypeFor[stateEvent](), true, ""),
		registry.Schema(reflect.TypeFor[faultEvent](), true, ""),
		registry.Schema(reflect.TypeFor[endEvent](), true, ""),
	}}
	huma.Register(api, huma.Operation{
		OperationID: "follow-run", Method: http.MethodGet, Path: "/runs/{id}/events", Tags: []string{tagRuns},
		Summary: "Follow a run as it happens, by server-sent events",
		Description: "status is the run as GET /runs/{id} shows it: at once, then each second and at every change; state and fault say what " +
			"has changed; end, the last one, holds the verdict. Their ids count from 1. A client that comes back with Last-Event-ID, as " +
			"browsers do by themselves, gets a status at once, under the next id. 503 when too many clients follow already.",
		Errors: []int{401, 403, 404, 503},
		Responses: map[string]*huma.Response{"200": {Description: "The events", Content: map[string]*huma.MediaType{
			"text/event-stream": {Schema: schemas},
		}}},
	}, d.events)
	huma.Register(api, huma.Operation{
		OperationID: "get-timeline", Method: http.MethodGet, Path: "/runs/{id}/timeline", Tags: []string{tagRuns},
		Summary: "How a run has gone so far: what its graphs are drawn from",
		Description: "A row for each scenario second, or for more where the plan is long, with the load's phases and the faults. Ask again with " +
			"from to get what is new; the last rows may still change.",
		Errors: []int{401, 403, 404, 409, 422},
	}, d.timeline)
}

type timelineInput struct {
	ID   string  `path:"id" maxLength:"64" doc:"The run's id."`
	From float64 `query:"from" minimum:"0" doc:"Only the rows that end after this scenario second."`
}

type timelineOutput struct{ Body report.Course }

func (d *door) timeline(_ context.Context, in *timelineInput) (*timelineOutput, error) {
	found, err := d.find(in.ID)
	if err != nil {
		return nil, err
	}
	course, err := found.Course(in.From)
	if err != nil {
		return nil, d.refusal(err, atScenario)
	}
	return &timelineOutput{Body: course}, nil
}

type eventsInput struct {
	ID   string `path:"id" maxLength:"64" doc:"The run's id."`
	Last string `header:"Last-Event-ID" doc:"The id of the last event that was received; those that follow count on from it."`
}

func (d *door) events(_ context.Context, in *eventsInput) (*huma.StreamResponse, error) {
	found, err := d.find(in.ID)
	if err != nil {
		return nil, err
	}
	select {
	case d.streams <- struct{}{}:
	default:
		return nil, huma.ErrorWithHeaders(newProblem(http.StatusServiceUnavailable,
			fmt.Sprintf("%d clients follow runs already; GET /runs/%s says how this one stands", cap(d.streams), found.ID())),
			http.Header{"Retry-After": {"10"}})
	}
	return &huma.StreamResponse{Body: func(ctx huma.Context) {
		defer func() { <-d.streams }()
		r, w := humachi.Unwrap(ctx)
		w.Header().Set("Content-Type", "text/event-stream")
		w.Header().Set("X-Accel-Buffering", "no") // or nginx keeps the events to itself
		if r.Method == http.MethodHead {
			return
		}
		s := &stream{w: w, control: http.NewResponseController(w), id: counted(in.Last)}
		if err := s.follow(ctx.Context(), found, d.closing); err != nil {
			d.log.Debug("a stream of events was not read to its end", "run", in.ID, "error", err)
		}
	}}, nil
}

// counted is the number that ids go on from; what is no id of ours begins anew.
func counted(last string) int64 {
	const most = 1 << 53 // what a browser's numbers can tell apart
	id, err := strconv.ParseInt(last, 10, 64)
	if err != nil || id < 0 || id >= most {
		return 0
	}
	return id
}

// stream is one client that follows a run.
type stream struct {
	w       http.ResponseWriter
	control *http.ResponseController
	id      int64 // of the last event
}

// follow writes what happens until the run has ended, the client has gone or the
// daemon closes. Who reads slowly misses statuses, and holds nobody up: what the
// run offers is taken only when the client has taken what came before.
func (s *stream) follow(ctx context.Context, r Run, closing <-chan struct{}) error {
	statuses, cancel := r.Watch()
	defer cancel()
	if err := s.write(fmt.Sprintf("retry: %d\n\n", retryAfter.Milliseconds())); err != nil {
		return err
	}
	quiet := time.NewTimer(heartbeat)
	defer quiet.Stop()
	var before *run.Status
	for {
		select {
		case status, more := <-statuses:
			if !more {
				return nil
			}
			if err := s.tell(before, &status); err != nil {
				return err
			}
			if status.State.Ended() {
				return s.send(eventEnd, ending(r, &status))
			}
			before = &status
		case <-quiet.C:
			if err := s.write(": still here\n\n"); err != nil {
				return err
			}
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-closing:
			if !r.Status().State.Ended() {
				return nil
			}
			closing = nil // its last word is on its way
		}
		quiet.Reset(heartbeat)
	}
}

// tell writes what has changed, and then how the run stands.
func (s *stream) tell(before, now *run.Status) error {
	if before != nil && before.State != now.State {
		if err := s.send(eventState, stateEvent{now.State, now.ScenarioSeconds}); err != nil {
			return err
		}
	}
	for i, fault := range now.Figures.Faults {
		if before == nil || i >= len(before.Figures.Faults) || before.Figures.Faults[i] == fault {
			continue
		}
		if err := s.send(eventFault, faultEvent{fault, now.ScenarioSeconds}); err != nil {
			return err
		}
	}
	return s.send(eventStatus, now)
}

// ending is the last event of a run that has ended.
func ending(r Run, status *run.Status) endEvent {
	end := endEvent{State: status.State, Ok: status.Ok, Error: status.Error, Report: "/runs/" + r.ID() + "/report"}
	if verdict, err := r.Report(); err == nil {
		end.Verdict, end.Headline, end.Story = verdict.Verdict(), verdict.Headline(), verdict.Story
	}
	return end
}

func (s *stream) send(event string, data any) error {
	text, err := json.Marshal(data)
	if err != nil {
		return err
	}
	s.id++
	return s.write(fmt.Sprintf("id: %d\nevent: %s\ndata: %s\n\n", s.id, event, text))
}

// write gives the client its time for this portion, not for all of the stream.
func (s *stream) write(text string) error {
	extend(s.w)
	if _, err := s.w.Write([]byte(text)); err != nil {
		return err
	}
	return s.control.Flush()
}
