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

// fault is one field that is wrong.
func fault(location, format string, args ...any) *huma.ErrorDetail {
	return &huma.ErrorDetail{Location: location, Message: fmt.Sprintf(format, args...)}
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

// sentences joins what is wrong with each field to one text for people.
func sentences(fields []*huma.ErrorDetail) string {
	parts := make([]string, len(fields))
	for i, f := range fields {
		parts[i] = f.Message
		if f.Location != "" && f.Location != "body" {
			parts[i] = f.Location + ": " + f.Message
		}
	}
	return strings.Join(parts, "; ")
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
		p.Detail = fmt.Sprintf("the body is larger than %d bytes", maxBody)
		p.Errors = []*huma.ErrorDetail{fault("body", "larger than %d bytes", maxBody)}
	case len(p.Errors) == 0 && p.Status >= 400 && p.Status < 500:
		p.Errors = []*huma.ErrorDetail{fault("body", "%s", p.Detail)}
	case p.Detail == "validation failed":
		p.Detail = sentences(p.Errors)
	}
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
		fmt.Sprintf("there is nothing at %s; /docs lists what there is", r.URL.Path), fault("path", "unknown path")).write(w)
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
			fault("method", "%s is not allowed", r.Method)).write(w)
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
		return newProblem(http.StatusUnprocessableEntity, "", fault("header.Idempotency-Key", "%s", err))
	case errors.Is(err, run.ErrClosing):
		return huma.ErrorWithHeaders(newProblem(http.StatusServiceUnavailable, "the daemon is shutting down and starts no more runs"),
			http.Header{"Retry-After": {"10"}})
	case errors.Is(err, run.ErrNotFound):
		return newProblem(http.StatusNotFound, "there is no such run; GET /runs lists those there are",
			fault("path.id", "no run has this id"))
	case errors.Is(err, run.ErrEnded):
		return newProblem(http.StatusConflict, "the run has ended already", fault("path.id", "this run has ended"))
	case errors.Is(err, run.ErrNotReady):
		return newProblem(http.StatusConflict, "the run goes on; this can be read when it has ended", fault("path.id", "this run goes on"))
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
	if many, ok := err.(interface{ Unwrap() []error }); ok {
		var all []*huma.ErrorDetail
		for _, one := range many.Unwrap() {
			all = append(all, planFaults(one, at)...)
		}
		return all
	}
	var wrong *scenario.Error
	if !errors.As(err, &wrong) {
		return nil
	}
	message := wrong.Problem
	if wrong.Want != "" {
		message += "; " + wrong.Want
	}
	return []*huma.ErrorDetail{fault(at(wrong.Path), "%s", message)}
}
