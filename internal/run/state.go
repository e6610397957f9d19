package run

import (
	"time"

	"kafkasim.example/simd/internal/report"
	"kafkasim.example/simd/internal/scenario"
)

// State is where a run stands.
type State string

// The states, in the order in which a run passes through them; the last four
// are ends.
const (
	Pending     State = "pending"     // the cluster is being made ready
	Running     State = "running"     // the load is on
	Draining    State = "draining"    // the load is over, messages are still on their way
	Reconciling State = "reconciling" // every message has been told; the log is read to its end

	Completed   State = "completed"   // the whole plan was played
	Stopped     State = "stopped"     // somebody asked for it
	Failed      State = "failed"      // it could not go on
	Interrupted State = "interrupted" // the process was killed
)

// Ended says whether the run is over.
func (s State) Ended() bool {
	return s == Completed || s == Stopped || s == Failed || s == Interrupted
}

// StopMode is how a run is stopped.
type StopMode string

const (
	// Graceful: nothing more is offered, queued messages are dropped, and the
	// producer sends what it has accepted.
	Graceful StopMode = "graceful"
	// Abrupt: the application dies; what is in the producer's buffer is gone.
	Abrupt StopMode = "abrupt"
)

// Request is what somebody wants played.
type Request struct {
	Scenario *scenario.Scenario // as written: its times are not yet divided by Speed
	Speed    float64            // scenario seconds in a second; 0 means 1
	Seed     uint64             // of everything that is left to chance; 0 means 1
}

// Status is how a run stands at one moment.
type Status struct {
	ID       string  `json:"id"`
	Scenario string  `json:"scenario"`
	Title    string  `json:"title,omitempty"`
	Speed    float64 `json:"speed"`
	Seed     uint64  `json:"seed"`
	Cluster  string  `json:"cluster"`
	State    State   `json:"state"`
	// Ok is the verdict, once there is one.
	Ok *bool `json:"ok"`
	// Error is why the run failed, in a sentence.
	Error   string    `json:"error,omitempty"`
	Created time.Time `json:"created"`
	Started time.Time `json:"started,omitzero"`
	Ended   time.Time `json:"ended,omitzero"`
	// Progress runs from 0 to 1 with the plan; it is 1 once the load is over.
	Progress float64 `json:"progress"`
	// ElapsedSeconds and RemainingSeconds are seconds of the clock on the wall.
	// How long a run drains cannot be known: RemainingSeconds leaves it out.
	ElapsedSeconds   float64 `json:"elapsed_seconds"`
	RemainingSeconds float64 `json:"remaining_seconds"`
	// ScenarioSeconds is how far the run is in the scenario's own time.
	ScenarioSeconds float64     `json:"scenario_seconds"`
	Figures         report.Live `json:"figures"`
}
