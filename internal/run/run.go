package run

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"kafkasim.example/simd/internal/ledger"
	"kafkasim.example/simd/internal/report"
	"kafkasim.example/simd/internal/scenario"
)

var (
	// ErrEnded is returned by Stop when there is nothing to stop any more.
	ErrEnded = errors.New("the run has ended")
	// ErrNotReady is returned by Report while the run goes on.
	ErrNotReady = errors.New("the run has not ended: its report is not there yet")

	errStopped = errors.New("stopped")
)

// Run is one playing of a scenario. Its methods may be called from any goroutine.
type Run struct {
	config *Config
	plan   *scenario.Scenario // scaled: its times are the clock's
	folder folder
	log    *slog.Logger
	unlock func() error

	cancelLoad context.CancelCauseFunc
	cancelKill context.CancelCauseFunc
	background sync.WaitGroup
	done       chan struct{} // closed when the run has ended and its files are closed

	// Set by play, read by it alone.
	facts *ledger.Log
	notes []string

	mu      sync.Mutex
	rec     record
	base    time.Time // zero until the load begins
	builder *report.Builder
	watch   chan struct{}  // closed and replaced at every change
	report  *report.Report // of a run that has ended; only where it could not be saved

	shown shown
}

// ID names the run, for ever.
func (r *Run) ID() string { return r.rec.ID }

// Request is what was asked for.
func (r *Run) Request() Request {
	return Request{Scenario: r.rec.Scenario, Speed: r.rec.Speed, Seed: r.rec.Seed}
}

// Done is closed when the run has ended.
func (r *Run) Done() <-chan struct{} { return r.done }

// Key is the key of the record of a message; "" where its records have none.
func (r *Run) Key(seq int64) string {
	if r.rec.Scenario.Message.Key == keyNone {
		return ""
	}
	return string(key(r.rec.Seed, seq))
}

// FactsPath is the file with the run's facts; see [ledger.Read].
func (r *Run) FactsPath() string { return r.folder.facts() }

// Stop asks the run to end and returns at once. An abrupt stop may follow a
// graceful one that takes too long. It returns ErrEnded when it has ended.
func (r *Run) Stop(mode StopMode) error {
	select {
	case <-r.done:
		return fmt.Errorf("run %s: %w", r.rec.ID, ErrEnded)
	default:
	}
	switch mode {
	case Graceful, "":
		r.cancelLoad(errStopped)
	case Abrupt:
		r.cancelKill(errStopped)
	default:
		return fmt.Errorf("there is no stop mode %q: it is graceful or abrupt", mode)
	}
	return nil
}

// Status is how the run stands now.
func (r *Run) Status() Status {
	r.mu.Lock()
	defer r.mu.Unlock()
	rec := &r.rec
	s := Status{
		ID: rec.ID, Scenario: rec.Scenario.Name, Title: rec.Scenario.Title,
		Speed: rec.Speed, Seed: rec.Seed, Cluster: rec.Cluster,
		State: rec.State, Ok: rec.Ok, Error: rec.Error,
		Created: rec.Created, Started: rec.Started, Ended: rec.Ended,
		Figures: rec.Figures,
	}
	if r.builder != nil {
		s.Figures = r.builder.Live()
	}
	end := r.plan.Plan().End()
	switch {
	case rec.State.Ended():
		if !rec.Started.IsZero() {
			s.ElapsedSeconds = rec.Ended.Sub(rec.Started).Seconds()
		}
		if rec.State == Completed {
			s.Progress = 1
		} else {
			s.Progress = min(1, s.ElapsedSeconds/end.Seconds())
		}
	case !r.base.IsZero():
		passed := time.Since(r.base)
		s.ElapsedSeconds = passed.Seconds()
		s.Progress = min(1, float64(passed)/float64(end))
		s.RemainingSeconds = max(0, (end - passed).Seconds())
	}
	s.ScenarioSeconds = s.ElapsedSeconds * rec.Speed
	return s
}

// Live are the run's figures now, for metrics.
func (r *Run) Live() report.Live {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.builder != nil {
		return r.builder.Live()
	}
	return r.rec.Figures
}

// Report is the verdict, once the run has ended; ErrNotReady before.
func (r *Run) Report() (*report.Report, error) {
	r.mu.Lock()
	ended, kept := r.rec.State.Ended(), r.report
	r.mu.Unlock()
	switch {
	case !ended:
		return nil, fmt.Errorf("run %s: %w", r.rec.ID, ErrNotReady)
	case kept != nil:
		return kept, nil
	}
	return r.folder.loadReport()
}

// Watch gives a status now, at every change of state, and each second between.
// Who reads slowly misses some, but never the last; the channel is closed after
// it. cancel must be called.
func (r *Run) Watch() (statuses <-chan Status, cancel func()) {
	ctx, stop := context.WithCancel(context.Background())
	out := make(chan Status)
	var ended sync.WaitGroup
	ended.Go(func() {
		defer close(out)
		tick := time.NewTicker(time.Second)
		defer tick.Stop()
		for {
			changed := r.change()
			s := r.Status()
			select {
			case out <- s:
			case <-ctx.Done():
				return
			}
			if s.State.Ended() {
				return
			}
			select {
			case <-changed:
			case <-tick.C:
			case <-ctx.Done():
				return
			}
		}
	})
	return out, func() { stop(); ended.Wait() }
}

// change is closed at the next change.
func (r *Run) change() <-chan struct{} {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.watch
}

// changed tells the watchers. Callers hold mu.
func (r *Run) changed() {
	close(r.watch)
	r.watch = make(chan struct{})
}

func (r *Run) setBase(t time.Time) {
	r.mu.Lock()
	r.base = t
	r.mu.Unlock()
}

// sinceBase is the run's time; 0 before it has begun.
func (r *Run) sinceBase() time.Duration {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.base.IsZero() {
		return 0
	}
	return time.Since(r.base)
}
