package run

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/rs/xid"

	"kafkasim.example/simd/internal/broker"
	"kafkasim.example/simd/internal/ledger"
	"kafkasim.example/simd/internal/metrics"
	"kafkasim.example/simd/internal/report"
	"kafkasim.example/simd/internal/scenario"
)

var (
	// ErrNotFound is returned for a run that is not there.
	ErrNotFound = errors.New("there is no such run")
	// ErrClosing is returned by Start once the registry is being closed.
	ErrClosing = errors.New("simd is stopping and starts no more runs")
)

// BusyError is returned by Start when as many runs as are allowed are under way.
type BusyError struct{ Running []string }

func (e *BusyError) Error() string {
	return fmt.Sprintf("%d runs are under way, which is as many as SIMD_MAX_RUNS allows: %s; wait for one or stop it", len(e.Running), strings.Join(e.Running, ", "))
}

// KeyReusedError is returned by Start for an idempotency key that stood for
// another request before.
type KeyReusedError struct{ Key, Run string }

func (e *KeyReusedError) Error() string {
	return fmt.Sprintf("the Idempotency-Key %q was used for another request, which started run %s: use a new one", e.Key, e.Run)
}

// Config is what a registry needs.
type Config struct {
	DataDir string // one folder a run is made under it
	MaxRuns int    // at the same time; 0 means 1
	// KeepRuns is how many ended runs keep their folders; 0: all.
	KeepRuns int
	// MaxMessages is the largest plan that is taken; 0: what the ledger can hold.
	MaxMessages int64
	// Cluster opens the cluster that a run plays on; each run opens its own.
	Cluster func(context.Context) (*broker.Cluster, error)
	// ClusterName is "embedded", or the addresses that Cluster connects to.
	ClusterName string
	Logger      *slog.Logger
	// Metrics, if set, shows the runs, and each for KeepMetrics after its end.
	Metrics     *metrics.Set
	KeepMetrics time.Duration
	// OpenFacts makes a run's facts file, if set: so that tests can fail a disk.
	OpenFacts func(path string) (ledger.File, error)
}

// Registry holds the runs of a data directory.
type Registry struct {
	config  Config
	running sync.WaitGroup

	mu      sync.Mutex
	runs    map[string]*Run
	closing bool
}

// Open opens the data directory. Runs whose process was killed become
// interrupted: what they recorded is judged, and what they left on a cluster is
// taken away.
func Open(ctx context.Context, config Config) (*Registry, error) {
	if config.MaxRuns == 0 {
		config.MaxRuns = 1
	}
	g := &Registry{config: config, runs: make(map[string]*Run)}
	if err := os.MkdirAll(runsDir(config.DataDir), 0o755); err != nil {
		return nil, fmt.Errorf("the data directory cannot be made: %w: set SIMD_DATA_DIR to a folder that can be written", err)
	}
	all, err := folders(config.DataDir)
	if err != nil {
		return nil, fmt.Errorf("the data directory cannot be read: %w", err)
	}
	for _, f := range all {
		if r := g.recover(ctx, f); r != nil {
			g.runs[r.ID()] = r
		}
	}
	return g, nil
}

// Start begins a run. With an idempotency key, a second Start for the same
// request returns the first one's run, and fresh is false. The error is the
// scenario's own ([scenario.Errors]), a *BusyError, a *KeyReusedError or ErrClosing,
// or says what the data directory lacks.
func (g *Registry) Start(req Request, idempotencyKey string) (r *Run, fresh bool, err error) {
	if req.Speed == 0 {
		req.Speed = 1
	}
	if req.Seed == 0 {
		req.Seed = 1
	}
	plan, err := req.Scenario.Scaled(req.Speed)
	if err != nil {
		return nil, false, err
	}
	if n := plan.Plan().Total(); g.config.MaxMessages > 0 && n > g.config.MaxMessages {
		return nil, false, scenario.Errors{{Path: "load", Problem: fmt.Sprintf("plans %d messages", n), Want: fmt.Sprintf("at most %d", g.config.MaxMessages)}}
	}
	digest, err := req.digest()
	if err != nil {
		return nil, false, err
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if idempotencyKey != "" {
		for _, r := range g.runs {
			if r.rec.Key != idempotencyKey {
				continue
			}
			if r.rec.Body != digest {
				return nil, false, &KeyReusedError{Key: idempotencyKey, Run: r.ID()}
			}
			return r, false, nil
		}
	}
	if g.closing {
		return nil, false, ErrClosing
	}
	if running := g.underWay(); len(running) >= g.config.MaxRuns {
		return nil, false, &BusyError{Running: running}
	}
	r, err = g.begin(req, plan, record{Key: idempotencyKey, Body: digest})
	if err != nil {
		return nil, false, err
	}
	g.runs[r.ID()] = r
	g.prune()
	return r, true, nil
}

// begin makes a run's folder and starts playing it.
func (g *Registry) begin(req Request, plan *scenario.Scenario, rec record) (*Run, error) {
	rec.ID, rec.Created, rec.State = xid.New().String(), time.Now(), Pending
	rec.Scenario, rec.Speed, rec.Seed, rec.Cluster = req.Scenario, req.Speed, req.Seed, g.config.ClusterName
	r := g.newRun(rec, plan)
	lock, err := r.folder.create()
	if err != nil {
		return nil, err
	}
	r.unlock = lock.Unlock
	if err := r.folder.save(&r.rec); err != nil {
		return nil, errors.Join(fmt.Errorf("saving the run: %w", err), lock.Unlock())
	}
	kill, cancelKill := context.WithCancelCause(context.Background())
	load, cancelLoad := context.WithCancelCause(kill)
	r.cancelKill, r.cancelLoad = cancelKill, cancelLoad
	detach := func() {}
	if g.config.Metrics != nil {
		detach = g.config.Metrics.Attach(metrics.Run{
			ID: rec.ID, Scenario: rec.Scenario.Name, Speed: rec.Speed, Live: r.Live,
			Partitions: r.Partitions, Producer: r.Producer, Ledger: r.Ledger,
		}, g.config.KeepMetrics)
	}
	g.running.Go(func() {
		defer cancelKill(nil)
		r.live(kill, load)
		detach()
		close(r.done)
		r.background.Wait()
		if err := r.unlock(); err != nil {
			r.log.Warn("the run's folder could not be unlocked", "run", rec.ID, "error", err)
		}
	})
	return r, nil
}

func (g *Registry) newRun(rec record, plan *scenario.Scenario) *Run {
	return &Run{
		config: &g.config,
		plan:   plan,
		folder: folder(filepath.Join(runsDir(g.config.DataDir), rec.ID)),
		log:    g.config.Logger,
		done:   make(chan struct{}),
		rec:    rec,
		watch:  make(chan struct{}),
		builder: report.NewBuilder(report.Meta{
			ID: rec.ID, Cluster: rec.Cluster, Brokers: rec.Brokers, Seed: rec.Seed, Speed: rec.Speed, Scenario: rec.Scenario,
		}),
	}
}

// digest is what two equal requests have in common.
func (req Request) digest() (string, error) {
	text, err := json.Marshal(struct {
		Scenario *scenario.Scenario
		Speed    float64
		Seed     uint64
	}{req.Scenario, req.Speed, req.Seed})
	if err != nil {
		return "", fmt.Errorf("writing the request down: %w", err)
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:]), nil
}

// Get is the run with this id, or ErrNotFound.
func (g *Registry) Get(id string) (*Run, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	r, ok := g.runs[id]
	if !ok {
		return nil, fmt.Errorf("run %q: %w", id, ErrNotFound)
	}
	return r, nil
}

// List are the runs, the newest first.
func (g *Registry) List() []*Run {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.sorted()
}

// sorted are the runs, the newest first. Callers hold mu.
func (g *Registry) sorted() []*Run {
	all := make([]*Run, 0, len(g.runs))
	for _, r := range g.runs {
		all = append(all, r)
	}
	slices.SortFunc(all, func(a, b *Run) int { return strings.Compare(b.ID(), a.ID()) })
	return all
}

// underWay are the ids of the runs that have not ended. Callers hold mu.
func (g *Registry) underWay() []string {
	var ids []string
	for _, r := range g.sorted() {
		select {
		case <-r.done:
		default:
			ids = append(ids, r.ID())
		}
	}
	return ids
}

// prune forgets the oldest ended runs beyond those that are kept. Callers hold mu.
func (g *Registry) prune() {
	if g.config.KeepRuns <= 0 {
		return
	}
	kept := 0
	for _, r := range g.sorted() {
		select {
		case <-r.done:
		default:
			continue
		}
		if kept++; kept <= g.config.KeepRuns || r.leftovers() {
			continue
		}
		if err := os.RemoveAll(string(r.folder)); err != nil {
			r.log.Warn("an old run's folder could not be removed", "run", r.ID(), "error", err)
			continue
		}
		delete(g.runs, r.ID())
	}
}

func (r *Run) leftovers() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.rec.Leftovers
}

// Ready says why no run could be started now, if none could.
func (g *Registry) Ready() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closing {
		return ErrClosing
	}
	probe, err := os.CreateTemp(runsDir(g.config.DataDir), ".ready-*")
	if err != nil {
		return fmt.Errorf("the data directory cannot be written: %w", err)
	}
	return errors.Join(probe.Close(), os.Remove(probe.Name()))
}

// Close stops every run gracefully, and abruptly once ctx has ended. It returns
// when all have their reports.
func (g *Registry) Close(ctx context.Context) error {
	g.mu.Lock()
	g.closing = true
	all := g.sorted()
	g.mu.Unlock()
	stop := func(mode StopMode) (err error) {
		for _, r := range all {
			if stopErr := r.Stop(mode); !errors.Is(stopErr, ErrEnded) {
				err = errors.Join(err, stopErr)
			}
		}
		return err
	}
	err := stop(Graceful)
	escalated := make(chan error, 1)
	undo := context.AfterFunc(ctx, func() { escalated <- stop(Abrupt) })
	g.running.Wait()
	if undo() {
		return err
	}
	return errors.Join(err, <-escalated)
}
