package metrics

import (
	"maps"
	"slices"
	"strconv"

	"kafkasim.example/simd/internal/report"
)

// sight is all that can be seen of a run at one scrape.
type sight struct {
	run        Run
	live       report.Live
	partitions []Partition
	producer   *Producer // nil: not there
	ledger     *Ledger   // nil: not there
}

// metric is one name on the page, and how its values are shown. The labels run
// and scenario go before its own.
type metric struct {
	name, help string
	kind       kind
	labels     []string
	show       func(s *sight, p page)
}

func counter(name, help string, value func(*report.Live) float64) metric {
	return metric{name: name, help: help, kind: isCounter, show: one(isCounter, value)}
}

func gauge(name, help string, value func(*report.Live) float64) metric {
	return metric{name: name, help: help, kind: isGauge, show: one(isGauge, value)}
}

// one shows a metric that has a single value.
func one(k kind, value func(*report.Live) float64) func(*sight, page) {
	return func(s *sight, p page) { p.value(k, value(&s.live)) }
}

// by is a metric that has a value for each of some names. They come from the
// project's own lists and Kafka's error names, so they are few.
func by(label, name, help string, k kind, counts func(*report.Live) map[string]int64) metric {
	return metric{
		name: name, help: help, kind: k, labels: []string{label},
		show: func(s *sight, p page) {
			all := counts(&s.live)
			for _, name := range slices.Sorted(maps.Keys(all)) {
				p.value(k, float64(all[name]), name)
			}
		},
	}
}

// byPartition is a gauge of the topic.
func byPartition(name, help string, value func(Partition) float64) metric {
	return metric{
		name: name, help: help, kind: isGauge, labels: []string{"partition"},
		show: func(s *sight, p page) {
			for _, partition := range s.partitions {
				p.value(isGauge, value(partition), strconv.Itoa(int(partition.ID)))
			}
		},
	}
}

// ofProducer is a metric that only a run with a producer has.
func ofProducer(name, help string, k kind, value func(*Producer) float64) metric {
	return metric{name: name, help: help, kind: k, show: func(s *sight, p page) {
		if s.producer != nil {
			p.value(k, value(s.producer))
		}
	}}
}

// ofLedger is a gauge that only a run with a ledger has.
func ofLedger(name, help string, value func(*Ledger) float64) metric {
	return metric{name: name, help: help, kind: isGauge, show: func(s *sight, p page) {
		if s.ledger != nil {
			p.value(isGauge, value(s.ledger))
		}
	}}
}

// clock is a histogram of scenario time.
func clock(name, help string, of func(*report.Clocks) *report.Histogram) metric {
	return metric{name: name, help: help, kind: isHistogram, show: func(s *sight, p page) {
		p.histogram(of(&s.live.Clocks))
	}}
}

// section is some metrics that belong together.
type section struct {
	title   string
	metrics []metric
}

// sections are all there is, in the order in which people read of it.
func sections() []section {
	return []section{
		{"The published experiments' names", experiments()},
		{"The Kafka client, under the names of franz-go's kprom", client()},
		{"The run", runs()},
		{"Messages: what was told, and what the log holds", messages()},
		{"The application and its producer", gauges()},
		{"Clocks", clocks()},
		{"simd's own health", health()},
	}
}

// table lists every metric.
func table() []metric {
	var all []metric
	for _, s := range sections() {
		all = append(all, s.metrics...)
	}
	return all
}

func sum(counts map[string]int64) int64 {
	var n int64
	for _, v := range counts {
		n += v
	}
	return n
}

func oneIf(on bool) float64 {
	if on {
		return 1
	}
	return 0
}
