package run

import "kafkasim.example/simd/internal/report"

// Course is how the run has gone so far, from this scenario second on. It may be
// called while the run goes on, and after.
func (r *Run) Course(from float64) (report.Course, error) {
	r.mu.Lock()
	builder := r.builder
	r.mu.Unlock()
	if builder != nil {
		return builder.Course(from), nil
	}
	verdict, err := r.Report()
	if err != nil {
		return report.Course{}, err
	}
	return verdict.Course(from), nil
}
