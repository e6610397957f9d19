package run

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"kafkasim.example/simd/internal/broker"
	"kafkasim.example/simd/internal/ledger"
	"kafkasim.example/simd/internal/report"
)

// overloaded offers 20 messages a second, of which the brokers let 3 through.
const overloaded = `
name: overloaded
message: {bytes: 102400}
load: {phases: [{name: flood, for: 60s, rate: 20}]}
publisher: {workers: 50, wait: 15s}
producer: {acks: "1", buffer.memory: 2097152, max.block.ms: 5000, delivery.timeout.ms: 30000, request.timeout.ms: 8000,
           max.in.flight.requests.per.connection: 1, retries: 0, linger.ms: 0}
quotas: {producer_byte_rate: 104857}
`

func TestEveryMessageOfAQuietRunIsDelivered(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		g := embedded(t, dir)
		r := start(t, g, Request{Scenario: preset(t, "hello")})
		rep := finish(t, r)
		if rep.State != "completed" || rep.Cells.Delivered != rep.Planned || rep.Consumed != rep.Planned || len(rep.Notes) > 0 {
			t.Errorf("state %s, %d of %d delivered, %d consumed, notes %v", rep.State, rep.Cells.Delivered, rep.Planned, rep.Consumed, rep.Notes)
		}
		if rep.Ok == nil || !*rep.Ok {
			t.Errorf("the expectations did not hold: %+v", rep.Expectations)
		}
		if s := r.Status(); s.Progress != 1 || s.Figures.Scheduled != rep.Scheduled || s.Ended.IsZero() {
			t.Errorf("the status of the ended run is %+v", s)
		}
	})
}

func TestSavedFactsAreJudgedAsTheRunWas(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		r := start(t, embedded(t, dir), Request{Scenario: parse(t, overloaded), Seed: 3})
		rep := finish(t, r)
		again := report.NewBuilder(report.Meta{ID: r.ID(), Cluster: "embedded", Seed: 3, Speed: 1, Scenario: r.Request().Scenario})
		for f, err := range ledger.Read(r.FactsPath()) {
			if err != nil {
				t.Fatal(err)
			}
			again.Add(&f)
		}
		again.Conclude(rep.State, "")
		if second := again.Report(); !reflect.DeepEqual(second.Figures, rep.Figures) || !reflect.DeepEqual(second.Latency, rep.Latency) || second.Story != rep.Story {
			t.Errorf("judged again:\n%+v\n%s\nat first:\n%+v\n%s", second.Figures, second.Story, rep.Figures, rep.Story)
		}
	})
}

func TestStop(t *testing.T) {
	for _, c := range []struct {
		mode StopMode
		// what becomes of the messages that are in hand and queued then
		unknown, dropped string
		lostOnTheWay     bool
	}{
		{mode: Graceful, dropped: "application_stopped"},
		{mode: Abrupt, unknown: "application_killed", dropped: "application_killed", lostOnTheWay: true},
	} {
		t.Run(string(c.mode), func(t *testing.T) {
			dir := t.TempDir()
			synctest.Test(t, func(t *testing.T) {
				r := start(t, embedded(t, dir), Request{Scenario: parse(t, overloaded)})
				time.Sleep(30 * time.Second)
				if err := r.Stop(c.mode); err != nil {
					t.Fatal(err)
				}
				rep := finish(t, r)
				if rep.State != "stopped" || rep.Ok != nil {
					t.Errorf("the run ended %s, ok %v; want stopped, and no verdict", rep.State, rep.Ok)
				}
				if rep.Scheduled < 590 || rep.Scheduled > 610 {
					t.Errorf("%d messages were scheduled in 30 s at 20 a second", rep.Scheduled)
				}
				if rep.Dropped == 0 || rep.Causes[c.dropped] < rep.Dropped {
					t.Errorf("%d dropped; lost because of %v", rep.Dropped, rep.Causes)
				}
				if killed := rep.Unknown > 0 && rep.Attempts[c.unknown] > 0; killed != c.lostOnTheWay {
					t.Errorf("told nothing: %d; attempts ended by %v", rep.Unknown, rep.Attempts)
				}
				if !c.lostOnTheWay && rep.Cells.LostInSilence > 0 {
					t.Errorf("%d messages that the producer had accepted were lost by a graceful stop", rep.Cells.LostInSilence)
				}
				if err := r.Stop(c.mode); !errors.Is(err, ErrEnded) {
					t.Errorf("stopping it again: %v", err)
				}
			})
		})
	}
}

func TestAnAbruptStopOvertakesAGracefulOne(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		s := parse(t, overloaded)
		if err := s.Set("faults", "[{kind: outage, at: 10s, for: 300s}]"); err != nil {
			t.Fatal(err)
		}
		r := start(t, embedded(t, dir), Request{Scenario: s})
		time.Sleep(20 * time.Second)
		asked := time.Now()
		if err := errors.Join(r.Stop(Graceful), r.Stop(Abrupt)); err != nil {
			t.Fatal(err)
		}
		if rep := finish(t, r); rep.State != "stopped" {
			t.Errorf("the run ended %s: %v", rep.State, rep.Notes)
		}
		if took := time.Since(asked); took > 15*time.Second {
			t.Errorf("it took %v", took)
		}
	})
}

func TestStates(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		r := start(t, embedded(t, dir), Request{Scenario: preset(t, "hello")})
		statuses, cancel := r.Watch()
		defer cancel()
		var states []State
		for s := range statuses {
			if len(states) == 0 || states[len(states)-1] != s.State {
				states = append(states, s.State)
			}
		}
		if last := states[len(states)-1]; last != Completed || !slices.Contains(states, Running) {
			t.Errorf("the states seen are %v", states)
		}
		var recorded []string
		for f := range ledger.Read(r.FactsPath()) {
			if f.Kind == ledger.StateChanged {
				recorded = append(recorded, f.Note)
			}
		}
		if want := []string{"running", "draining", "reconciling"}; !slices.Equal(recorded, want) {
			t.Errorf("the states recorded are %v, want %v", recorded, want)
		}
	})
}

func TestWhoMayStart(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		g := embedded(t, dir, func(c *Config) { c.MaxRuns = 1 })
		hello := Request{Scenario: preset(t, "hello")}
		first, fresh, err := g.Start(hello, "key-1")
		if err != nil || !fresh {
			t.Fatal(fresh, err)
		}
		if same, fresh, err := g.Start(hello, "key-1"); err != nil || fresh || same != first {
			t.Errorf("the same request again: %v, fresh %v, %v", same, fresh, err)
		}
		var reused *KeyReusedError
		if _, _, err := g.Start(Request{Scenario: hello.Scenario, Speed: 2}, "key-1"); !errors.As(err, &reused) {
			t.Errorf("another request with the same key: %v", err)
		}
		var busy *BusyError
		if _, _, err := g.Start(hello, ""); !errors.As(err, &busy) || !slices.Equal(busy.Running, []string{first.ID()}) {
			t.Errorf("a second run: %v", err)
		}
		<-first.Done()
		if _, _, err := g.Start(hello, ""); err != nil {
			t.Errorf("a run after the first: %v", err)
		}
		closeNow(t, g)
		if _, _, err := g.Start(hello, ""); !errors.Is(err, ErrClosing) {
			t.Errorf("a run after Close: %v", err)
		}
	})
}

// crash copies a data directory as it lies on the disk while its runs go on:
// what a process would leave behind if it were killed now.
func crash(t *testing.T, dir string) string {
	t.Helper()
	dead := t.TempDir()
	if err := os.CopyFS(dead, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	return dead
}

func TestWhatAKilledProcessLeaves(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		g := embedded(t, dir)
		r := start(t, g, Request{Scenario: parse(t, overloaded)})
		time.Sleep(30 * time.Second)
		dead := crash(t, dir)
		// A torn tail: the block that was being written.
		facts := filepath.Join(dead, "runs", r.ID(), "facts.simd")
		info, err := os.Stat(facts)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Truncate(facts, info.Size()-7); err != nil {
			t.Fatal(err)
		}

		back, err := embedded(t, dead).Get(r.ID())
		if err != nil {
			t.Fatal(err)
		}
		rep := finish(t, back)
		if rep.State != "interrupted" || rep.Ok != nil {
			t.Errorf("the run is %s, ok %v; want interrupted, and no verdict", rep.State, rep.Ok)
		}
		if rep.Seconds < 29 || rep.Seconds > 30 {
			t.Errorf("the facts end at t = %v s; it was killed at 30 s", rep.Seconds)
		}
		if rep.Scheduled < 580 || rep.Written == 0 || rep.Causes["application_killed"] == 0 {
			t.Errorf("%d scheduled, %d written, lost because of %v", rep.Scheduled, rep.Written, rep.Causes)
		}
		if !strings.Contains(strings.Join(rep.Notes, "\n"), "cut off") {
			t.Errorf("the notes do not tell of the torn tail: %v", rep.Notes)
		}
		if s := back.Status(); s.State != Interrupted || !strings.Contains(s.Error, "killed") || s.ElapsedSeconds > 30 {
			t.Errorf("its status is %s after %v s: %s", s.State, s.ElapsedSeconds, s.Error)
		}
		// Once more: an interrupted run stays what it is.
		if again, err := embedded(t, dead).Get(r.ID()); err != nil || again.Status().State != Interrupted {
			t.Errorf("at the next start: %v", err)
		}
	})
}

func TestARunOfAnotherLivingProcessIsLeftAlone(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		r := start(t, embedded(t, dir), Request{Scenario: preset(t, "hello")})
		if _, err := embedded(t, dir).Get(r.ID()); !errors.Is(err, ErrNotFound) {
			t.Errorf("a second registry on the same folder has it: %v", err)
		}
		if rep := finish(t, r); rep.State != "completed" {
			t.Errorf("the run ended %s", rep.State)
		}
	})
}

// fullDisk takes so many bytes and no more.
type fullDisk struct {
	*os.File
	left int
}

func (d *fullDisk) Write(p []byte) (int, error) {
	n := min(len(p), d.left)
	d.left -= n
	written, err := d.File.Write(p[:n])
	if err == nil && n < len(p) {
		err = &os.PathError{Op: "write", Path: d.Name(), Err: errors.New("no space left on device")}
	}
	return written, err
}

func TestAFullDiskEndsTheRunWithASentence(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		g := embedded(t, dir, func(c *Config) {
			c.OpenFacts = func(path string) (ledger.File, error) {
				f, err := os.Create(path)
				return &fullDisk{f, 4096}, err
			}
		})
		r := start(t, g, Request{Scenario: parse(t, overloaded)})
		rep := finish(t, r)
		if rep.State != "failed" || rep.Scheduled == 0 || rep.Seconds > 59 {
			t.Errorf("the run ended %s after %v s with %d scheduled", rep.State, rep.Seconds, rep.Scheduled)
		}
		if s := r.Status(); !strings.Contains(s.Error, "no space left on device") || !strings.Contains(s.Error, "facts.simd") {
			t.Errorf("its error is %q", s.Error)
		}
	})
}

func TestAClusterThatCannotBeReachedFailsTheRun(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		g := embedded(t, dir, func(c *Config) {
			c.Cluster = func(context.Context) (*broker.Cluster, error) {
				return nil, errors.New("none of localhost:1 answered")
			}
		})
		r := start(t, g, Request{Scenario: preset(t, "hello")})
		if rep := finish(t, r); rep.State != "failed" || rep.Scheduled != 0 {
			t.Errorf("the run ended %s with %d scheduled", rep.State, rep.Scheduled)
		}
		if s := r.Status(); s.Error != "none of localhost:1 answered" {
			t.Errorf("its error is %q", s.Error)
		}
	})
}

func TestOldRunsAreForgotten(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		g := embedded(t, dir, func(c *Config) { c.KeepRuns = 2 })
		for range 4 {
			finish(t, start(t, g, Request{Scenario: preset(t, "hello"), Speed: 10}))
		}
		if n := len(g.List()); n != 3 { // two that had ended when the fourth began, and that one
			t.Errorf("%d runs are kept", n)
		}
		if entries, err := os.ReadDir(filepath.Join(dir, "runs")); err != nil || len(entries) != 3 {
			t.Errorf("%d folders are kept (%v)", len(entries), err)
		}
	})
}

func TestCloseIsPatientUntilItIsNot(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		g := embedded(t, dir)
		s := parse(t, overloaded)
		if err := s.Set("faults", "[{kind: outage, at: 10s, for: 300s}]"); err != nil {
			t.Fatal(err)
		}
		r := start(t, g, Request{Scenario: s})
		time.Sleep(15 * time.Second)
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		var early atomic.Bool
		go func() { <-r.Done(); early.Store(ctx.Err() == nil) }()
		if err := g.Close(ctx); err != nil {
			t.Fatal(err)
		}
		if early.Load() {
			t.Error("the run ended before its grace was over, with records still in the buffer")
		}
		if rep := finish(t, r); rep.State != "stopped" {
			t.Errorf("the run ended %s", rep.State)
		}
	})
}
