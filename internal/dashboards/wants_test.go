package dashboards

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"kafkasim.example/simd/internal/report"
)

// want is what the answers of one query must be like for one run.
type want func(p *played, got []series) error

// figure reads a number off a run's report or last figures.
type figure func(p *played) float64

func of(value func(r *report.Report) int64) figure {
	return func(p *played) float64 { return float64(value(p.report)) }
}

// ends: one series, whose last value is the report's.
func ends(f figure) want {
	return func(p *played, got []series) error {
		return single(got, func(s series) error { return near(s.last(), f(p), 0) })
	}
}

// makes: one series of rates in scenario seconds; what was counted in all of them
// is the report's figure, give or take what Prometheus guesses at the edges of its
// windows. (What is exact is asked for elsewhere, see ends.)
func makes(f figure) want {
	return func(p *played, got []series) error {
		return single(got, func(s series) error { return near(sum(s.values)*speed, f(p), 0.2) })
	}
}

// split is a want of one series for each of some names, by what a label says.
func split(label string, f func(p *played) map[string]int64, each func(figure) want) want {
	return func(p *played, got []series) error {
		expected := f(p)
		var problems []error
		for name, n := range expected {
			found := slices.DeleteFunc(slices.Clone(got), func(s series) bool { return s.labels[label] != name })
			if n == 0 && len(found) == 0 {
				continue
			}
			if err := each(func(*played) float64 { return float64(n) })(p, found); err != nil {
				problems = append(problems, fmt.Errorf("%s %s: %w", label, name, err))
			}
		}
		for _, s := range got {
			if _, ok := expected[s.labels[label]]; !ok && s.last() != 0 && !s.gone {
				problems = append(problems, fmt.Errorf("%s %q is unknown to the report", label, s.labels[label]))
			}
		}
		return errors.Join(problems...)
	}
}

// peaks: one series whose greatest value lies between two.
func peaks(low, high figure) want {
	return func(p *played, got []series) error {
		return single(got, func(s series) error { return between(greatest(s.values), low(p), high(p)) })
	}
}

func exactly(v float64) figure { return func(*played) float64 { return v } }

// quantileOf: what a quantile of the whole run is, some part of it must have
// reached, and none exceeds the longest by more than its bucket is wide.
func quantileOf(whole func(q *report.Quantiles) float64, clock func(l *report.Latency) *report.Quantiles) want {
	return func(p *played, got []series) error {
		q := clock(&p.report.Latency)
		return peaks(exactly(whole(q)*0.4), exactly(1.1*bucketAbove(q.Max)))(p, got)
	}
}

func bucketAbove(seconds float64) float64 {
	for _, bound := range report.ClassicBounds() {
		if bound >= seconds {
			return bound
		}
	}
	return math.Inf(1)
}

// meanOf: means of a few seconds lie around that of the whole run, and below its longest.
func meanOf(clock func(l *report.Latency) *report.Quantiles) want {
	return func(p *played, got []series) error {
		q := clock(&p.report.Latency)
		return peaks(exactly(q.Mean*0.9), exactly(q.Max*1.001))(p, got)
	}
}

func both(wants ...want) want {
	return func(p *played, got []series) error {
		for _, w := range wants {
			if err := w(p, got); err != nil {
				return err
			}
		}
		return nil
	}
}

func single(got []series, check func(series) error) error {
	if len(got) != 1 {
		return fmt.Errorf("%d series, want 1", len(got))
	}
	return check(got[0])
}

func near(got, want, tolerance float64) error {
	if math.Abs(got-want) > tolerance*math.Abs(want)+1e-9 {
		return fmt.Errorf("is %v, want %v (give or take %v%%)", got, want, 100*tolerance)
	}
	return nil
}

func between(got, low, high float64) error {
	if !(got >= low && got <= high) {
		return fmt.Errorf("is %v, want %v to %v", got, low, high)
	}
	return nil
}

// Values that are no number are those of seconds in which nothing happened.

func sum(values []float64) (total float64) {
	for _, v := range values {
		if !math.IsNaN(v) {
			total += v
		}
	}
	return total
}

func greatest(values []float64) float64 {
	most := math.Inf(-1)
	for _, v := range values {
		if !math.IsNaN(v) {
			most = max(most, v)
		}
	}
	return most
}

func least(values []float64) float64 {
	return -greatest(slices.Collect(func(yield func(float64) bool) {
		for _, v := range values {
			if !yield(-v) {
				return
			}
		}
	}))
}
