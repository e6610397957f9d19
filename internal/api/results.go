package api

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"reflect"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humachi"
	"github.com/danielgtaylor/huma/v2/negotiation"

	"kafkasim.example/simd/internal/ledger"
	"kafkasim.example/simd/internal/report"
	"kafkasim.example/simd/internal/scenario"
)

func (d *door) resultRoutes(api huma.API) {
	registry := api.OpenAPI().Components.Schemas
	text := &huma.MediaType{Schema: &huma.Schema{Type: huma.TypeString}}
	huma.Register(api, huma.Operation{
		OperationID: "get-report", Method: http.MethodGet, Path: "/runs/{id}/report", Tags: []string{tagResults},
		Summary:     "The verdict on a run that has ended",
		Description: "As JSON, HTML or text: by ?format=, or else by the Accept header. 409 while the run goes on.",
		Errors:      []int{401, 403, 404, 406, 409, 422},
		Responses: map[string]*huma.Response{"200": {Description: "The report", Content: map[string]*huma.MediaType{
			"application/json": {Schema: registry.Schema(reflect.TypeFor[report.Report](), true, "Report")},
			"text/html":        text,
			"text/plain":       text,
		}}},
	}, d.report)
	huma.Register(api, huma.Operation{
		OperationID: "list-messages", Method: http.MethodGet, Path: "/runs/{id}/messages", Tags: []string{tagResults},
		Summary: "The reconciliation list: every message that is not simply delivered",
		Description: "One JSON object a line, in the order of the messages' numbers: what the application was told, attempt by attempt, and which " +
			"copies the log holds. Without parameters: every message that differs. 409 while the run goes on. A line that holds only error is " +
			"the last: what follows could not be read.",
		Errors: []int{401, 403, 404, 409, 422},
		Responses: map[string]*huma.Response{"200": {Description: "One message a line", Content: map[string]*huma.MediaType{
			"application/x-ndjson": {Schema: registry.Schema(reflect.TypeFor[message](), true, "Message")},
		}}},
	}, d.messages)
}

type reportInput struct {
	ID     string `path:"id" maxLength:"64" doc:"The run's id."`
	Format string `query:"format" enum:"json,html,text" doc:"In place of the Accept header."`
	Accept string `header:"Accept" hidden:"true"`
}

var reportTypes = map[string]string{
	"json": "application/json",
	"html": "text/html; charset=utf-8",
	"text": "text/plain; charset=utf-8",
}

func (d *door) report(_ context.Context, in *reportInput) (*huma.StreamResponse, error) {
	format := in.Format
	if format == "" {
		var err error
		if format, err = negotiate(in.Accept); err != nil {
			return nil, err
		}
	}
	verdict, err := d.verdictOf(in.ID)
	if err != nil {
		return nil, err
	}
	return &huma.StreamResponse{Body: func(ctx huma.Context) {
		ctx.SetHeader("Content-Type", reportTypes[format])
		ctx.SetHeader("Vary", "Accept")
		if err := writeReport(ctx, format, verdict); err != nil {
			d.log.Debug("a report was not read to its end", "run", in.ID, "error", err)
		}
	}}, nil
}

// written is what comes as JSON, HTML or text: a report, or a comparison of several.
type written interface {
	WriteHTML(w io.Writer) error
	WriteText(w io.Writer, colour bool) error
}

func writeReport(ctx huma.Context, format string, text written) error {
	switch format {
	case "html":
		return text.WriteHTML(ctx.BodyWriter())
	case "text":
		return text.WriteText(ctx.BodyWriter(), false)
	default:
		enc := json.NewEncoder(ctx.BodyWriter())
		enc.SetIndent("", "  ")
		return enc.Encode(text)
	}
}

// negotiate picks the form of a report that the client likes best.
func negotiate(accept string) (format string, err error) {
	if strings.TrimSpace(accept) == "" {
		return "json", nil
	}
	switch negotiation.SelectQValue(accept, []string{"application/json", "text/html", "text/plain"}) {
	case "application/json":
		return "json", nil
	case "text/html":
		return "html", nil
	case "text/plain":
		return "text", nil
	}
	for _, wide := range []string{"*/*", "application/*"} {
		if strings.Contains(accept, wide) {
			return "json", nil
		}
	}
	return "", newProblem(http.StatusNotAcceptable, "", fault("header.Accept",
		"names no form that a report has", "application/json, text/html or text/plain"))
}

type messagesInput struct {
	ID      string `path:"id" maxLength:"64" doc:"The run's id."`
	Outcome string `query:"outcome" doc:"lost (no copy), extra_copies (more than one), or the name of a cell: vanished, duplicated, refused, phantom, lost_in_silence, unconfirmed, dropped, delivered." example:"lost"`
	Cause   string `query:"cause" maxLength:"64" doc:"Why the application was not told yes, such as buffer_exhausted." example:"buffer_exhausted"`
}

// outcomes are the values of ?outcome= beside the names of the cells.
const (
	outcomeLost  = "lost"
	outcomeExtra = "extra_copies"
)

func (in *messagesInput) filter() (func(int64, ledger.Entry) bool, error) {
	cells := []ledger.Cell{
		ledger.CellVanished, ledger.CellDuplicated, ledger.CellRefused, ledger.CellPhantom,
		ledger.CellLostInSilence, ledger.CellUnconfirmed, ledger.CellDropped, ledger.CellDelivered,
	}
	names := []string{outcomeLost, outcomeExtra}
	for _, c := range cells {
		names = append(names, string(c))
	}
	if in.Outcome != "" && !slices.Contains(names, in.Outcome) {
		return nil, newProblem(http.StatusUnprocessableEntity, "",
			fault("query.outcome", fmt.Sprintf("is %q", clip(in.Outcome)), scenario.Nearest(in.Outcome, names)))
	}
	return func(_ int64, e ledger.Entry) bool {
		if in.Cause != "" && e.Cause.String() != in.Cause {
			return false
		}
		switch in.Outcome {
		case "":
			return e.Differs()
		case outcomeLost:
			return e.Lost()
		case outcomeExtra:
			return e.Copies > 1
		default:
			return e.Cell() == ledger.Cell(in.Outcome)
		}
	}, nil
}

func (d *door) messages(_ context.Context, in *messagesInput) (*huma.StreamResponse, error) {
	keep, err := in.filter()
	if err != nil {
		return nil, err
	}
	found, err := d.find(in.ID)
	if err != nil {
		return nil, err
	}
	status := found.Status()
	if !status.State.Ended() {
		return nil, newProblem(http.StatusConflict, "the run is "+string(status.State)+"; its messages can be listed when it has ended",
			fault("path.id", "is that of a run that goes on", ""))
	}
	return &huma.StreamResponse{Body: func(ctx huma.Context) {
		_, w := humachi.Unwrap(ctx)
		w.Header().Set("Content-Type", "application/x-ndjson")
		if err := writeMessages(ctx.Context(), w, found, keep); err != nil {
			d.log.Debug("a list of messages ended early", "run", in.ID, "error", err)
		}
	}}, nil
}
