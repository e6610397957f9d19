package api

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"html/template"
	"mime"
	"net/http"
	"path"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humachi"

	"kafkasim.example/simd/internal/scenario"
)

// The pages that people look at, and what they fetch. They are as they are
// written: nothing is built, and nothing comes from anywhere else.
//
//go:embed web
var web embed.FS

const (
	assetsPath = "/assets/"
	iconPath   = "/favicon.ico"
	// pagePolicy lets a page load what the daemon itself serves, and nothing else:
	// no script in the page, no style, nothing of another host.
	pagePolicy = "default-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'"
)

func (d *door) pageRoutes(api huma.API) {
	page := func(op huma.Operation) huma.Operation {
		op.Method, op.Tags = http.MethodGet, []string{tagPages}
		op.Responses = map[string]*huma.Response{"200": textResponse("text/html")}
		return op
	}
	huma.Register(api, page(huma.Operation{
		OperationID: "home", Path: "/", Summary: "The first page: scenarios to start, and the runs", Errors: []int{401, 403},
	}), d.home)
	huma.Register(api, page(huma.Operation{
		OperationID: "live", Path: "/runs/{id}/live", Summary: "A run as it happens", Errors: []int{401, 403, 404},
	}), d.live)
	huma.Register(api, huma.Operation{
		OperationID: "asset", Method: http.MethodGet, Path: assetsPath + "{file}", Tags: []string{tagPages},
		Summary: "A script or style of the pages", Errors: []int{403, 404}, Security: []map[string][]string{},
		Responses: map[string]*huma.Response{"200": textResponse("text/javascript"), "304": {Description: "As it was"}},
	}, d.asset)
	// Reports stand alone and name no icon; browsers then ask for this one.
	huma.Register(api, huma.Operation{
		OperationID: "icon", Method: http.MethodGet, Path: iconPath, Tags: []string{tagPages},
		Summary: "The icon of the pages", Errors: []int{403}, Security: []map[string][]string{},
		Responses: map[string]*huma.Response{"200": textResponse("image/svg+xml"), "304": {Description: "As it was"}},
	}, func(ctx context.Context, _ *struct{}) (*huma.StreamResponse, error) {
		return d.asset(ctx, &assetInput{File: "icon.svg"})
	})
}

// offered is a preset on the first page.
type offered struct {
	*scenario.Scenario
	Gist     string // the first sentence of About
	Rest     string
	Messages int64
	Seconds  float64
	Fastest  float64
	Speed    float64 // that it is offered at: a run of about a minute
}

// lasting is how long a run on the first page should take, in seconds.
const lasting = 65

func offer(s *scenario.Scenario) offered {
	plan := s.Plan()
	fastest, _ := s.MaxSpeed()
	o := offered{Scenario: s, Messages: plan.Total(), Seconds: plan.End().Seconds(), Fastest: fastest, Speed: 1}
	for _, speed := range []float64{2, 5, 10, 20, 50} {
		if speed <= fastest && o.Seconds/lasting >= 0.8*speed {
			o.Speed = speed
		}
	}
	o.Gist, o.Rest, _ = strings.Cut(s.About, ". ")
	if o.Rest != "" {
		o.Gist += "."
	}
	return o
}

func (d *door) home(context.Context, *struct{}) (*huma.StreamResponse, error) {
	var offers []offered
	for _, s := range scenario.Presets() {
		offers = append(offers, offer(s))
	}
	// The shortest first: it is where to begin. The others keep their order.
	slices.SortStableFunc(offers, func(a, b offered) int { return cmp.Compare(min(a.Seconds, lasting), min(b.Seconds, lasting)) })
	return show("home.html", map[string]any{"Scenarios": offers}), nil
}

func (d *door) live(_ context.Context, in *runInput) (*huma.StreamResponse, error) {
	found, err := d.find(in.ID)
	if err != nil {
		return nil, err
	}
	return show("live.html", map[string]any{
		"Status": found.Status(), "About": found.Request().Scenario.About,
		"Cells": []map[string]string{
			{"Told": "yes", "None": "vanished", "One": "delivered", "More": "duplicated", "Row": "confirmed"},
			{"Told": "no", "None": "refused", "One": "phantom", "More": "duplicated", "Row": "failed"},
			{"Told": "nothing", "None": "lost_in_silence", "One": "unconfirmed", "More": "duplicated", "Row": "unknown"},
		},
	}), nil
}

// show answers with a page.
func show(name string, data any) *huma.StreamResponse {
	return &huma.StreamResponse{Body: func(ctx huma.Context) {
		_, w := humachi.Unwrap(ctx)
		writePage(w, http.StatusOK, name, data)
	}}
}

// pages are the templates, read when they are first wanted; that they can be, every test says.
var pages = sync.OnceValue(func() *template.Template {
	return template.Must(template.New("").Funcs(template.FuncMap{
		"words": func(name string) string { return strings.ReplaceAll(name, "_", " ") },
		"count": grouped,
	}).ParseFS(web, "web/*.html"))
})

// grouped writes a count with its thousands apart.
func grouped(n int64) string {
	text := fmt.Sprint(n)
	for at := len(text) - 3; at > 0; at -= 3 {
		text = text[:at] + "," + text[at:]
	}
	return text
}

// writePage sends a page, whole or not at all.
func writePage(w http.ResponseWriter, status int, name string, data any) {
	var page bytes.Buffer
	if err := pages().ExecuteTemplate(&page, name, data); err != nil {
		panic("api: the page " + name + " cannot be written: " + err.Error())
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", pagePolicy)
	// Without it, browsers hide where a form comes from, and the guard refuses it.
	h.Set("Referrer-Policy", "same-origin")
	w.WriteHeader(status)
	_, _ = w.Write(page.Bytes()) // the client has gone; nobody is left to tell
}

type assetInput struct {
	File string `path:"file" maxLength:"64" doc:"Its name." example:"live.js"`
}

// asset serves what the pages fetch. A browser asks each time whether its copy is
// still right, so that a newer simd is seen at once.
func (d *door) asset(_ context.Context, in *assetInput) (*huma.StreamResponse, error) {
	text, err := web.ReadFile("web/" + in.File)
	if err != nil || path.Ext(in.File) == ".html" {
		return nil, newProblem(http.StatusNotFound, "", fault("path.file", "is no file of the pages", ""))
	}
	return &huma.StreamResponse{Body: func(ctx huma.Context) {
		r, w := humachi.Unwrap(ctx)
		sum := sha256.Sum256(text)
		w.Header().Set("ETag", `"`+hex.EncodeToString(sum[:12])+`"`)
		w.Header().Set("Cache-Control", "no-cache")
		w.Header().Set("Content-Type", mimeType(in.File))
		http.ServeContent(w, r, in.File, time.Time{}, bytes.NewReader(text))
	}}, nil
}

// mimeType does not ask the machine, whose table may say anything.
func mimeType(file string) string {
	switch path.Ext(file) {
	case ".js":
		return "text/javascript; charset=utf-8"
	case ".css":
		return "text/css; charset=utf-8"
	case ".svg":
		return "image/svg+xml"
	default:
		return mime.TypeByExtension(path.Ext(file))
	}
}
