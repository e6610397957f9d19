package dashboards

import (
	"context"
	"log/slog"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"kafkasim.example/simd/internal/broker"
	"kafkasim.example/simd/internal/metrics"
	"kafkasim.example/simd/internal/report"
	"kafkasim.example/simd/internal/run"
	"kafkasim.example/simd/internal/scenario"
)

// overload is a minute and a half in which everything that panels show happens:
// a quota of 30 messages a second and a load of 60, a buffer for 20 where 50
// workers want to send, an application that retries what is only late, a fault.
const overload = `
name: overload
topic: {partitions: 3, replication: 3}
message: {bytes: 10240}
load:
  first: 20s
  bursts: 1s
  phases:
    - {name: steady, for: 20s, rate: 10}
    - {name: flood, for: 40s, rate: 60}
    - {name: calm, for: 10s, rate: 5}
publisher: {send: blocking, workers: 50, wait: 1s, contention: 1, retry: {attempts: 2, backoff: 500ms, on: [timeout]}}
producer: {acks: "1", buffer.memory: 204800, max.block.ms: 1000, delivery.timeout.ms: 20000, request.timeout.ms: 8000, linger.ms: 0, max.in.flight.requests.per.connection: 1, retries: 0}
quotas: {producer_byte_rate: 102400}
faults: [{kind: slow, at: 65s, for: 20s, latency: 100ms}]
`

const quiet = `
name: quiet
topic: {partitions: 3, replication: 3}
load: {first: 20s, phases: [{for: 60s, rate: 5}]}
`

const speed = 10

// played is a run that Prometheus has seen from before its beginning to after its end.
type played struct {
	id, scenario string
	report       *report.Report
	last         report.Live // when it had ended
	facts        int64       // bytes of its file
}

// play shows simd to scrapers and plays the scenarios at once; ready is called
// before they begin, with the address at which it is scraped.
func play(t *testing.T, ready func(address string), texts ...string) []played {
	t.Helper()
	reg := prometheus.NewRegistry()
	reg.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	page := httptest.NewServer(promhttp.HandlerFor(reg, promhttp.HandlerOpts{}))
	t.Cleanup(page.Close)
	registry, err := run.Open(t.Context(), run.Config{
		DataDir: t.TempDir(), MaxRuns: len(texts), ClusterName: "embedded", Logger: slog.New(slog.DiscardHandler),
		Metrics: metrics.New(reg), KeepMetrics: time.Minute,
		Cluster: func(ctx context.Context) (*broker.Cluster, error) { return broker.Embed(ctx, broker.EmbedConfig{}) },
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := registry.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	ready(strings.TrimPrefix(page.URL, "http://"))

	var runs []*run.Run
	for _, text := range texts {
		s, err := scenario.Parse([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		r, _, err := registry.Start(run.Request{Scenario: s, Speed: speed}, "")
		if err != nil {
			t.Fatal(err)
		}
		runs = append(runs, r)
	}
	var all []played
	for _, r := range runs {
		<-r.Done()
		rep, err := r.Report()
		if err != nil {
			t.Fatal(err)
		}
		t.Log(rep.Story)
		all = append(all, played{id: r.ID(), scenario: rep.Scenario, report: rep, last: r.Live(), facts: size(r)})
	}
	return all
}

// size is that of a run's file of facts, which is not there from the start.
func size(r *run.Run) int64 {
	file, err := os.Stat(r.FactsPath())
	if err != nil {
		return 0
	}
	return file.Size()
}
