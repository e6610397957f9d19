package api

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"kafkasim.example/simd/internal/run"
)

// runInput is a request about one run and nothing else.
type runInput struct {
	ID string `path:"id" maxLength:"64" doc:"The run's id." example:"d4kq0r1m5s7c73f2g9a0"`
}

func (d *door) find(id string) (Run, error) {
	found, err := d.runs.Get(id)
	if err != nil {
		return nil, d.refusal(err, atScenario)
	}
	return found, nil
}

func (d *door) runRoutes(api huma.API) {
	registry := api.OpenAPI().Components.Schemas
	register(api, huma.Operation{
		OperationID: "start-run", Method: http.MethodPost, Path: "/runs", Tags: []string{tagRuns},
		Summary: "Start a run",
		Description: "Starts a preset by its name, with or without overrides, or a whole scenario of your own. With an Idempotency-Key the " +
			"same request sent again gets the same run (200). 409 names the runs under way when there is no place for another.",
		DefaultStatus: http.StatusCreated,
		RequestBody:   jsonBody(registry, reflect.TypeFor[startBody](), true),
		Responses: map[string]*huma.Response{"200": {
			Description: "The run that the same request has started before",
			Content: map[string]*huma.MediaType{
				"application/json": {Schema: registry.Schema(reflect.TypeFor[run.Status](), true, "")},
			},
		}},
		Errors: []int{400, 401, 403, 409, 413, 415, 422, 503},
	}, d.start)
	huma.Register(api, huma.Operation{
		OperationID: "list-runs", Method: http.MethodGet, Path: "/runs", Tags: []string{tagRuns},
		Summary:     "List the runs, newest first",
		Description: "A page at a time; next, and the Link header, lead to the one after.",
		Errors:      []int{401, 403, 422},
	}, d.list)
	huma.Register(api, huma.Operation{
		OperationID: "get-run", Method: http.MethodGet, Path: "/runs/{id}", Tags: []string{tagRuns},
		Summary: "One run: its state, figures, progress and time left",
		Errors:  []int{401, 403, 404},
	}, d.get)
	register(api, huma.Operation{
		OperationID: "stop-run", Method: http.MethodPost, Path: "/runs/{id}/stop", Tags: []string{tagRuns},
		Summary: "Stop a run",
		Description: "graceful stops the load, flushes what the producer holds and ends with a report; abrupt throws the producer's buffer " +
			"away, and the report still accounts for what was in it. No body means graceful.",
		DefaultStatus: http.StatusAccepted,
		RequestBody:   jsonBody(registry, reflect.TypeFor[stopBody](), false),
		Errors:        []int{400, 401, 403, 404, 409, 413, 415, 422},
	}, d.stop)
}

// register is huma.Register for an operation that reads its JSON body itself:
// huma takes a raw body for bytes that must be there, and would describe it so.
func register[I, O any](api huma.API, op huma.Operation, handle func(context.Context, *I) (*O, error)) {
	op.SkipValidateBody = true    // the schema is for readers; the handlers say better what is wrong
	op.MaxBodyBytes = maxBody + 1 // huma refuses a body of just this size
	required := op.RequestBody.Required
	huma.Register(api, op, handle)
	op.RequestBody.Required = required
	delete(op.RequestBody.Content, "application/octet-stream")
}

func jsonBody(registry huma.Registry, shape reflect.Type, required bool) *huma.RequestBody {
	return &huma.RequestBody{Required: required, Content: map[string]*huma.MediaType{
		"application/json": {Schema: registry.Schema(shape, true, "")},
	}}
}

type startInput struct {
	ContentType string `header:"Content-Type" hidden:"true"`
	Key         string `header:"Idempotency-Key" maxLength:"255" doc:"Any text of yours: the same key with the same body is the same run."`
	RawBody     []byte
}

type startOutput struct {
	Status   int
	Location string
	Body     run.Status
}

func (d *door) start(_ context.Context, in *startInput) (*startOutput, error) {
	req, err := d.parseStart(in.ContentType, in.RawBody)
	if err != nil {
		return nil, err
	}
	started, fresh, err := d.runs.Start(req, in.Key)
	if err != nil {
		return nil, d.refusal(err, atScenario)
	}
	out := &startOutput{Status: http.StatusOK, Location: "/runs/" + started.ID(), Body: started.Status()}
	if fresh {
		out.Status = http.StatusCreated
	}
	return out, nil
}

type listInput struct {
	Limit  int    `query:"limit" minimum:"1" maximum:"500" default:"50" doc:"How many runs a page holds."`
	Before string `query:"before" maxLength:"64" doc:"Begin behind the run with this id."`
}

type listOutput struct {
	Link string
	Body runList
}

type runList struct {
	Runs []run.Status `json:"runs" nullable:"false"`
	Next string       `json:"next,omitempty" doc:"Where the next page is; left out on the last."`
}

func (d *door) list(_ context.Context, in *listInput) (*listOutput, error) {
	runs := d.runs.List()
	if in.Before != "" {
		at := slices.IndexFunc(runs, func(r Run) bool { return r.ID() == in.Before })
		if at < 0 {
			return nil, newProblem(http.StatusUnprocessableEntity, "", fault("query.before", "is no run's id", ""))
		}
		runs = runs[at+1:]
	}
	out := &listOutput{Body: runList{Runs: []run.Status{}}}
	if len(runs) > in.Limit {
		runs = runs[:in.Limit]
		query := url.Values{"limit": {fmt.Sprint(in.Limit)}, "before": {runs[in.Limit-1].ID()}}
		out.Body.Next = "/runs?" + query.Encode()
		out.Link = "<" + out.Body.Next + `>; rel="next"`
	}
	for _, r := range runs {
		out.Body.Runs = append(out.Body.Runs, r.Status())
	}
	return out, nil
}

type statusOutput struct{ Body run.Status }

func (d *door) get(_ context.Context, in *runInput) (*statusOutput, error) {
	found, err := d.find(in.ID)
	if err != nil {
		return nil, err
	}
	return &statusOutput{Body: found.Status()}, nil
}

// stopBody is the shape of the body of POST /runs/{id}/stop, for the OpenAPI document.
type stopBody struct {
	Mode string `json:"mode,omitempty" enum:"graceful,abrupt" default:"graceful" doc:"graceful or abrupt."`
}

type stopInput struct {
	ID          string `path:"id" maxLength:"64" doc:"The run's id."`
	ContentType string `header:"Content-Type" hidden:"true"`
	RawBody     []byte
}

func (d *door) stop(_ context.Context, in *stopInput) (*statusOutput, error) {
	mode, err := parseStop(in.ContentType, in.RawBody)
	if err != nil {
		return nil, err
	}
	found, err := d.find(in.ID)
	if err != nil {
		return nil, err
	}
	if err := found.Stop(mode); err != nil {
		return nil, d.refusal(err, atScenario)
	}
	return &statusOutput{Body: found.Status()}, nil
}

func parseStop(contentType string, body []byte) (run.StopMode, error) {
	if len(strings.TrimSpace(string(body))) == 0 {
		return run.Graceful, nil
	}
	object, err := members(contentType, body, "mode")
	if err != nil {
		return "", err
	}
	raw, ok := object["mode"]
	if !ok {
		return run.Graceful, nil
	}
	var mode string
	if err := json.Unmarshal(raw, &mode); err != nil || mode != string(run.Graceful) && mode != string(run.Abrupt) {
		return "", newProblem(http.StatusUnprocessableEntity, "",
			fault("body.mode", "is "+clip(string(raw)), `"graceful" or "abrupt"`))
	}
	return run.StopMode(mode), nil
}
