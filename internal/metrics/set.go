// Package metrics shows the figures of runs to Prometheus. It holds none of its
// own: at every scrape it asks each run's report for its live figures and writes
// them down under the names that dashboards know. It does not know what a run is
// beyond those figures, when one starts or ends, or who scrapes.
package metrics

import (
	"maps"
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
	// Producer and Ledger are called once a scrape. What a run does not have, or
	// has not yet (nil, or a nil result), is not shown.
	Producer func() *Producer
	Ledger   func() *Ledger
}

// Partition is one partition of a run's topic.
type Partition struct {
	ID        int32
	EndOffset int64
	Committed int64 // by the run's consumer group
	Leader    int32 // a broker's id; -1 for none
	Replicas  int
}

// Producer is what a run's producer counts beside what its samples tell. Sums
// are from its start.
type Producer struct {
	Batches, Records int64         // sent; each try counts
	Requests         int64         // answered
	RequestTime      time.Duration // sum over the answered requests, by the run's clock
	InFlight         int64         // requests
}

// Ledger is how well a run's facts reach its file.
type Ledger struct {
	Pending int64 // facts recorded that are not in the file yet
	Bytes   int64 // of the file
}

// attached is a run in the set.
type attached struct {
	Run
	detached sync.Once
}

// New registers an empty set. It panics when the registry has one already.
func New(reg *prometheus.Registry) *Set {
	s := &Set{metrics: table(), runs: make(map[string]*attached)}
	for _, m := range s.metrics {
		s.descs = append(s.descs, prometheus.NewDesc(m.name, m.help, slices.Concat([]string{"run", "scenario"}, m.labels), nil))
	}
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
	last := a.look()
	s.mu.Lock()
	a.Live = func() report.Live { return last.live }
	a.Partitions = func() []Partition { return last.partitions }
	a.Producer = func() *Producer { return last.producer }
	a.Ledger = func() *Ledger { return last.ledger }
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

// look asks a run for its figures.
func (r *Run) look() *sight {
	seen := &sight{run: *r, live: r.Live()}
	if r.Partitions != nil {
		seen.partitions = r.Partitions()
	}
	if r.Producer != nil {
		seen.producer = r.Producer()
	}
	if r.Ledger != nil {
		seen.ledger = r.Ledger()
	}
	return seen
}

// Describe implements [prometheus.Collector].
func (s *Set) Describe(descs chan<- *prometheus.Desc) {
	for _, desc := range s.descs {
		descs <- desc
	}
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
		seen := runs[i].look()
		for j := range s.metrics {
			s.metrics[j].show(seen, page{desc: s.descs[j], run: &runs[i], out: out})
		}
	}
}
