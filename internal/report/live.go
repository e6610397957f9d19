package report

import (
	"time"

	"kafkasim.example/simd/internal/ledger"
)

const (
	// recently is how far back Live looks for rates and send times.
	recently = 10 * time.Second
	// sendMaxOver is how far back it looks for the longest send, as Micrometer does.
	sendMaxOver = 2 * time.Minute
)

// Live is the figures of a run while it goes on. Counters only grow; Lost and
// the cells are as they stand, and may fall again when a copy is read that was
// still on its way. Times are scenario seconds. It always holds that
//
//	Scheduled = InFlight + Unverified + the sum of Cells
type Live struct {
	State    string  `json:"state"`
	Seconds  float64 `json:"scenario_seconds"`
	Planned  int64   `json:"planned"`
	Progress float64 `json:"progress"` // 0..1: settled of planned messages

	Scheduled int64 `json:"scheduled"`
	InFlight  int64 `json:"in_flight"`
	// Unverified are told yes, but no copy was read yet: the log reader is a moment
	// behind. Only once the run has ended are those that are left vanished and lost.
	Unverified  int64 `json:"unverified"`
	Confirmed   int64 `json:"confirmed"`
	Failed      int64 `json:"failed"`
	Unknown     int64 `json:"unknown"`
	Dropped     int64 `json:"dropped"`
	Written     int64 `json:"written"`
	Consumed    int64 `json:"consumed"`
	Lost        int64 `json:"lost"`
	ExtraCopies int64 `json:"extra_copies"`
	Unread      int64 `json:"unread"`

	Matrix Matrix           `json:"matrix"`
	Cells  Cells            `json:"cells"`
	Causes map[string]int64 `json:"causes"`
	// LateCauses are those among Causes that the application did not hear of.
	LateCauses map[string]int64 `json:"late_causes"`
	CopiesBy   map[string]int64 `json:"copies_by"`
	Attempts   map[string]int64 `json:"attempts"`

	// The gauges, as last sampled. Lag is how many copies the consumer group is behind.
	Lag             int64   `json:"lag"`
	Queued          int64   `json:"queued"`
	Busy            int64   `json:"busy"` // messages that a worker has in hand
	BufferTotal     int64   `json:"buffer_total_bytes"`
	BufferAvailable int64   `json:"buffer_available_bytes"`
	BufferWaiters   int64   `json:"buffer_waiters"`
	Throttle        float64 `json:"throttle_seconds"` // told by brokers, in all
	RecordRetries   int64   `json:"record_retries"`
	RecordErrors    int64   `json:"record_errors"`
	BytesSent       int64   `json:"sent_bytes"`

	// Recent is the last ten seconds of scenario time.
	Recent Recent `json:"recent"`
	// SendCount and SendSum are of all sends that have ended, SendMax of those
	// of the last two minutes.
	SendCount int64   `json:"send_count"`
	SendSum   float64 `json:"send_seconds_sum"`
	SendMax   float64 `json:"send_seconds_max"`

	// Faults are those of the scenario, in its order.
	Faults []LiveFault `json:"faults"`

	// For metrics alone. Retries are attempts that the application made once more.
	Retries int64  `json:"-"`
	Clocks  Clocks `json:"-"`
}

// LiveFault says whether a fault is active now.
type LiveFault struct {
	Name   string `json:"name"` // its kind; numbered where there are several of a kind
	Active bool   `json:"active"`
}

// Recent is what happened in the last ten scenario seconds, or in one row of the
// timeline where that is longer: rates per scenario second, and send times.
type Recent struct {
	Scheduled float64      `json:"scheduled_per_second"`
	Confirmed float64      `json:"confirmed_per_second"`
	Written   float64      `json:"written_per_second"`
	Consumed  float64      `json:"consumed_per_second"`
	Send      RowQuantiles `json:"send"`
}

// Live is a snapshot of the running figures; its maps are the caller's.
func (b *Builder) Live() Live {
	b.mu.Lock()
	defer b.mu.Unlock()
	sum := b.whole()
	f := sum.figures()
	live := Live{
		State:   b.state,
		Seconds: seconds(b.end.Microseconds()),
		Planned: b.plan.Total(),

		Scheduled: f.Scheduled, InFlight: sum.inFlight,
		Confirmed: f.Confirmed, Failed: f.Failed, Unknown: f.Unknown, Dropped: f.Dropped,
		Written: f.Written, Consumed: f.Consumed, Lost: f.Lost, ExtraCopies: f.ExtraCopies,
		Unread: b.unread,
		Matrix: f.Matrix, Cells: f.Cells, Causes: f.Causes, LateCauses: f.LateCauses, CopiesBy: f.CopiesBy, Attempts: f.Attempts,

		Lag:    max(f.Written-f.Consumed, 0),
		Queued: b.last.Queued, Busy: b.last.InFlight,
		BufferTotal: b.last.BufferTotal, BufferAvailable: b.last.BufferAvailable, BufferWaiters: b.last.BufferWaiters,
		Throttle:      seconds(b.scenario(b.throttled).Microseconds()),
		RecordRetries: b.last.RecordRetries, RecordErrors: b.last.RecordErrors, BytesSent: b.last.BytesSent,

		Recent:    b.recent(),
		SendCount: b.send.count, SendSum: seconds(b.send.sum), SendMax: seconds(b.line.longestSend(sendMaxOver)),
		Faults:  make([]LiveFault, 0, len(b.faults)),
		Retries: sum.retries, Clocks: b.clocks(),
	}
	if b.concl.state != "" {
		live.State = b.concl.state
	}
	if !ended(live.State) {
		live.Unverified = live.Cells.Vanished
		live.Lost -= live.Unverified
		live.Cells.Vanished = 0
		delete(live.Causes, ledger.Acknowledged.String())
	}
	if b.last.EndOffsets > 0 {
		live.Lag = max(b.last.EndOffsets-b.last.Committed, 0)
	}
	if live.Planned > 0 {
		live.Progress = float64(live.Scheduled-live.InFlight) / float64(live.Planned)
	}
	for _, seen := range b.faults {
		live.Faults = append(live.Faults, LiveFault{Name: seen.name, Active: seen.began && !seen.ended})
	}
	return live
}

// recent looks at the rows before the one that is being filled.
func (b *Builder) recent() Recent {
	l := &b.line
	to := len(l.rows) - 1
	from := max(to-max(int(recently/l.width), 1), 0)
	if to <= from {
		from, to = 0, len(l.rows)
	}
	if to == 0 {
		return Recent{}
	}
	var sum row
	sum.send = newSparse(coarse)
	for i := from; i < to; i++ {
		sum.merge(&l.rows[i])
	}
	rate := func(n int64) float64 { return float64(n) / (float64(to-from) * l.width.Seconds()) }
	return Recent{
		Scheduled: rate(sum.scheduled), Confirmed: rate(sum.confirmed),
		Written: rate(sum.written), Consumed: rate(sum.consumed),
		Send: sum.send.row(),
	}
}

// longestSend is the longest send that ended within the last rows, in microseconds.
func (l *timeline) longestSend(over time.Duration) int64 {
	var longest int64
	for i := max(len(l.rows)-max(int(over/l.width), 1), 0); i < len(l.rows); i++ {
		longest = max(longest, l.rows[i].send.max)
	}
	return longest
}
