package report

// Report is the verdict on a run. Its JSON names are what scripts and
// expectations rely on. All times are scenario seconds and all rates are per
// scenario second; a clock nobody has read holds zeros, never null or NaN.
type Report struct {
	ID       string  `json:"id"`
	Scenario string  `json:"scenario"`
	Title    string  `json:"title"`
	About    string  `json:"about"`
	Speed    float64 `json:"speed"`
	Seed     uint64  `json:"seed"`
	Cluster  string  `json:"cluster"`
	Brokers  int     `json:"brokers,omitempty"` // of the cluster; 0: not known
	State    string  `json:"state"`
	// Ok says whether every expectation held. It is null where there is no
	// verdict: the run did not play to its end, or offsets went unread.
	Ok *bool `json:"ok"`
	// Story is what happened, in words: one paragraph.
	Story string `json:"story"`

	// The figures, flat in the JSON.
	Figures

	// Latency holds the four clocks and their sums.
	Latency Latency `json:"latency_seconds"`
	// Stress compares the application's send time before and while messages were
	// held up. Nil when nothing was.
	Stress *Stress `json:"stress,omitempty"`
	// Buffer is the producer's buffer memory.
	Buffer Buffer `json:"buffer"`
	// Planned is how many messages the whole plan holds; a run that was stopped
	// has scheduled fewer.
	Planned int64 `json:"planned"`
	// Unread is how many offsets retention deleted before the log reader saw them.
	Unread int64 `json:"unread"`
	// Seconds is how long the run lasted, from its base time to its last fact.
	Seconds float64 `json:"duration_seconds"`
	// Drained is when the application was told its last word on a message.
	Drained float64 `json:"drained_seconds"`

	Expectations []Expectation `json:"expectations"`
	Faults       []Fault       `json:"faults"`
	Phases       []Phase       `json:"phases"`
	// RowSeconds is the length of one row of the timeline.
	RowSeconds float64 `json:"timeline_row_seconds"`
	Timeline   []Row   `json:"timeline"`

	// Notes are what a reader must know before trusting the figures.
	Notes []string `json:"notes"`
	// Settings is the whole scenario as YAML.
	Settings string `json:"settings"`
}

// Figures are the counts of messages and copies, of a whole run or of a window
// of it. Scheduled = Confirmed + Failed + Unknown + Dropped once the run has ended.
type Figures struct {
	Scheduled int64 `json:"scheduled"`
	Confirmed int64 `json:"confirmed"` // told yes
	Failed    int64 `json:"failed"`    // told no
	Unknown   int64 `json:"unknown"`   // told nothing
	Dropped   int64 `json:"dropped"`   // never handed to the producer
	Written   int64 `json:"written"`   // copies found in the log
	Consumed  int64 `json:"consumed"`  // copies the application's consumer group got
	// Lost is how many scheduled messages have no copy in the log.
	Lost int64 `json:"lost"`
	// ExtraCopies is Written less the messages with at least one copy.
	ExtraCopies int64 `json:"extra_copies"`
	// Matrix counts messages by what was told and how many copies there are.
	Matrix Matrix `json:"matrix"`
	// Cells counts the same messages, and the dropped ones, by the cells' names.
	Cells Cells `json:"cells"`
	// Causes says why the lost ones were lost: what the application was told; and
	// where it had stopped waiting for an answer, also what the producer said of
	// the message later. LateCauses are those second ones, which Causes contain:
	// without them, Causes sum to Lost.
	Causes     map[string]int64 `json:"causes"`
	LateCauses map[string]int64 `json:"late_causes"`
	// CopiesBy says who made the extra copies. Sums to ExtraCopies.
	CopiesBy map[string]int64 `json:"copies_by"`
	// Attempts counts the errors that the application saw, by cause: one message
	// may have met several, and may have got through in the end.
	Attempts map[string]int64 `json:"attempts"`
}

// Matrix counts messages by what the application was told (rows) and by how
// many copies the log holds (columns).
type Matrix struct {
	Confirmed Copies `json:"confirmed"`
	Failed    Copies `json:"failed"`
	Unknown   Copies `json:"unknown"`
}

// Copies counts messages by how many copies of them the log holds.
type Copies struct {
	None int64 `json:"0"`
	One  int64 `json:"1"`
	More int64 `json:"2+"`
}

// Cells counts messages by the names of the matrix's cells. Duplicated is the
// whole column of two or more copies. Their sum is Figures.Scheduled.
type Cells struct {
	Delivered     int64 `json:"delivered"`
	Vanished      int64 `json:"vanished"`
	Duplicated    int64 `json:"duplicated"`
	Refused       int64 `json:"refused"`
	Phantom       int64 `json:"phantom"`
	LostInSilence int64 `json:"lost_in_silence"`
	Unconfirmed   int64 `json:"unconfirmed"`
	Dropped       int64 `json:"dropped"`
}

// Latency holds the clocks. Send is the time inside the application's send, its
// waits and retries included; the next four follow a message on its way; the
// last is from due to the application's last word, failures included.
type Latency struct {
	Send            Quantiles `json:"send"`
	ScheduleLag     Quantiles `json:"schedule_lag"`    // due -> offered
	Queue           Quantiles `json:"queue"`           // offered -> a worker has it
	Blocked         Quantiles `json:"blocked"`         // inside send, waiting for memory or metadata
	Acknowledgement Quantiles `json:"acknowledgement"` // accepted -> answered
	DueToConfirmed  Quantiles `json:"due_to_confirmed"`
}

// Quantiles sums up one clock, in scenario seconds. The quantiles are within
// 0.1 % of the truth (1 % in the timeline and in [Stress]); mean and max are exact
// to the microsecond.
type Quantiles struct {
	Count int64   `json:"count"`
	Mean  float64 `json:"mean"`
	P50   float64 `json:"p50"`
	P95   float64 `json:"p95"`
	P99   float64 `json:"p99"`
	P999  float64 `json:"p999"`
	Max   float64 `json:"max"`
}

// Stress is the send time before messages began to be held up on their way into
// the producer, and while they were. See stressed for what counts as that.
type Stress struct {
	From   float64   `json:"from"`
	To     float64   `json:"to"`
	Before Quantiles `json:"before"`
	Under  Quantiles `json:"under"`
}

// Buffer is the producer's buffer memory, in bytes.
type Buffer struct {
	Total           int64 `json:"total_bytes"`
	LowestAvailable int64 `json:"lowest_available_bytes"`
}

// Expectation is one thing that the scenario is there to show, and whether it did.
type Expectation struct {
	Of   string  `json:"of"`
	Want string  `json:"want"`
	Got  float64 `json:"got"`
	Ok   bool    `json:"ok"`
	// Problem says why it could not be judged, if it could not.
	Problem string `json:"problem,omitempty"`
}

// Fault is what really became of a fault of the scenario.
type Fault struct {
	Name string `json:"name"` // its kind; numbered where there are several of a kind
	Kind string `json:"kind"`
	// From and To are when it began and ended, as the run's facts say; planned
	// times where it did neither. To equals the run's end for one that stays.
	From  float64 `json:"from"`
	To    float64 `json:"to"`
	Began bool    `json:"began"`
	Ended bool    `json:"ended"`
	// Problem says what went wrong while it was made or healed, if anything did.
	Problem string `json:"problem,omitempty"`
}

// The kinds of [Phase].
const (
	PhaseLoad  = "load"
	PhaseFault = "fault"
)

// Phase is a window of the plan with the figures of the messages that were due
// in it, whenever they were told or written. The windows of kind load cover the
// plan without overlap; those of kind fault are before, during and after one fault.
type Phase struct {
	Name string  `json:"name"`
	Kind string  `json:"kind"`
	From float64 `json:"from"`
	To   float64 `json:"to"`
	Figures
	Send Quantiles `json:"send"`
}

// Row is a stretch of the timeline: what happened in it, whichever messages it
// happened to, so what is scheduled in one row may be written in a later one.
type Row struct {
	T         float64 `json:"t"` // where the row begins
	Scheduled int64   `json:"scheduled"`
	Confirmed int64   `json:"confirmed"`
	Failed    int64   `json:"failed"`
	Unknown   int64   `json:"unknown"`
	Dropped   int64   `json:"dropped"`
	Written   int64   `json:"written"`
	Consumed  int64   `json:"consumed"`
	// Lost are the messages without a copy whose last word was told in this row,
	// and Causes what that word was; they sum to Lost. What had no last word
	// counts where the facts end.
	Lost   int64            `json:"lost"`
	Causes map[string]int64 `json:"causes,omitempty"`
	// Lag is how many copies the consumer group is behind, at the row's end.
	Lag int64 `json:"lag"`
	// Queued is the most messages that were seen waiting for a worker.
	Queued int64 `json:"queued"`
	// BufferAvailable is the least that was seen; both are 0 before the first sample.
	BufferAvailable int64 `json:"buffer_available"`
	BufferTotal     int64 `json:"buffer_total"`
	// Send is the send time of what was told in this row.
	Send RowQuantiles `json:"send"`
	// Throttle is how long brokers told the client to hold back.
	Throttle float64 `json:"throttle_seconds"`
}

// RowQuantiles is the send time within one row.
type RowQuantiles struct {
	Mean float64 `json:"mean"`
	P50  float64 `json:"p50"`
	P95  float64 `json:"p95"`
	Max  float64 `json:"max"`
}
