// Package api is the door: HTTP requests come in, runs are started, watched,
// stopped and read, and every error goes out as a problem (RFC 9457) that names
// the field it is about. It checks who may come in and what they may send. It
// does not know how a run works, and it never names a broker: only the operator does.
package api

import (
	"log/slog"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humachi"
	"github.com/go-chi/chi/v5"
	"github.com/go-chi/chi/v5/middleware"

	"kafkasim.example/simd/internal/report"
	"kafkasim.example/simd/internal/run"
)

// Run is what the door needs of one run; [*run.Run] is one.
type Run interface {
	ID() string
	Status() run.Status
	Request() run.Request
	// Stop asks the run to end; run.ErrEnded if it has.
	Stop(mode run.StopMode) error
	// Report is the verdict; run.ErrNotReady while the run goes on.
	Report() (*report.Report, error)
	// FactsPath is the file of the run's facts.
	FactsPath() string
	// Key is the key of the record of a message; "" if its records have none.
	Key(seq int64) string
	// Watch gives a status now, at every change of state and each second between,
	// and closes the channel after the last. cancel must be called.
	Watch() (statuses <-chan run.Status, cancel func())
	// Course is how the run has gone so far, from a scenario second on.
	Course(from float64) (report.Course, error)
}

// Runs is what the door needs of the registry of runs; see [Of].
type Runs interface {
	// Start begins a run. Not fresh: the idempotency key has been seen with the
	// same request, and run is the one that it started.
	Start(req run.Request, idempotencyKey string) (r Run, fresh bool, err error)
	// Get finds a run; run.ErrNotFound if there is none.
	Get(id string) (Run, error)
	// List is all runs, newest first.
	List() []Run
	// Ready says why no run could be started now, or nil.
	Ready() error
}

// Of makes [Runs] of the registry.
func Of(r *run.Registry) Runs { return registry{r} }

type registry struct{ *run.Registry }

func (r registry) Start(req run.Request, key string) (Run, bool, error) {
	started, fresh, err := r.Registry.Start(req, key)
	if err != nil {
		return nil, false, err
	}
	return started, fresh, nil
}

func (r registry) Get(id string) (Run, error) {
	found, err := r.Registry.Get(id)
	if err != nil {
		return nil, err
	}
	return found, nil
}

func (r registry) List() []Run {
	runs := r.Registry.List()
	list := make([]Run, len(runs))
	for i, one := range runs {
		list[i] = one
	}
	return list
}

// Config is what the door is made of.
type Config struct {
	Runs    Runs
	Metrics http.Handler // answers GET /metrics
	Version string       // of simd, for the OpenAPI document
	// Token, if set, is what every request but GET /healthz must carry as
	// "Authorization: Bearer <token>".
	Token string
	// Listen is the address that the daemon listens on, host:port.
	Listen string
	// Hosts are the further names under which the daemon may be called: what a
	// Host header may say beside this machine's own addresses.
	Hosts  []string
	Logger *slog.Logger
	// Closing, when it is closed, ends the streams that go on: the daemon shuts down.
	Closing <-chan struct{}
	// MaxStreams is how many clients may follow runs at once; 0 means 64.
	MaxStreams int
}

// door holds what the handlers share.
type door struct {
	runs    Runs
	log     *slog.Logger
	closing <-chan struct{}
	streams chan struct{} // a place for each client that follows a run
}

// New makes the handler of the whole door.
func New(cfg Config) http.Handler {
	if cfg.MaxStreams == 0 {
		cfg.MaxStreams = maxStreams
	}
	d := &door{runs: cfg.Runs, log: cfg.Logger, closing: cfg.Closing, streams: make(chan struct{}, cfg.MaxStreams)}
	g := newGuard(cfg)

	router := chi.NewRouter()
	router.Use(recoverer(cfg.Logger), deadlines, headers, g.host, g.origin, g.token, middleware.GetHead)
	router.NotFound(notFound)
	router.MethodNotAllowed(methodNotAllowed(router))

	api := humachi.New(router, huma.Config{
		OpenAPI:       openAPI(cfg),
		OpenAPIPath:   "", // served by describe, so that it lists itself
		Formats:       huma.DefaultFormats,
		DefaultFormat: "application/json",
		Transformers:  []huma.Transformer{explain},
		// A query parameter that is not known was meant to do something.
		RejectUnknownQueryParameters: true,
	})
	d.runRoutes(api)
	d.liveRoutes(api)
	d.resultRoutes(api)
	d.pictureRoutes(api)
	d.scenarioRoutes(api)
	d.pageRoutes(api)
	g.sessionRoutes(api)
	d.operatorRoutes(api, cfg.Metrics)
	describe(api)
	return router
}

func openAPI(cfg Config) *huma.OpenAPI {
	doc := &huma.OpenAPI{
		OpenAPI: "3.1.0",
		Info: &huma.Info{
			Title:   "simd",
			Version: cfg.Version,
			Description: "A wind tunnel for Kafka integrations: start a scenario, watch it, and get a verdict that accounts for every " +
				"single message. Errors are problem+json (RFC 9457); errors[].location is the path of the field that they are about.",
			License: &huma.License{Name: "Apache-2.0", Identifier: "Apache-2.0"},
		},
		Components: &huma.Components{
			Schemas: huma.NewMapRegistry("#/components/schemas/", huma.DefaultSchemaNamer),
		},
		Tags: []*huma.Tag{
			{Name: tagRuns, Description: "Start, watch and stop runs."},
			{Name: tagResults, Description: "What a run has shown."},
			{Name: tagScenarios, Description: "The presets."},
			{Name: tagPages, Description: "For people, in a browser."},
			{Name: tagOperator, Description: "For whoever keeps the daemon."},
		},
	}
	if cfg.Token != "" {
		doc.Components.SecuritySchemes = map[string]*huma.SecurityScheme{"token": {Type: "http", Scheme: "bearer"}}
		doc.Security = []map[string][]string{{"token": {}}}
	}
	return doc
}

const (
	tagRuns      = "runs"
	tagResults   = "results"
	tagScenarios = "scenarios"
	tagPages     = "pages"
	tagOperator  = "operator"
)
