// Package metrics shows the figures of runs to Prometheus. It holds none of its
// own: at every scrape it asks each run's report for its live figures and writes
// them down under the names that dashboards know. It does not know what a run is
// beyond those figures, when one starts or ends, or who scrapes.
package metrics

import (
	"maps"
	"math"
	"slices"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"kafkasim.example/simd/internal/report"
)

// Set is a collector of the runs that are attached to it. Each metric of theirs
// carries the labels run and scenario. It may be used by many goroutines.
type Set struct {
	metrics []metric
	descs   []*prometheus.Desc // of metrics
	timer   *prometheus.Desc

	mu   sync.Mutex
	runs map[string]*attached
}

// Run is a run to be shown.
type Run struct {
	ID       string
	Scenario string
	Speed    float64
	// Live is called once a scrape.
	Live func() report.Live
	// Partitions are those of the run's topic, as last seen; called once a
	// scrape. It must not wait for a broker. May be nil.
	Partitions func() []Partition
}

// Partition is one partition of a run's topic.
type Partition struct {
	ID        int32
	EndOffset int64
	Committed int64 // by the run's consumer group
	Leader    int32 // a broker's id; -1 for none
	Replicas  int
}

// attached is a run in the set.
type attached struct {
	Run
	detached sync.Once
}

// New registers an empty set. It panics when the registry has one already.
func New(reg *prometheus.Registry) *Set {
	s := &Set{metrics: table(), runs: make(map[string]*attached)}
	labels := []string{"run", "scenario"}
	for _, m := range s.metrics {
		s.descs = append(s.descs, prometheus.NewDesc(m.name, m.help, slices.Concat(labels, m.labels), nil))
	}
	s.timer = prometheus.NewDesc("kafka_producer_send_timer_seconds",
		"Time inside the application's send, its waits and retries included, in scenario time. Quantiles are of the last ten scenario seconds.",
		labels, nil)
	reg.MustRegister(s)
	return s
}

// Attach shows a run from now on; one with the same ID is shown no longer.
// When the run has ended, detach takes its last figures, lets go of
// the run itself, and removes the metrics after keep: long enough for the last
// scrapes. Later calls of detach do nothing.
func (s *Set) Attach(run Run, keep time.Duration) (detach func()) {
	a := &attached{Run: run}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.runs[run.ID] = a
	return func() { a.detached.Do(func() { s.detach(a, keep) }) }
}

// detach freezes a run's figures and removes them later.
func (s *Set) detach(a *attached, keep time.Duration) {
	live, partitions := a.read()
	s.mu.Lock()
	a.Live = func() report.Live { return live }
	a.Partitions = func() []Partition { return partitions }
	s.mu.Unlock()
	if keep <= 0 {
		s.remove(a)
		return
	}
	time.AfterFunc(keep, func() { s.remove(a) })
}

func (s *Set) remove(a *attached) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.runs[a.ID] == a {
		delete(s.runs, a.ID)
	}
}

// read asks a run for its figures.
func (r *Run) read() (report.Live, []Partition) {
	if r.Partitions == nil {
		return r.Live(), nil
	}
	return r.Live(), r.Partitions()
}

// Describe implements [prometheus.Collector].
func (s *Set) Describe(descs chan<- *prometheus.Desc) {
	for i := range s.metrics {
		descs <- s.descs[i]
	}
	descs <- s.timer
}

// Collect implements [prometheus.Collector].
func (s *Set) Collect(out chan<- prometheus.Metric) {
	s.mu.Lock()
	runs := make([]Run, 0, len(s.runs))
	for _, id := range slices.Sorted(maps.Keys(s.runs)) {
		runs = append(runs, s.runs[id].Run)
	}
	s.mu.Unlock()
	for i := range runs {
		live, partitions := runs[i].read()
		s.show(out, &sight{run: &runs[i], live: &live, partitions: partitions})
	}
}

// show writes down all that is seen of a run.
func (s *Set) show(out chan<- prometheus.Metric, seen *sight) {
	for i, m := range s.metrics {
		m.show(seen, func(value float64, labels ...string) {
			labels = append([]string{seen.run.ID, seen.run.Scenario}, labels...)
			out <- prometheus.MustNewConstMetric(s.descs[i], m.kind, value, labels...)
		})
	}
	quantiles := map[float64]float64{0.5: math.NaN(), 0.95: math.NaN()} // as of a summary that saw nothing lately
	if recent := seen.live.Recent.Send; recent.Max > 0 {
		quantiles[0.5], quantiles[0.95] = recent.P50, recent.P95
	}
	out <- prometheus.MustNewConstSummary(s.timer, uint64(seen.live.SendCount), seen.live.SendSum, quantiles,
		seen.run.ID, seen.run.Scenario)
}
