package run

import (
	"context"
	"log/slog"
	"testing"

	"kafkasim.example/simd/internal/broker"
	"kafkasim.example/simd/internal/report"
	"kafkasim.example/simd/internal/scenario"
)

// embedded opens a registry whose runs play on clusters in memory.
func embedded(t *testing.T, dir string, change ...func(*Config)) *Registry {
	t.Helper()
	config := Config{
		DataDir:     dir,
		MaxRuns:     4,
		ClusterName: "embedded",
		Logger:      slog.New(slog.DiscardHandler),
		Cluster: func(ctx context.Context) (*broker.Cluster, error) {
			return broker.Embed(ctx, broker.EmbedConfig{})
		},
	}
	for _, c := range change {
		c(&config)
	}
	g, err := Open(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { closeNow(t, g) })
	return g
}

// closeNow ends a registry and whatever still runs in it.
func closeNow(t *testing.T, g *Registry) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := g.Close(ctx); err != nil {
		t.Error(err)
	}
}

func preset(t *testing.T, name string, set ...string) *scenario.Scenario {
	t.Helper()
	s, err := scenario.Preset(name)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(set); i += 2 {
		if err := s.Set(set[i], set[i+1]); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

func parse(t *testing.T, yaml string) *scenario.Scenario {
	t.Helper()
	s, err := scenario.Parse([]byte(yaml))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func start(t *testing.T, g *Registry, req Request) *Run {
	t.Helper()
	r, fresh, err := g.Start(req, "")
	if err != nil {
		t.Fatal(err)
	}
	if !fresh {
		t.Fatal("a run without an idempotency key is not fresh")
	}
	return r
}

// finish waits for the run's end and returns its report, whose sums must agree.
func finish(t *testing.T, r *Run) *report.Report {
	t.Helper()
	<-r.Done()
	rep, err := r.Report()
	if err != nil {
		t.Fatal(err)
	}
	balanced(t, rep)
	return rep
}

// balanced checks what must hold of every report, whatever happened.
func balanced(t *testing.T, rep *report.Report) {
	t.Helper()
	m := rep.Matrix
	cells := rep.Dropped
	copies := int64(0)
	for _, row := range []report.Copies{m.Confirmed, m.Failed, m.Unknown} {
		cells += row.None + row.One + row.More
		copies += row.One + row.More
	}
	if cells != rep.Scheduled {
		t.Errorf("the matrix and the dropped hold %d messages, and %d were scheduled", cells, rep.Scheduled)
	}
	if got := rep.Confirmed + rep.Failed + rep.Unknown + rep.Dropped; got != rep.Scheduled {
		t.Errorf("confirmed + failed + unknown + dropped = %d, and %d were scheduled", got, rep.Scheduled)
	}
	if got := rep.Scheduled - copies; got != rep.Lost {
		t.Errorf("lost = %d, but %d messages have no copy", rep.Lost, got)
	}
	if got := rep.Written - copies; got != rep.ExtraCopies {
		t.Errorf("extra_copies = %d, but %d copies are beyond a first one", rep.ExtraCopies, got)
	}
}
