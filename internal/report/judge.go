package report

import (
	"fmt"
	"time"

	"kafkasim.example/simd/internal/ledger"
	"kafkasim.example/simd/internal/scenario"
)

// The states that a run's verdict depends on, as its facts name them.
const (
	stateCompleted   = "completed"
	stateStopped     = "stopped"
	stateFailed      = "failed"
	stateInterrupted = "interrupted"
)

// ended says that nothing more will be read in this state.
func ended(state string) bool {
	switch state {
	case stateCompleted, stateStopped, stateFailed, stateInterrupted:
		return true
	}
	return false
}

// judge holds the figures against what the scenario is there to show. There is a
// verdict only on a run that was played to its end and whose log was read whole.
func (b *Builder) judge(r *Report, expect []scenario.Expectation) {
	r.Expectations = make([]Expectation, 0, len(expect))
	held := true
	for _, e := range expect {
		got, known := r.Figure(e.Of)
		out := Expectation{Of: e.Of, Want: e.Want, Got: got}
		if !known {
			out.Problem = fmt.Sprintf("the report has no figure %q", e.Of)
		} else if ok, err := e.Holds(got, r.Figure); err != nil {
			out.Problem = err.Error()
		} else {
			out.Ok = ok
		}
		held = held && out.Ok
		r.Expectations = append(r.Expectations, out)
	}
	if r.State == stateCompleted && r.Unread == 0 {
		r.Ok = &held
	}
}

// note writes down what a reader must know before trusting the figures.
// lateAfter is the schedule lag, in scenario time, from which on a report says
// that the load was not the one that was planned.
const lateAfter = time.Second

func (b *Builder) note(r *Report, a ledger.Account) {
	say := func(format string, args ...any) { r.Notes = append(r.Notes, fmt.Sprintf(format, args...)) }
	switch r.State {
	case stateInterrupted:
		say("Interrupted: the figures end at t = %s s, with %s of %s planned messages scheduled.",
			tidy(r.Seconds), grouped(r.Scheduled), grouped(r.Planned))
	case stateStopped:
		say("Stopped: the figures end at t = %s s, with %s of %s planned messages scheduled.",
			tidy(r.Seconds), grouped(r.Scheduled), grouped(r.Planned))
	case stateFailed:
		say("The run failed at t = %s s.", tidy(r.Seconds))
	}
	if b.concl.problem != "" {
		say("%s", sentence(b.concl.problem))
	}
	if lag := r.Latency.ScheduleLag; lag.P99 > lateAfter.Seconds() {
		say("simd itself was late: messages were offered up to %s after they were due (p99 %s). This machine is too slow or too busy for speed %s, and the figures are partly its own.",
			lasting(lag.Max), lasting(lag.P99), tidy(r.Speed))
	}
	if r.Unread > 0 {
		say("%s went unread, because retention deleted them before the log reader came: no verdict on messages without a copy.",
			counted(r.Unread, "offset", "offsets"))
	}
	if a.Foreign > 0 {
		say("%s of messages that were never scheduled lie in the log; they are in no sum.", counted(a.Foreign, "copy", "copies"))
	}
	if a.Ignored > 0 {
		say("%s made no sense and %s ignored.", counted(a.Ignored, "fact", "facts"), either(a.Ignored, "was", "were"))
	}
	for _, f := range r.Faults {
		if f.Problem != "" {
			say("The fault %s did not go as planned: %s", f.Name, sentence(f.Problem))
		}
	}
	r.Notes = append(r.Notes, b.concl.notes...)
}
