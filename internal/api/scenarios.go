package api

import (
	"context"
	"fmt"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"kafkasim.example/simd/internal/scenario"
)

func (d *door) scenarioRoutes(api huma.API) {
	huma.Register(api, huma.Operation{
		OperationID: "list-scenarios", Method: http.MethodGet, Path: "/scenarios", Tags: []string{tagScenarios},
		Summary: "List the presets", Errors: []int{401, 403},
	}, d.scenarios)
	huma.Register(api, huma.Operation{
		OperationID: "get-scenario", Method: http.MethodGet, Path: "/scenarios/{name}", Tags: []string{tagScenarios},
		Summary:     "One preset, whole",
		Description: "In the shape that POST /runs takes inline: change it and send it back.",
		Errors:      []int{401, 403, 404},
		Responses: map[string]*huma.Response{"200": {Description: "The scenario", Content: map[string]*huma.MediaType{
			"application/json": {Schema: &huma.Schema{Type: huma.TypeObject, AdditionalProperties: true}},
		}}},
	}, d.scenario)
}

// summary is what a list says of one preset.
type summary struct {
	Name     string  `json:"name"`
	Title    string  `json:"title"`
	About    string  `json:"about"`
	Messages int64   `json:"messages" doc:"How many the plan holds."`
	Seconds  float64 `json:"seconds" doc:"How long its load lasts at speed 1."`
	MaxSpeed float64 `json:"max_speed" doc:"The highest speed that its time-outs allow."`
}

type scenariosOutput struct {
	Body struct {
		Scenarios []summary `json:"scenarios" nullable:"false"`
	}
}

func (d *door) scenarios(context.Context, *struct{}) (*scenariosOutput, error) {
	out := &scenariosOutput{}
	for _, s := range scenario.Presets() {
		plan := s.Plan()
		fastest, _ := s.MaxSpeed()
		out.Body.Scenarios = append(out.Body.Scenarios, summary{
			Name: s.Name, Title: s.Title, About: s.About,
			Messages: plan.Total(), Seconds: plan.End().Seconds(), MaxSpeed: fastest,
		})
	}
	return out, nil
}

type scenarioInput struct {
	Name string `path:"name" maxLength:"128" doc:"The preset's name." example:"case-2"`
}

type scenarioOutput struct{ Body any }

func (d *door) scenario(_ context.Context, in *scenarioInput) (*scenarioOutput, error) {
	s, err := scenario.Preset(in.Name)
	if err != nil {
		return nil, newProblem(http.StatusNotFound, "", fault("path.name", fmt.Sprintf("is %q", clip(in.Name)), scenario.Nearest(in.Name, scenario.PresetNames())))
	}
	return &scenarioOutput{Body: s}, nil
}
