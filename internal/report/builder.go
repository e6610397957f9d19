package report

import (
	"math"
	"slices"
	"sync"
	"time"

	"kafkasim.example/simd/internal/ledger"
	"kafkasim.example/simd/internal/scenario"
)

// Meta is what a report says about its run beside the facts.
type Meta struct {
	ID      string
	Cluster string // "embedded", or the brokers
	Brokers int    // how many the cluster has; 0: not known
	Seed    uint64
	// Speed is how many scenario seconds passed in one second of the run. 0 means 1.
	Speed float64
	// Scenario is the plan as it was written, not scaled by Speed.
	Scenario *scenario.Scenario
}

// Builder takes the facts of one run as they come and keeps the figures. Facts
// are entered by one goroutine; Live and Report may be called by others. It
// holds on to some tens of bytes a message and a few MB beside.
type Builder struct {
	meta    Meta
	plan    *scenario.Plan
	windows []window
	faults  []faultSeen

	mu       sync.Mutex
	books    *ledger.Books
	segments []segment
	segment  int // that of the latest message: its neighbours are likely next
	line     timeline

	unread int64 // offsets

	lag, queue, blocked, ack, send, total distribution

	sampled   time.Duration // when last was taken
	last      ledger.Sample
	lowest    int64 // of BufferAvailable
	throttled time.Duration

	state    string
	concl    conclusion
	end      time.Duration // the latest fact
	lastTold time.Duration
	word     []uint32 // by message: when its last word came, as markWord writes it; 0: not yet
}

// faultSeen is what the facts say about one of the scenario's faults.
type faultSeen struct {
	name         string
	began, ended bool
	from, to     time.Duration
	problem      string
}

// conclusion is what whoever played the run has to add.
type conclusion struct {
	state, problem string
	notes          []string
}

// NewBuilder starts the report of a run of which there are no facts yet.
func NewBuilder(meta Meta) *Builder {
	if meta.Speed == 0 {
		meta.Speed = 1
	}
	plan := meta.Scenario.Plan()
	b := &Builder{
		meta:     meta,
		plan:     plan,
		windows:  windows(meta.Scenario, plan),
		books:    ledger.NewBooks(),
		line:     newTimeline(plan.End()),
		sampled:  -1,
		state:    "pending",
		lastTold: -1,
	}
	b.books.Limit = plan.Total()
	b.segments = segments(plan.Total(), b.windows)
	for _, d := range []*distribution{&b.lag, &b.queue, &b.blocked, &b.ack, &b.send, &b.total} {
		*d = newDense()
	}
	for i, name := range faultNames(meta.Scenario.Faults) {
		f := meta.Scenario.Faults[i]
		b.faults = append(b.faults, faultSeen{name: name, from: f.At, to: f.At + f.For})
	}
	return b
}

// Add enters one fact. It keeps nothing of f.
func (b *Builder) Add(f *ledger.Fact) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.add(f)
}

// AddBatch enters facts in their order: the same as Add for each, but cheaper.
func (b *Builder) AddBatch(facts []ledger.Fact) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for i := range facts {
		b.add(&facts[i])
	}
}

// OnCluster says how many brokers the cluster has, once that is known.
func (b *Builder) OnCluster(brokers int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.meta.Brokers = brokers
}

// Conclude says how the run ended: its last state, which counts more than what
// the facts say; what went wrong, if anything; and what a reader of the report
// must know before trusting it. Call it before Report.
func (b *Builder) Conclude(state, problem string, notes ...string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.concl = conclusion{state: state, problem: problem, notes: slices.Clone(notes)}
}

// scenario turns the run's time into scenario time.
func (b *Builder) scenario(t time.Duration) time.Duration {
	if b.meta.Speed == 1 {
		return t
	}
	return time.Duration(float64(t) * b.meta.Speed)
}

func (b *Builder) add(f *ledger.Fact) {
	at := b.scenario(f.At)
	b.end = max(b.end, at)
	if f.Kind.OfMessage() {
		b.message(f, at)
		return
	}
	switch f.Kind {
	case ledger.Unread:
		b.books.Add(f)
		b.unread += max(f.Until-f.Offset, 0)
	case ledger.FaultBegan, ledger.FaultEnded:
		b.fault(f, at)
	case ledger.StateChanged:
		b.state = f.Note
	case ledger.Sampled:
		b.sample(f.Sample, at)
	}
}

// message enters a fact about a message: in the books, among its window's
// figures, on the clocks and in the timeline.
func (b *Builder) message(f *ledger.Fact, at time.Duration) {
	if f.Seq < 0 || f.Seq >= b.plan.Total() {
		b.books.Add(f) // counts it as one that makes no sense
		return
	}
	s := b.segmentOf(f.Seq)
	s.put(b.books.Entry(f.Seq), -1)
	b.books.Add(f)
	s.put(b.books.Entry(f.Seq), +1)
	s.attempt(f)
	r := b.line.at(at)
	switch f.Kind {
	case ledger.Offered:
		r.scheduled++
		b.lag.record(b.scenario(f.Lag))
	case ledger.Dropped:
		b.markWord(f.Seq, at)
		r.dropped++
		r.handed++
		r.held++
	case ledger.Accepted, ledger.Refused:
		blocked := b.scenario(f.Blocked)
		b.blocked.record(blocked)
		if f.Attempt == 1 {
			queue := b.scenario(f.Queue)
			b.queue.record(queue)
			r.handed++
			if queue+blocked >= heldUp {
				r.held++
			}
		}
	case ledger.Answered:
		b.ack.record(b.scenario(f.Ack))
	case ledger.Told:
		if f.Outcome == ledger.NotTold || f.Outcome > ledger.Unknown {
			return // the books ignore it too
		}
		send := b.scenario(f.Send)
		s.send.record(send)
		b.send.record(send)
		b.total.record(b.scenario(f.Total))
		b.lastTold = max(b.lastTold, at)
		b.markWord(f.Seq, at)
		r.told(f.Outcome, send)
	case ledger.Written:
		r.written++
	case ledger.Consumed:
		r.consumed++
	}
}

// markWord keeps when a message had its last word, in four bytes: milliseconds of
// scenario time, and one more, so that a month fits and 0 is not yet.
func (b *Builder) markWord(seq int64, at time.Duration) {
	if missing := seq + 1 - int64(len(b.word)); missing > 0 {
		b.word = append(b.word, make([]uint32, missing)...)
	}
	b.word[seq] = uint32(min(max(at, 0).Milliseconds()+1, math.MaxUint32))
}

func wordAt(word uint32) time.Duration { return time.Duration(word-1) * time.Millisecond }

// segmentOf is the segment of a message of the plan.
func (b *Builder) segmentOf(seq int64) *segment {
	if s := &b.segments[b.segment]; seq >= s.lo && seq < s.hi {
		return s
	}
	b.segment, _ = slices.BinarySearchFunc(b.segments, seq, func(s segment, seq int64) int {
		switch {
		case s.hi <= seq:
			return -1
		case s.lo > seq:
			return 1
		default:
			return 0
		}
	})
	return &b.segments[b.segment]
}

func (b *Builder) fault(f *ledger.Fact, at time.Duration) {
	if f.Seq < 0 || f.Seq >= int64(len(b.faults)) {
		return
	}
	seen := &b.faults[f.Seq]
	if f.Kind == ledger.FaultBegan {
		seen.began, seen.from = true, at
	} else {
		seen.ended, seen.to = true, at
	}
	if f.Note != "" {
		seen.problem = f.Note
	}
}

func (b *Builder) sample(s *ledger.Sample, at time.Duration) {
	if s == nil {
		return
	}
	b.line.at(at).sample(at, s)
	if b.sampled < 0 {
		b.lowest = s.BufferAvailable
	}
	b.lowest = min(b.lowest, s.BufferAvailable)
	if at >= b.sampled {
		b.throttled += sinceLast(b.last.ThrottleTime, s.ThrottleTime)
		b.sampled, b.last = at, *s
	}
}
