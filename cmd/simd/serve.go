package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/spf13/cobra"

	"kafkasim.example/simd/internal/api"
	"kafkasim.example/simd/internal/metrics"
	runs "kafkasim.example/simd/internal/run"
)

const (
	// keepMetrics is how long a run's metrics stay after its end: long enough for
	// the last scrape to see how it ended.
	keepMetrics = 10 * time.Minute
	// lastAnswers is how long requests may take once no run is under way.
	lastAnswers = 2 * time.Second
)

func (a *app) serveCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "serve",
		Short: "Serve the page and the HTTP API: start, watch and stop runs, read their reports",
		Long: `Serves a page that starts runs and shows them live, and the HTTP API behind it, until SIGTERM or Ctrl-C;
runs under way then get SIMD_GRACE to end gracefully, and their reports stand. All settings are environment variables; README.md has them all. The first to know:

  SIMD_LISTEN    where to listen (127.0.0.1:8080); any other machine's reach wants SIMD_TOKEN
  SIMD_BROKERS   play on these brokers, not on the embedded cluster
  SIMD_DATA_DIR  where the runs' facts and reports are kept (./simd-data)`,
		Example: `  simd serve                                   and open http://localhost:8080
  curl -i localhost:8080/runs --json '{"scenario": "case-2", "speed": 20}'
  curl -N localhost:8080/runs/ID/events        what happens, as it happens
  curl localhost:8080/runs/ID/report?format=text

  SIMD_LISTEN=:8080 SIMD_TOKEN=$(openssl rand -hex 16) SIMD_BROKERS=kafka-1:9092,kafka-2:9092 simd serve`,
		Args: takes(0, 0, "no argument"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, err := readSettings(a.environment)
			if err != nil {
				return err
			}
			limitMemory(a.environment)
			return serve(cmd.Context(), s, s.logger(a.stderr, s.LogLevel))
		},
	}
}

// serve is the daemon, from its first line to its last.
func serve(ctx context.Context, s settings, log *slog.Logger) error {
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	defer signal.Stop(signals)

	cluster, err := s.cluster(log)
	if err != nil {
		return err
	}
	server, err := api.Listen(ctx, s.Listen, log)
	if err != nil {
		return err
	}
	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	all, err := runs.Open(ctx, runs.Config{
		DataDir: s.DataDir, MaxRuns: s.MaxRuns, KeepRuns: s.KeepRuns,
		Cluster: cluster, ClusterName: s.clusterName(), Logger: log,
		Metrics: metrics.New(registry), KeepMetrics: keepMetrics,
	})
	if err != nil {
		return errors.Join(err, server.Close())
	}
	closing := make(chan struct{})
	door := api.New(api.Config{
		Closing: closing,
		Runs:    api.Of(all), Metrics: promhttp.HandlerFor(registry, promhttp.HandlerOpts{}), Version: version(),
		Token: s.Token, Listen: s.Listen, Hosts: s.Hosts, Logger: log,
	})
	served := make(chan error, 1)
	go func() { served <- server.Serve(door) }()
	log.Info("simd serves", "url", fmt.Sprintf("http://%s", server.Addr()), "version", version(), "data", s.DataDir, "brokers", s.clusterName())

	select {
	case <-ctx.Done():
	case got := <-signals:
		log.Info("stopping the runs under way", "signal", got.String(), "grace", s.Grace)
	case err = <-served:
		log.Error("the server gave up", "error", err)
	}

	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.Grace)
	defer cancel()
	hurried := make(chan struct{})
	defer close(hurried)
	go func() { // a second signal ends the grace
		select {
		case <-signals:
			cancel()
		case <-hurried:
		}
	}()
	err = errors.Join(err, all.Close(grace))
	close(closing) // no run is left to follow
	last, done := context.WithTimeout(context.WithoutCancel(ctx), lastAnswers)
	defer done()
	err = errors.Join(err, server.Shutdown(last))
	log.Info("simd has stopped")
	return err
}
