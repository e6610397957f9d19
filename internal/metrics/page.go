package metrics

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"kafkasim.example/simd/internal/report"
)

// kind is what Prometheus calls a metric's type.
type kind string

const (
	isCounter   kind = "counter"
	isGauge     kind = "gauge"
	isSummary   kind = "summary"
	isHistogram kind = "histogram"
)

// page takes the values of one metric of one run.
type page struct {
	desc *prometheus.Desc
	run  *Run
	out  chan<- prometheus.Metric
}

func (p page) labels(own []string) []string {
	return append([]string{p.run.ID, p.run.Scenario}, own...)
}

// value shows a counter's or a gauge's value.
func (p page) value(k kind, value float64, labels ...string) {
	valueType := prometheus.GaugeValue
	if k == isCounter {
		valueType = prometheus.CounterValue
	}
	p.out <- prometheus.MustNewConstMetric(p.desc, valueType, value, p.labels(labels)...)
}

func (p page) summary(count int64, sum float64, quantiles map[float64]float64) {
	p.out <- prometheus.MustNewConstSummary(p.desc, uint64(count), sum, quantiles, p.labels(nil)...)
}

// histogram shows both shapes of a histogram: whoever scrapes takes the one, the
// other or both.
func (p page) histogram(h *report.Histogram) {
	const shortest = 0.5e-6 // what is below is in no bucket
	native, err := prometheus.NewConstNativeHistogram(p.desc, uint64(h.Count), h.Sum, h.Native, nil, uint64(h.Zero),
		report.NativeSchema, shortest, time.Time{}, p.labels(nil)...)
	if err != nil {
		p.out <- prometheus.NewInvalidMetric(p.desc, fmt.Errorf("showing a histogram: %w", err))
		return
	}
	p.out <- both{native, h.Classic}
}

// both is a native histogram that has classic buckets as well, as every
// histogram of Prometheus' client library can; but it makes none with given counts.
type both struct {
	prometheus.Metric
	classic map[float64]uint64
}

// Write implements [prometheus.Metric].
func (b both) Write(out *dto.Metric) error {
	if err := b.Metric.Write(out); err != nil {
		return err
	}
	for _, bound := range slices.Sorted(maps.Keys(b.classic)) {
		count := b.classic[bound]
		out.Histogram.Bucket = append(out.Histogram.Bucket, &dto.Bucket{UpperBound: &bound, CumulativeCount: &count})
	}
	return nil
}
