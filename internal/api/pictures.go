package api

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humachi"

	"kafkasim.example/simd/internal/report"
	"kafkasim.example/simd/internal/scenario"
)

// mostCompared is how many runs stand side by side at most: more columns are no comparison.
const mostCompared = 8

func (d *door) pictureRoutes(api huma.API) {
	registry := api.OpenAPI().Components.Schemas
	text := &huma.MediaType{Schema: &huma.Schema{Type: huma.TypeString}}
	image := &huma.MediaType{Schema: &huma.Schema{Type: huma.TypeString, Format: "binary"}}
	huma.Register(api, huma.Operation{
		OperationID: "get-chart", Method: http.MethodGet, Path: "/runs/{id}/charts/{file}", Tags: []string{tagResults},
		Summary:     "A graph of the report, as a picture",
		Description: "As PNG or SVG, by the name's end: " + strings.Join(report.ChartNames(), ", ") + ". 409 while the run goes on.",
		Errors:      []int{401, 403, 404, 409, 422},
		Responses:   map[string]*huma.Response{"200": {Description: "The graph", Content: map[string]*huma.MediaType{"image/png": image, "image/svg+xml": image}}},
	}, d.chart)
	huma.Register(api, huma.Operation{
		OperationID: "compare-runs", Method: http.MethodGet, Path: "/compare", Tags: []string{tagResults},
		Summary:     "Runs side by side: what was set otherwise, and what came of it",
		Description: "As JSON, HTML or text: by ?format=, or else by the Accept header. The first run is what the others are held against. 409 while one of them goes on.",
		Errors:      []int{401, 403, 404, 406, 409, 422},
		Responses: map[string]*huma.Response{"200": {Description: "The comparison", Content: map[string]*huma.MediaType{
			"application/json": {Schema: registry.Schema(reflect.TypeFor[report.Comparison](), true, "Comparison")},
			"text/html":        text,
			"text/plain":       text,
		}}},
	}, d.compare)
}

type chartInput struct {
	ID   string `path:"id" maxLength:"64" doc:"The run's id."`
	File string `path:"file" maxLength:"64" doc:"The graph's name and the picture's format: .png or .svg." example:"buffer.png"`
	Dark bool   `query:"dark" doc:"Light lines on a dark ground."`
}

func (d *door) chart(_ context.Context, in *chartInput) (*huma.StreamResponse, error) {
	name, format, _ := strings.Cut(in.File, ".")
	if !slices.Contains(report.ChartNames(), name) {
		return nil, newProblem(http.StatusNotFound, "", fault("path.file", fmt.Sprintf("is %q", clip(in.File)), scenario.Nearest(name, report.ChartNames())+", with .png or .svg"))
	}
	if format != report.FormatPNG && format != report.FormatSVG {
		return nil, newProblem(http.StatusNotFound, "", fault("path.file", fmt.Sprintf("is %q", clip(in.File)), name+".png or "+name+".svg"))
	}
	verdict, err := d.verdictOf(in.ID)
	if err != nil {
		return nil, err
	}
	var picture bytes.Buffer
	if err := verdict.Chart(&picture, name, format, in.Dark); err != nil {
		return nil, d.refusal(err, atScenario)
	}
	return &huma.StreamResponse{Body: func(ctx huma.Context) {
		_, w := humachi.Unwrap(ctx)
		w.Header().Set("Content-Type", map[string]string{report.FormatPNG: "image/png", report.FormatSVG: "image/svg+xml"}[format])
		_, _ = w.Write(picture.Bytes()) // the client has gone; nobody is left to tell
	}}, nil
}

// verdictOf is the report of a run that has ended.
func (d *door) verdictOf(id string) (*report.Report, error) {
	found, err := d.find(id)
	if err != nil {
		return nil, err
	}
	verdict, err := found.Report()
	if err != nil {
		return nil, d.refusal(err, atScenario)
	}
	return verdict, nil
}

type compareInput struct {
	Runs   []string `query:"runs" doc:"The runs' ids, with commas between them." example:"d4kq0r1m5s7c73f2g9a0,d4kq0r1m5s7c73f2g9b0"`
	Format string   `query:"format" enum:"json,html,text" doc:"In place of the Accept header."`
	Accept string   `header:"Accept" hidden:"true"`
}

func (d *door) compare(_ context.Context, in *compareInput) (*huma.StreamResponse, error) {
	format := in.Format
	if format == "" {
		var err error
		if format, err = negotiate(in.Accept); err != nil {
			return nil, err
		}
	}
	if n := len(in.Runs); n < 2 || n > mostCompared {
		return nil, newProblem(http.StatusUnprocessableEntity, "",
			fault("query.runs", fmt.Sprintf("names %d of them", n), fmt.Sprintf("two to %d ids, with commas between them", mostCompared)))
	}
	var verdicts []*report.Report
	for _, id := range in.Runs {
		verdict, err := d.verdictOf(id)
		if refused := (*problem)(nil); errors.As(err, &refused) && refused.Status < http.StatusInternalServerError {
			for _, e := range refused.Errors {
				e.Location = "query.runs"
				e.Message = fmt.Sprintf("names %q: that %s", clip(id), e.Message)
			}
		}
		if err != nil {
			return nil, err
		}
		verdicts = append(verdicts, verdict)
	}
	comparison := report.Compare(verdicts...)
	return &huma.StreamResponse{Body: func(ctx huma.Context) {
		ctx.SetHeader("Content-Type", reportTypes[format])
		ctx.SetHeader("Vary", "Accept")
		if err := writeReport(ctx, format, comparison); err != nil {
			d.log.Debug("a comparison was not read to its end", "error", err)
		}
	}}, nil
}
