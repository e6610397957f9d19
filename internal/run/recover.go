package run

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"kafkasim.example/simd/internal/ledger"
)

// recover brings back a run from its folder. It returns nil for a folder that
// holds none, and for a run that another living process is playing.
func (g *Registry) recover(ctx context.Context, f folder) *Run {
	log := g.config.Logger
	rec, err := f.load()
	if err == nil && rec.Scenario == nil {
		err = fmt.Errorf("run.json holds no scenario")
	}
	if err != nil {
		log.Warn("this folder holds no run that can be read; it is left alone", "folder", string(f), "error", err)
		return nil
	}
	lock, err := f.lock()
	if err != nil || lock == nil {
		log.Info("a run of another process is left alone", "run", rec.ID)
		return nil
	}
	defer func() {
		if err := lock.Unlock(); err != nil {
			log.Warn("the run's folder could not be unlocked", "run", rec.ID, "error", err)
		}
	}()
	plan, err := rec.Scenario.Scaled(rec.Speed)
	if err != nil {
		log.Warn("this run's scenario is no longer one; its folder is left alone", "run", rec.ID, "error", err)
		return nil
	}
	r := g.newRun(*rec, plan)
	r.folder = f
	close(r.done)
	if rec.State.Ended() {
		r.builder = nil
	} else {
		r.interrupted()
	}
	if r.rec.Leftovers {
		r.takeAway(ctx)
	}
	return r
}

// interrupted judges a run whose process was killed by the facts that it left.
func (r *Run) interrupted() {
	problem := "simd was killed while the run was " + string(r.rec.State)
	path := r.folder.facts()
	if condition, err := ledger.Check(path); err == nil && condition.Torn > 0 {
		r.note("the last %d bytes of the facts file were cut off in the middle and are not counted", condition.Torn)
	}
	for f, err := range ledger.Read(path) {
		switch {
		case errors.Is(err, fs.ErrNotExist):
			r.note("the run was killed before it had recorded anything")
		case err != nil:
			r.note("the facts file can be read only in part: %v", err)
		default:
			r.builder.Add(&f)
		}
	}
	r.builder.Conclude(string(Interrupted), problem, r.notes...)
	rep := r.builder.Report()
	lasted := time.Duration(rep.Seconds / r.rec.Speed * float64(time.Second))
	r.conclude(Interrupted, problem, rep, r.rec.Started.Add(lasted)) // it ended with its facts, whenever that was
}

// takeAway removes what a killed run left on the cluster. Where that cannot be
// done now, the next start tries again.
func (r *Run) takeAway(ctx context.Context) {
	if r.config.ClusterName != r.rec.Cluster {
		r.log.Warn("what a killed run made is on another cluster; start simd with that one to have it taken away", "run", r.rec.ID, "cluster", r.rec.Cluster)
		return
	}
	cluster, err := r.config.Cluster(ctx)
	if err == nil {
		defer func() {
			if err := cluster.Close(); err != nil {
				r.log.Warn("closing the cluster", "error", err)
			}
		}()
		ctx, cancel := context.WithTimeout(ctx, takingDown)
		defer cancel()
		name := r.rec.name()
		err = cluster.Cleanup(ctx, name, name, name)
	}
	if err != nil {
		r.log.Warn("what a killed run made on the cluster is still there; the next start tries again", "run", r.rec.ID, "error", err)
		return
	}
	r.rec.Leftovers = false
	if err := r.folder.save(&r.rec); err != nil {
		r.log.Warn("saving the run", "run", r.rec.ID, "error", err)
	}
	r.log.Info("what a killed run made on the cluster was taken away", "run", r.rec.ID)
}
