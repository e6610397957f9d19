package api

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/go-chi/chi/v5"

	"kafkasim.example/simd/internal/run"
	"kafkasim.example/simd/internal/scenario"
)

// problem is what goes out when a request cannot be done: RFC 9457, with the
// fields that it is about in Errors.
type problem struct {
	huma.ErrorModel
	// Running are the runs under way that stand in the way of another (409).
	Running []string `json:"running,omitempty"`
}

// fault is one field that is wrong: what is wrong with it, from the verb on, and
// what would be right, if there is anything to add. Location and message make a
// sentence, as those of [scenario.Error] do.
func fault(location, problem, want string) *huma.ErrorDetail {
	if want != "" {
		problem += "; want " + want
	}
	return &huma.ErrorDetail{Location: location, Message: problem}
}

// newProblem makes a problem whose detail is the sentence, or else the sentences
// of the fields.
func newProblem(status int, sentence string, fields ...*huma.ErrorDetail) *problem {
	p := &problem{ErrorModel: huma.ErrorModel{
		Status: status, Title: http.StatusText(status), Detail: sentence, Errors: fields,
	}}
	if sentence == "" {
		p.Detail = sentences(fields)
	}
	return p
}

// sentences is one a line: what is wrong with each field.
func sentences(fields []*huma.ErrorDetail) string {
	parts := make([]string, len(fields))
	for i, f := range fields {
		parts[i] = f.Location + " " + f.Message
	}
	return strings.Join(parts, "\n")
}

// explain completes the problems that huma makes itself, which leave out the
// location when the whole body is meant and the words when a field is.
func explain(_ huma.Context, _ string, v any) (any, error) {
	p, ok := v.(*huma.ErrorModel)
	if !ok {
		return v, nil
	}
	switch {
	case p.Status == http.StatusRequestEntityTooLarge:
		p.Errors = []*huma.ErrorDetail{fault("body", fmt.Sprintf("is larger than %d bytes", maxBody), "")}
	case p.Status == http.StatusBadRequest && len(p.Errors) == 0:
		p.Errors = []*huma.ErrorDetail{fault("body", "is empty", "a JSON object")}
	case p.Status == http.StatusRequestTimeout:
		p.Errors = []*huma.ErrorDetail{fault("body", "took too long to arrive", "")}
	case p.Detail == "validation failed":
		for _, e := range p.Errors {
			e.Value = nil // what was sent may be long, and the client knows it
			if e.Message == "unknown query parameter" {
				e.Message = "is unknown here; want what /docs lists"
			}
		}
	default:
		return p, nil
	}
	p.Detail = sentences(p.Errors)
	return p, nil
}

// write sends a problem where no huma operation is at hand.
func (p *problem) write(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(p.Status)
	_ = json.NewEncoder(w).Encode(p) // the client has gone; nobody is left to tell
}

func notFound(w http.ResponseWriter, r *http.Request) {
	newProblem(http.StatusNotFound,
		fmt.Sprintf("there is nothing at %s; /docs lists what there is", r.URL.Path), fault("path", "is unknown", "")).write(w)
}

// methodNotAllowed answers with the methods that the path does have, which a
// custom handler of chi's must find out for itself.
func methodNotAllowed(routes chi.Routes) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		path := r.URL.EscapedPath()
		if r.URL.RawPath == "" {
			path = r.URL.Path
		}
		var allowed []string
		for _, method := range []string{http.MethodGet, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete} {
			if !routes.Match(chi.NewRouteContext(), method, path) {
				continue
			}
			allowed = append(allowed, method)
			if method == http.MethodGet {
				allowed = append(allowed, http.MethodHead)
			}
		}
		w.Header().Set("Allow", strings.Join(allowed, ", "))
		newProblem(http.StatusMethodNotAllowed,
			fmt.Sprintf("%s cannot be done here; %s can", r.Method, strings.Join(allowed, " or ")),
			fault("method", "is "+r.Method, strings.Join(allowed, " or "))).write(w)
	}
}

// refusal turns an error of the rooms behind the door into a problem. at is
// where in the request a field of the scenario lies, such as "body.scenario".
func (d *door) refusal(err error, at func(path string) string) error {
	var busy *run.BusyError
	var reused *run.KeyReusedError
	switch {
	case errors.As(err, &busy):
		p := newProblem(http.StatusConflict, err.Error())
		p.Running = busy.Running
		return p
	case errors.As(err, &reused):
		return newProblem(http.StatusUnprocessableEntity, "", fault("header.Idempotency-Key", "has been used for another request", "a key of its own for each request"))
	case errors.Is(err, run.ErrClosing):
		return huma.ErrorWithHeaders(newProblem(http.StatusServiceUnavailable, "the daemon is shutting down and starts no more runs"),
			http.Header{"Retry-After": {"10"}})
	case errors.Is(err, run.ErrNotFound):
		return newProblem(http.StatusNotFound, "there is no such run; GET /runs lists those there are",
			fault("path.id", "is no run's", ""))
	case errors.Is(err, run.ErrEnded):
		return newProblem(http.StatusConflict, "the run has ended already", fault("path.id", "is that of a run that has ended", ""))
	case errors.Is(err, run.ErrNotReady):
		return newProblem(http.StatusConflict, "the run goes on; this can be read when it has ended", fault("path.id", "is that of a run that goes on", ""))
	}
	if fields := planFaults(err, at); fields != nil {
		return newProblem(http.StatusUnprocessableEntity, "", fields...)
	}
	d.log.Error("a request failed", "error", err)
	return newProblem(http.StatusInternalServerError, "something broke inside simd; its log says what")
}

// planFaults are the fields that a refused plan is about; nil if err is of
// another kind.
func planFaults(err error, at func(path string) string) []*huma.ErrorDetail {
	var all scenario.Errors
	if one := (*scenario.Error)(nil); !errors.As(err, &all) && errors.As(err, &one) {
		all = scenario.Errors{one}
	}
	var fields []*huma.ErrorDetail
	for _, e := range all {
		fields = append(fields, fault(at(e.Path), e.Problem, e.Want))
	}
	return fields
}
