package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"kafkasim.example/simd/internal/report"
	runs "kafkasim.example/simd/internal/run"
)

// play is one `simd run`.
type play struct {
	*app
	scenario         string
	speed            float64
	seed             uint64
	overrides        []string
	brokers          []string
	dataDir          string
	jsonTo, htmlTo   string
	verbose, noGauge bool
}

func (a *app) runCommand() *cobra.Command {
	p := &play{app: a}
	cmd := &cobra.Command{
		Use:   "run NAME|FILE",
		Short: "Play a scenario here and now, and print the verdict",
		Long: `Plays a preset, or the scenario in a file (- is the standard input), and prints the report on the
standard output; progress goes to the standard error. Without --brokers and SIMD_BROKERS it plays on an
embedded Kafka. Ctrl-C stops the run gracefully, a second one abruptly; the report of what was played
stands. The facts of every message are kept in SIMD_DATA_DIR (./simd-data).

Exit status: 0 what the scenario expects was seen, 99 it was not, 1 it could not be played, 130 stopped by
Ctrl-C.`,
		Example: `  simd run case-2 --speed 20
  simd run case-2 --speed 20 --set producer.buffer.memory=4MiB --html report.html
  simd run mine.yaml --seed 7 --json -
  simd run case-3 --brokers kafka-1:9092,kafka-2:9092,kafka-3:9092`,
		Args:              takes(1, 1, "one preset or file"),
		ValidArgsFunction: presetNamesOrFiles,
		RunE: func(cmd *cobra.Command, args []string) error {
			p.scenario = args[0]
			return p.run(cmd.Context())
		},
	}
	flags := cmd.Flags()
	flags.Float64Var(&p.speed, "speed", 1, "how many `TIMES` faster than real time")
	flags.Uint64Var(&p.seed, "seed", 1, "of everything that is drawn by lot, a whole `NUMBER` from 1")
	flags.StringArrayVar(&p.overrides, "set", nil, setUsage)
	flags.StringSliceVar(&p.brokers, "brokers", nil, "play on these brokers, `HOST:PORT,...`, in place of SIMD_BROKERS")
	flags.StringVar(&p.jsonTo, "json", "", "write the report as JSON to this `FILE`; - prints it in place of the text")
	flags.StringVar(&p.htmlTo, "html", "", "write the report as HTML to this `FILE`")
	flags.StringVar(&p.dataDir, "data", "", "keep the facts in this `DIR`, in place of SIMD_DATA_DIR")
	flags.BoolVarP(&p.noGauge, "quiet", "q", false, "no progress")
	flags.BoolVarP(&p.verbose, "verbose", "v", false, "log what happens inside, too")
	return cmd
}

func presetNamesOrFiles(cmd *cobra.Command, args []string, toComplete string) ([]cobra.Completion, cobra.ShellCompDirective) {
	names, _ := presetNames(cmd, args, toComplete)
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return names, cobra.ShellCompDirectiveDefault
}

// run plays the scenario, from reading it to the verdict.
func (p *play) run(ctx context.Context) error {
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	defer signal.Stop(signals)

	s, log, err := p.settings()
	if err != nil {
		return err
	}
	limitMemory(p.environment)
	plan, err := p.plan(p.scenario)
	if err != nil {
		return err
	}
	if err := override(plan, p.overrides); err != nil {
		return err
	}
	for _, path := range []string{p.jsonTo, p.htmlTo} {
		if err := writable(path); err != nil { // now, not after twenty minutes
			return err
		}
	}
	cluster, err := s.cluster(log)
	if err != nil {
		return err
	}
	registry, err := runs.Open(ctx, runs.Config{
		DataDir: s.DataDir, MaxRuns: 1, KeepRuns: s.KeepRuns,
		Cluster: cluster, ClusterName: s.clusterName(), Logger: log,
	})
	if err != nil {
		return err
	}
	r, _, err := registry.Start(runs.Request{Scenario: plan, Speed: p.speed, Seed: p.seed}, "")
	if err != nil {
		return closing(registry, s.Grace, err)
	}
	stopped := p.watch(ctx, r, signals)
	verdict, err := r.Report()
	if err = closing(registry, s.Grace, err); err != nil {
		return err
	}
	status := r.Status()
	if status.State == runs.Failed && verdict.Scheduled == 0 {
		return errors.New(status.Error) // it never began: a report would be all zeros
	}
	if err := p.write(verdict); err != nil {
		return err
	}
	return outcome(status, verdict, stopped)
}

// closing closes the registry and returns what went wrong first.
func closing(registry *runs.Registry, grace time.Duration, err error) error {
	ctx, cancel := context.WithTimeout(context.Background(), grace)
	defer cancel()
	if failed := registry.Close(ctx); err == nil {
		err = failed
	}
	return err
}

func (p *play) settings() (settings, *slog.Logger, error) {
	environment := p.environment
	s, err := readSettings(environment)
	if err != nil {
		return s, nil, err
	}
	if len(p.brokers) > 0 {
		s.Brokers = p.brokers
	}
	if p.dataDir != "" {
		s.DataDir = p.dataDir
	}
	if p.speed <= 0 {
		return s, nil, usageError{fmt.Errorf("--speed is %v; want a number above 0, such as 20", p.speed)}
	}
	if p.seed == 0 {
		return s, nil, usageError{errors.New("--seed is 0; want a whole number from 1")}
	}
	level := slog.LevelWarn
	if p.verbose {
		level = min(s.LogLevel, slog.LevelInfo)
	}
	return s, s.logger(p.stderr, level), nil
}

// watch shows the run's progress until it has ended, and passes on the wish to
// stop it. It returns the signal that stopped it, if any.
func (p *play) watch(ctx context.Context, r *runs.Run, signals <-chan os.Signal) (stopped os.Signal) {
	show := p.gauge(r)
	defer show.end()
	statuses, cancel := r.Watch()
	defer cancel()
	ended := ctx.Done()
	for {
		select {
		case status, ok := <-statuses:
			if !ok {
				statuses = nil
				continue
			}
			show.status(status)
		case <-ended:
			ended = nil
			_ = r.Stop(runs.Graceful) // it may have ended by itself this moment
		case got := <-signals:
			if stopped == nil {
				stopped = got
				show.say("stopping; once more throws away what the producer still holds")
				_ = r.Stop(runs.Graceful)
			} else {
				show.say("stopping at once")
				_ = r.Stop(runs.Abrupt)
			}
		case <-r.Done():
			show.status(r.Status())
			return stopped
		}
	}
}

// gauge is the progress to show.
func (p *play) gauge(r *runs.Run) progress {
	if p.noGauge {
		return silent{}
	}
	return newProgress(p.stderr, r.Status().Scenario)
}

// writable says now whether a report can be written there later.
func writable(path string) error {
	if path == "" || path == "-" {
		return nil
	}
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE, 0o644)
	if err != nil {
		return err
	}
	return file.Close()
}

func (p *play) write(verdict *report.Report) error {
	asJSON := func(w io.Writer) error {
		enc := json.NewEncoder(w)
		enc.SetIndent("", "  ")
		return enc.Encode(verdict)
	}
	if p.jsonTo == "-" {
		if err := asJSON(p.stdout); err != nil {
			return err
		}
	} else if err := verdict.WriteText(p.stdout, p.colour()); err != nil {
		return err
	}
	if p.jsonTo != "" && p.jsonTo != "-" {
		if err := toFile(p.jsonTo, asJSON); err != nil {
			return err
		}
	}
	if p.htmlTo != "" {
		return toFile(p.htmlTo, verdict.WriteHTML)
	}
	return nil
}

// colour says whether the report may be coloured: see https://no-color.org.
func (a *app) colour() bool {
	return terminal(a.stdout) && a.environment["NO_COLOR"] == "" && a.environment["TERM"] != "dumb"
}

func toFile(path string, write func(io.Writer) error) error {
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	if err := write(file); err != nil {
		_ = file.Close()
		return fmt.Errorf("writing %s: %w", path, err)
	}
	return file.Close()
}

// outcome is what to exit with.
func outcome(status runs.Status, verdict *report.Report, stopped os.Signal) error {
	if number, ok := stopped.(syscall.Signal); ok {
		return exit(128 + int(number))
	}
	if status.State == runs.Failed {
		return errors.New(status.Error)
	}
	if verdict.Ok != nil && !*verdict.Ok {
		return exit(exitNotHeld)
	}
	return nil
}
