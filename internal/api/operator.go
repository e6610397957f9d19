package api

import (
	"context"
	_ "embed"
	"encoding/json"

	"net/http"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humachi"
)

// health is the body of /healthz and /readyz.
type health struct {
	Status string `json:"status" enum:"ok"`
}

type healthOutput struct{ Body health }

func (d *door) operatorRoutes(api huma.API, metrics http.Handler) {
	huma.Register(api, huma.Operation{
		OperationID: "healthz", Method: http.MethodGet, Path: "/healthz", Tags: []string{tagOperator},
		Summary: "The daemon lives", Errors: []int{403},
	}, func(context.Context, *struct{}) (*healthOutput, error) {
		return &healthOutput{Body: health{"ok"}}, nil
	})
	huma.Register(api, huma.Operation{
		OperationID: "readyz", Method: http.MethodGet, Path: "/readyz", Tags: []string{tagOperator},
		Summary: "The daemon takes runs", Errors: []int{401, 403, 503},
	}, func(context.Context, *struct{}) (*healthOutput, error) {
		if err := d.runs.Ready(); err != nil {
			return nil, newProblem(http.StatusServiceUnavailable, "no run can be started now: "+err.Error())
		}
		return &healthOutput{Body: health{"ok"}}, nil
	})
	plain(api, huma.Operation{
		OperationID: "metrics", Method: http.MethodGet, Path: "/metrics", Tags: []string{tagOperator},
		Summary:   "The figures of the runs, for Prometheus",
		Responses: map[string]*huma.Response{"200": textResponse("text/plain")},
		Errors:    []int{401, 403},
	}, metrics)
}

// plain puts an ordinary handler under the API, so that the document names it.
func plain(api huma.API, op huma.Operation, h http.Handler) {
	huma.Register(api, op, func(context.Context, *struct{}) (*huma.StreamResponse, error) {
		return &huma.StreamResponse{Body: func(ctx huma.Context) {
			r, w := humachi.Unwrap(ctx)
			h.ServeHTTP(w, r)
		}}, nil
	})
}

func textResponse(contentType string) *huma.Response {
	return &huma.Response{Description: "OK", Content: map[string]*huma.MediaType{
		contentType: {Schema: &huma.Schema{Type: huma.TypeString}},
	}}
}

//go:embed docs.html
var docsHTML string

// describe adds the OpenAPI document and the page made of it. It comes last: the
// document must name every route, itself included.
func describe(api huma.API) {
	var document, page []byte
	plain(api, huma.Operation{
		OperationID: "openapi", Method: http.MethodGet, Path: "/openapi.json", Tags: []string{tagOperator},
		Summary: "This description, as an OpenAPI 3.1 document", Errors: []int{401, 403},
		Responses: map[string]*huma.Response{"200": {Description: "OK", Content: map[string]*huma.MediaType{
			"application/openapi+json": {Schema: &huma.Schema{Type: huma.TypeObject, AdditionalProperties: true}},
		}}},
	}, fixed("application/openapi+json", &document))
	plain(api, huma.Operation{
		OperationID: "docs", Method: http.MethodGet, Path: "/docs", Tags: []string{tagOperator},
		Summary: "This description, as a page", Errors: []int{401, 403},
		Responses: map[string]*huma.Response{"200": textResponse("text/html")},
	}, fixed("text/html; charset=utf-8", &page))

	// All of this is fixed from here on, so what could go wrong goes wrong in
	// every test, and at the daemon's first start.
	var err error
	if document, err = json.MarshalIndent(api.OpenAPI(), "", "  "); err != nil {
		panic("api: the OpenAPI document cannot be written: " + err.Error())
	}
	page = docsPage(api.OpenAPI())
}

// fixed answers with a text that does not change once the door stands.
func fixed(contentType string, text *[]byte) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", contentType)
		_, _ = w.Write(*text) // the client has gone; nobody is left to tell
	})
}
