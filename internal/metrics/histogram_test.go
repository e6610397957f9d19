package metrics

import (
	"maps"
	"slices"
	"testing"

	dto "github.com/prometheus/client_model/go"
)

// TestHistogramsHaveBothShapes: the same seven sends, by classic and by native
// buckets: five of 0.1 s, one of 2 s, one of 8 s.
func TestHistogramsHaveBothShapes(t *testing.T) {
	reg, _ := shown(t)
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(families, func(f *dto.MetricFamily) bool { return f.GetName() == "simd_send_seconds" })
	if i < 0 {
		t.Fatal("the page has no simd_send_seconds")
	}
	h := families[i].GetMetric()[0].GetHistogram()

	classic := map[float64]uint64{}
	for _, b := range h.GetBucket() {
		classic[b.GetUpperBound()] = b.GetCumulativeCount()
	}
	for bound, want := range map[float64]uint64{0.05: 0, 0.1: 5, 1.5: 5, 2: 6, 7.5: 6, 10: 7, 600: 7} {
		if got, ok := classic[bound]; !ok || got != want {
			t.Errorf("%d sends of at most %v s, want %d", got, bound, want)
		}
	}

	native, at, count := map[int]int64{}, 0, int64(0)
	delta := h.GetPositiveDelta()
	for _, span := range h.GetPositiveSpan() {
		at += int(span.GetOffset())
		for range span.GetLength() {
			count += delta[0]
			delta = delta[1:]
			native[at] = count
			at++
		}
	}
	// 0.1 s lies in (2^(-27/8), 2^(-26/8)]; 2 s and 8 s are ends of theirs.
	if want := map[int]int64{-26: 5, 8: 1, 24: 1}; h.GetSchema() != 3 || !maps.Equal(native, want) {
		t.Errorf("native buckets of schema %d: %v, want 3: %v", h.GetSchema(), native, want)
	}
}
