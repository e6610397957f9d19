package run

import (
	"context"
	"errors"
	"fmt"
	"time"

	"kafkasim.example/simd/internal/ledger"
	"kafkasim.example/simd/internal/report"
	"kafkasim.example/simd/internal/scheduler"
)

// play is the story of a run. It returns nil when the whole plan was played and
// the log read to its end, errStopped when somebody stopped it, and otherwise
// what went wrong; in each case the report of what was recorded stands.
//
// load ends when nothing more is to be offered, and kill, its parent, when
// everything is to end at once.
func (r *Run) play(kill, load context.Context) (err error) {
	cluster, err := r.config.Cluster(kill)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, cluster.Close()) }()

	// The facts: into the run's file, and to the report as it grows.
	facts, err := ledger.Create(r.folder.facts(), ledger.Options{Each: r.builder.AddBatch, Open: r.config.OpenFacts})
	if err != nil {
		return err
	}
	r.facts = facts
	r.showLedger(facts)
	defer func() { err = errors.Join(err, facts.Close()) }()
	defer context.AfterFunc(r.failure(facts), func() { r.cancelLoad(facts.Err()) })()

	// The stage: a topic, a quota, and a wire between the application and the cluster.
	stage, err := r.build(kill, cluster)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stage.strike()) }()

	// Two readers, there before the first message: one of the log, one of the
	// application's own group.
	if err := stage.openReaders(kill, facts); err != nil {
		return err
	}

	// The application, and the clock that drives it.
	app, err := stage.startApplication(facts)
	if err != nil {
		return err
	}
	defer app.kill()
	r.showProducer(app.producer)
	faults := stage.faults(app)
	defer faults.close()
	defer stage.watchGauges(app, facts)()
	r.enter(Running)
	err = scheduler.Play(load, stage.base, r.plan.Plan(), faults.events(), app, faults, facts)

	// What is still on its way: everything is waited for, or only what the
	// producer has accepted, or nothing.
	r.enter(Draining)
	if err == nil {
		err = app.drain(load)
	}
	if err != nil && kill.Err() == nil {
		err = errors.Join(err, app.stop(kill))
	}
	app.kill()

	// The truth: the log to its end.
	r.enter(Reconciling)
	unread := stage.readToTheEnd(kill, facts)
	if err != nil && unread != nil {
		r.note("%v", unread)
		return err
	}
	return errors.Join(err, unread)
}

// failure ends when the facts' file cannot be written any more.
func (r *Run) failure(facts *ledger.Log) context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	r.background.Go(func() {
		defer cancel()
		select {
		case <-facts.Failed():
		case <-r.done:
		}
	})
	return ctx
}

// live is the whole of a run in the registry's eyes: play it, judge it, file it.
func (r *Run) live(kill, load context.Context) {
	r.enter(Pending)
	err := r.play(kill, load)
	state, problem := Completed, ""
	switch {
	case err == nil:
	case errors.Is(err, errStopped) && (r.facts == nil || r.facts.Err() == nil):
		state = Stopped
	default:
		state, problem = Failed, err.Error()
	}
	r.builder.Conclude(string(state), problem, r.notes...)
	r.conclude(state, problem, r.builder.Report(), time.Now())
}

// enter puts the run into a state that is not an end.
func (r *Run) enter(s State) {
	r.mu.Lock()
	r.rec.State = s
	if s == Running {
		r.rec.Started = time.Now()
	}
	err := r.folder.save(&r.rec)
	r.changed()
	r.mu.Unlock()
	if r.facts != nil {
		r.facts.Record(ledger.Fact{Kind: ledger.StateChanged, At: r.sinceBase(), Note: string(s)})
	}
	if err != nil {
		r.cancelLoad(fmt.Errorf("saving the run's state: %w", err))
	}
	r.log.Info("run "+string(s), "run", r.rec.ID, "scenario", r.rec.Scenario.Name)
}

// conclude puts the run into its end, with its report.
func (r *Run) conclude(s State, problem string, rep *report.Report, ended time.Time) {
	err := r.folder.saveReport(rep)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.rec.State, r.rec.Error, r.rec.Ended = s, problem, ended
	r.rec.Ok, r.rec.Figures = rep.Ok, r.builder.Live()
	err = errors.Join(err, r.folder.save(&r.rec))
	r.shown.freeze()
	r.builder = nil // and with it what it held on to for each message
	if err != nil {
		r.report = rep
		r.log.Error("the report could not be saved; it can be read until simd stops", "run", r.rec.ID, "error", err)
	}
	r.changed()
	attrs := []any{"run", r.rec.ID, "scenario", r.rec.Scenario.Name, "scheduled", rep.Scheduled, "lost", rep.Lost, "extra_copies", rep.ExtraCopies}
	if problem != "" {
		attrs = append(attrs, "error", problem)
	}
	r.log.Info("run "+string(s), attrs...)
}
