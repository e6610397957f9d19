package run

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"kafkasim.example/simd/internal/broker"
	"kafkasim.example/simd/internal/report"
	"kafkasim.example/simd/internal/scenario"
)

func open(t *testing.T, dir string) *Registry {
	t.Helper()
	g, err := Open(t.Context(), Config{
		DataDir: dir, MaxRuns: 4, ClusterName: "embedded", Logger: slog.New(slog.DiscardHandler),
		Cluster: func(ctx context.Context) (*broker.Cluster, error) { return broker.Embed(ctx, broker.EmbedConfig{}) },
	})
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func TestTry(t *testing.T) {
	for _, name := range []string{"case-1", "case-2", "case-3", "case-3-restart", "case-4", "case-4-as-run"} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			began := time.Now()
			var rep *report.Report
			synctest.Test(t, func(t *testing.T) {
				g := open(t, dir)
				s, err := scenario.Preset(name)
				if err != nil {
					t.Fatal(err)
				}
				r, _, err := g.Start(Request{Scenario: s}, "")
				if err != nil {
					t.Fatal(err)
				}
				<-r.Done()
				rep, err = r.Report()
				if err != nil {
					t.Fatal(err)
				}
				g.Close(context.Background())
			})
			fmt.Println("wall", time.Since(began), rep.State, rep.Notes)
			show(rep)
			if rep.Ok == nil || !*rep.Ok {
				t.Error("expectations")
			}
		})
	}
}

func show(rep *report.Report) {
	rep.Timeline = nil
	rep.Settings = ""
	for i := range rep.Phases {
		rep.Phases[i].Attempts = nil
	}
	b, _ := json.MarshalIndent(rep, "", " ")
	fmt.Println(string(b))
}
