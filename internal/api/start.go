package api

import (
	"bytes"
	"encoding/json"
	"maps"
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"kafkasim.example/simd/internal/run"
	"kafkasim.example/simd/internal/scenario"
)

// startBody is the shape of the body of POST /runs, for the OpenAPI document.
// [parseStart] reads it.
type startBody struct {
	Scenario scenarioOrName `json:"scenario" doc:"The name of a preset, or a whole scenario of your own in place of it."`
	Speed    float64        `json:"speed,omitempty" exclusiveMinimum:"0" default:"1" doc:"How many times faster than real time; what the client's time-outs allow."`
	Seed     uint64         `json:"seed,omitempty" minimum:"1" default:"1" doc:"Of everything that is drawn by lot: keys, jitter, who gets freed memory."`
	Set      map[string]any `json:"set,omitempty" doc:"Fields of the scenario to override, by path, such as producer.buffer.memory." example:"{\"producer.buffer.memory\": 4194304}"`
}

type scenarioOrName struct{}

// Schema implements [huma.SchemaProvider].
func (scenarioOrName) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{
		OneOf: []*huma.Schema{
			{Type: huma.TypeString, Description: "The name of a preset.", Examples: []any{"case-2"}},
			{Type: huma.TypeObject, AdditionalProperties: true, Description: "A scenario, in the shape of GET /scenarios/{name}."},
		},
	}
}

// parseStart turns the body of POST /runs into a request for a run. It gives the
// door's own word on the form and leaves the plan's sense to the scenario.
func (d *door) parseStart(contentType string, body []byte) (run.Request, error) {
	object, err := members(contentType, body, "scenario", "speed", "seed", "set")
	if err != nil {
		return run.Request{}, err
	}
	var req run.Request
	var wrong []*huma.ErrorDetail
	if raw, ok := object["speed"]; ok {
		req.Speed, wrong = parseSpeed(raw, wrong)
	}
	if raw, ok := object["seed"]; ok {
		req.Seed, wrong = parseSeed(raw, wrong)
	}
	overrides, wrong := parseSet(object["set"], wrong)
	plan, err := planOf(object["scenario"])
	if err != nil {
		wrong = append(wrong, planFaults(err, atScenario)...)
	}
	if wrong != nil {
		return run.Request{}, newProblem(http.StatusUnprocessableEntity, "", wrong...)
	}
	// In the order of their paths, so that a whole goes before its parts.
	for _, path := range slices.Sorted(maps.Keys(overrides)) {
		if err := plan.Set(path, overrides[path]); err != nil {
			return run.Request{}, d.refusal(err, func(string) string { return "body.set." + clip(path) })
		}
	}
	if err := plan.Validate(); err != nil {
		return run.Request{}, d.refusal(err, atSet(overrides))
	}
	req.Scenario = plan
	return req, nil
}

// atScenario is where in the body a field of the scenario lies.
func atScenario(path string) string {
	switch path {
	case "":
		return "body.scenario"
	case "speed", "scenario":
		return "body." + path
	}
	return "body.scenario." + path
}

// atSet is the same for a plan with overrides.
func atSet(overrides map[string]string) func(string) string {
	return func(path string) string {
		if _, ok := overrides[path]; ok {
			return "body.set." + path
		}
		return atScenario(path)
	}
}

const aScenario = "the name of a preset (GET /scenarios lists them) or a whole scenario"

// planOf is the preset that is named, or the scenario that is written out.
func planOf(raw json.RawMessage) (*scenario.Scenario, error) {
	raw = bytes.TrimSpace(raw)
	switch {
	case len(raw) == 0:
		return nil, &scenario.Error{Path: "scenario", Problem: "is missing", Want: aScenario}
	case raw[0] == '{':
		plain, err := unescaped(raw)
		if err != nil {
			return nil, &scenario.Error{Path: "scenario", Problem: err.Error()}
		}
		return scenario.Parse(plain)
	case raw[0] == '"':
		var name string
		if err := json.Unmarshal(raw, &name); err != nil {
			return nil, &scenario.Error{Path: "scenario", Problem: err.Error()}
		}
		return scenario.Preset(name)
	default:
		return nil, &scenario.Error{Path: "scenario", Problem: "is " + describeJSON(raw), Want: aScenario}
	}
}

// unescaped writes JSON anew without the escapes that YAML does not know, since
// a scenario is read as YAML. Numbers keep their digits.
func unescaped(raw []byte) ([]byte, error) {
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	var v any
	if err := dec.Decode(&v); err != nil {
		return nil, err
	}
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	err := enc.Encode(v)
	return out.Bytes(), err
}

func parseSpeed(raw json.RawMessage, wrong []*huma.ErrorDetail) (float64, []*huma.ErrorDetail) {
	if text := string(bytes.TrimSpace(raw)); describeJSON(raw) == "a number" {
		speed, err := strconv.ParseFloat(text, 64)
		if err == nil && speed > 0 && !math.IsInf(speed, 0) {
			return speed, wrong
		}
		return 0, append(wrong, fault("body.speed", "is "+clip(text), "a number above 0, such as 20"))
	}
	return 0, append(wrong, fault("body.speed", "is "+describeJSON(raw), "a number above 0, such as 20"))
}

func parseSeed(raw json.RawMessage, wrong []*huma.ErrorDetail) (uint64, []*huma.ErrorDetail) {
	text := string(bytes.TrimSpace(raw))
	seed, err := strconv.ParseUint(text, 10, 64)
	if err != nil || seed == 0 {
		return 0, append(wrong, fault("body.seed", "is "+clip(text), "a whole number from 1 to 18446744073709551615"))
	}
	return seed, wrong
}

// parseSet is the overrides as text, as on the command line: a text as it is, and
// all else as the JSON it is.
func parseSet(raw json.RawMessage, wrong []*huma.ErrorDetail) (map[string]string, []*huma.ErrorDetail) {
	if raw == nil {
		return nil, wrong
	}
	var values map[string]json.RawMessage
	if err := json.Unmarshal(raw, &values); err != nil || values == nil {
		return nil, append(wrong, fault("body.set", "is "+describeJSON(raw),
			`an object of paths and values, such as {"producer.buffer.memory": 4194304}`))
	}
	overrides := map[string]string{}
	for path, value := range values {
		if strings.TrimSpace(path) == "" {
			wrong = append(wrong, fault("body.set", "holds an empty path", "the path of a field"))
			continue
		}
		overrides[path] = string(value)
		if describeJSON(value) == "a text" {
			var text string
			if err := json.Unmarshal(value, &text); err == nil {
				overrides[path] = text
			}
		} else if plain, err := unescaped(value); err == nil {
			overrides[path] = string(bytes.TrimSpace(plain))
		}
	}
	return overrides, wrong
}

var _ huma.SchemaProvider = scenarioOrName{}
