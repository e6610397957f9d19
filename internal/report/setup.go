package report

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"kafkasim.example/simd/internal/scenario"
)

// setup is a run's scenario, read back from its report, and what follows from
// it. All of it comes from the report alone, so that one that was kept as JSON
// can be explained as well as a fresh one.
type setup struct {
	*Report
	*scenario.Scenario
}

// setup reads the scenario. There is none in a report of a run that never
// began, or of an older format.
func (r *Report) setup() (setup, bool) {
	s, err := scenario.Parse([]byte(r.Settings))
	if r.Settings == "" || err != nil {
		return setup{}, false
	}
	return setup{r, s}, true
}

// Overheads of a record alone in its batch: those of the batch and of the
// record (AbstractRecords.estimateSizeInBytesUpperBound), and about what simd's
// own headers take.
const (
	recordOverhead = 87
	headerOverhead = 60
	uuidLength     = 36
)

// recordBytes is about what one message takes of a batch.
func (s setup) recordBytes() int64 {
	n := s.Message.Bytes + recordOverhead + headerOverhead
	if s.Message.Key == "uuid" {
		n += uuidLength
	}
	return n
}

// room is about how many messages the producer's buffer holds.
func (s setup) room() int64 {
	if batch := s.Scenario.Producer.BatchSize; batch > s.recordBytes() {
		return s.Scenario.Producer.BufferMemory / batch * (batch / s.recordBytes())
	}
	return s.Scenario.Producer.BufferMemory / s.recordBytes()
}

// bufferFor is how much buffer memory holds so many messages, rounded up to a
// figure that people set: whole MiB.
func (s setup) bufferFor(messages int64) int64 {
	each := s.recordBytes()
	if batch := s.Scenario.Producer.BatchSize; batch > each {
		each = batch / (batch / each)
	}
	const mib = 1 << 20
	return (messages*each + mib - 1) / mib * mib
}

// perBroker is how many messages a second the quota lets through one broker; 0: any number.
func (s setup) perBroker() float64 {
	return s.Quotas.ProducerByteRate / float64(s.recordBytes())
}

// letThrough is the same of all brokers; 0 where their number is not known.
func (s setup) letThrough() float64 { return s.perBroker() * float64(s.Brokers) }

// peak is the most messages a second that the plan has.
func (s setup) peak() float64 {
	var most float64
	for _, p := range s.Load.Phases {
		switch {
		case p.Rate != nil:
			most = max(most, *p.Rate)
		case p.Ramp != nil:
			most = max(most, p.Ramp.From, p.Ramp.To)
		case p.Stairs != nil:
			most = max(most, p.Stairs.From, p.Stairs.To)
		}
	}
	return most
}

// mostWritten is the most messages a second that went into the log over a
// minute of the run, or over all of a shorter one.
func (r *Report) mostWritten() float64 {
	if len(r.Timeline) == 0 || r.RowSeconds <= 0 {
		return 0
	}
	width := min(max(int(60/r.RowSeconds), 1), len(r.Timeline))
	var sum, most int64
	for i := range r.Timeline {
		sum += r.Timeline[i].Written
		if i >= width {
			sum -= r.Timeline[i-width].Written
		}
		if i >= width-1 {
			most = max(most, sum)
		}
	}
	return float64(most) / (float64(width) * r.RowSeconds)
}

// outage is how long messages could not get through at all; 0: no such fault.
func (s setup) outage() time.Duration {
	var longest time.Duration
	for _, f := range s.Scenario.Faults {
		if f.Kind == "outage" {
			longest = max(longest, f.For)
		}
	}
	return longest
}

// span is a length of time as people set it: 5 ms, 30 s, 2 min.
func span(d time.Duration) string {
	s := d.Seconds()
	switch {
	case d == 0:
		return "0"
	case d < time.Second:
		return tidy(s*1e3) + " ms"
	case d < 2*time.Minute:
		return tidy(s) + " s"
	case d%time.Hour == 0:
		return grouped(int64(d/time.Hour)) + " h"
	case d%time.Minute == 0 && d < time.Hour:
		return grouped(int64(d/time.Minute)) + " min"
	default:
		return clockTime(s)
	}
}

// lead says what was played, in a sentence or two, for somebody who has never
// heard of the scenario.
func (r *Report) lead() string {
	s, ok := r.setup()
	if !ok {
		return ""
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s of %s, %s", counted(r.Planned, "message", "messages"), size(s.Message.Bytes), s.course())
	fmt.Fprintf(&b, ", published by an application %s.", s.application())
	if s.Quotas.ProducerByteRate > 0 {
		fmt.Fprintf(&b, " %s", s.quotaInWords())
	}
	if n := len(s.Scenario.Faults); n > 0 {
		var parts []string
		for _, f := range s.Scenario.Faults {
			parts = append(parts, fmt.Sprintf("at t = %s s %s", tidy(f.At.Seconds()), faultInWords(f)))
		}
		fmt.Fprintf(&b, " On the way: %s.", strings.Join(parts, "; "))
	}
	return b.String()
}

// course is the load's course, in a few words.
func (s setup) course() string {
	var rates []float64
	for _, p := range s.Load.Phases {
		switch {
		case p.Rate != nil:
			rates = append(rates, *p.Rate)
		case p.Ramp != nil:
			rates = append(rates, p.Ramp.From, p.Ramp.To)
		case p.Stairs != nil:
			rates = append(rates, p.Stairs.From, p.Stairs.To)
		}
	}
	over := " over " + span(time.Duration(s.plannedEnd()*1e9).Round(time.Second))
	low, high := slices.Min(rates), slices.Max(rates)
	switch {
	case low == high:
		return tidy(low) + " a second" + over
	case slices.IsSorted(rates):
		return fmt.Sprintf("from %s up to %s a second%s", tidy(low), tidy(high), over)
	default:
		return fmt.Sprintf("between %s and %s a second%s", tidy(low), tidy(high), over)
	}
}

func (s setup) plannedEnd() float64 { return math.Max(s.loadEnds(), s.Plan().End().Seconds()) }

func (s setup) application() string {
	p := s.Scenario.Publisher
	switch p.Send {
	case "callback":
		return fmt.Sprintf("with %s that is told of each answer when it comes", counted(int64(p.Workers), "worker", "workers"))
	case "forget":
		return fmt.Sprintf("with %s that never listens for an answer", counted(int64(p.Workers), "worker", "workers"))
	}
	text := fmt.Sprintf("with %s, each of which waits up to %s for its answer", counted(int64(p.Workers), "worker", "workers"), span(p.Wait))
	if p.Workers == 1 {
		text = fmt.Sprintf("with 1 worker, which waits up to %s for its answer", span(p.Wait))
	}
	if p.Retry != nil && p.Retry.Attempts > 1 {
		text += fmt.Sprintf(" and tries up to %d times", p.Retry.Attempts)
	}
	return text
}

// quotaInWords says what the brokers let through.
func (s setup) quotaInWords() string {
	rate := size(int64(s.Quotas.ProducerByteRate))
	if s.Brokers > 0 {
		return fmt.Sprintf("Each of %s lets %s a second through, about %s messages a second in all.",
			counted(int64(s.Brokers), "broker", "brokers"), rate, tidy(s.letThrough()))
	}
	return fmt.Sprintf("Each broker lets %s a second through, about %s messages.", rate, tidy(s.perBroker()))
}

func faultInWords(f scenario.Fault) string {
	text := "the fault " + plain(f.Kind)
	if words, ok := map[string]string{
		"outage":                "an outage",
		"slow":                  "a slow network",
		"lost_answers":          "answers that get lost",
		"acknowledged_and_gone": "messages that are acknowledged and never written",
		"quota":                 "another quota",
		"stop":                  "the application's stop",
		"broker_down":           "a broker that is down",
		"leader_move":           "a move of the leaders",
		"rolling_restart":       "a rolling restart",
		"not_enough_replicas":   "too few replicas",
		"crash":                 "a crash of the application",
		"store_down":            "a store that is down",
	}[f.Kind]; ok {
		text = words
	}
	if f.For > 0 {
		text += " of " + span(f.For)
	}
	if f.Leaders == "first_back" {
		text += ", after which one broker leads all partitions for " + span(f.Rebalance)
	}
	return text
}
