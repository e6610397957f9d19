package report

import (
	"cmp"
	"slices"
	"testing"
	"time"

	"kafkasim.example/simd/internal/ledger"
	"kafkasim.example/simd/internal/scenario"
)

// small is a minute in which the load outgrows what goes through, and the
// network is away for eight seconds.
const small = `
name: small
title: A small overload
about: One minute of load that outgrows the brokers, with a short outage in it.
topic: {partitions: 3, replication: 3, retention: 60s}
load:
  first: 2s
  phases:
    - {name: warm-up, for: 18s, rate: 2}
    - {name: climb, stairs: {from: 4, to: 16, by: 4, each: 10s}}
publisher: {send: blocking, workers: 50, wait: 4s, retry: {attempts: 2, backoff: 500ms, on: [timeout]}}
producer: {acks: "1", buffer.memory: 2097152, max.block.ms: 5000, linger.ms: 0}
faults:
  - {kind: outage, at: 36s, for: 8s}
expect:
  lost: "<= 400"
  vanished: "== 0"
  extra_copies: "== 0"
`

func parse(t testing.TB, text string) *scenario.Scenario {
	t.Helper()
	s, err := scenario.Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// simulate plays a scenario against a toy of a cluster, the same way each time:
// it lets ten messages a second through and nothing during the first fault, has
// a buffer of twenty messages, and loses its answer to each thirteenth. The facts
// are in the order in which they happened, in the run's own time.
func simulate(s *scenario.Scenario, speed float64) []ledger.Fact {
	const (
		service  = 100 * time.Millisecond
		places   = 20
		maxBlock = 5 * time.Second
		wait     = 4 * time.Second
	)
	var (
		facts   []ledger.Fact
		plan    = s.Plan()
		free    time.Duration // when the cluster has time for the next message
		leaves  []time.Duration
		offset  int64
		outages []scenario.Fault
	)
	outages = append(outages, s.Faults...)
	through := func(t time.Duration) time.Duration {
		for _, f := range outages {
			if t >= f.At && t < f.At+f.For {
				return f.At + f.For
			}
		}
		return t
	}
	add := func(at time.Duration, f ledger.Fact) {
		f.At = at
		facts = append(facts, f)
	}
	add(0, ledger.Fact{Kind: ledger.StateChanged, Note: "running"})
	for i, f := range outages {
		add(f.At, ledger.Fact{Kind: ledger.FaultBegan, Seq: int64(i)})
		add(f.At+f.For, ledger.Fact{Kind: ledger.FaultEnded, Seq: int64(i)})
	}
	written := func(seq int64, attempt int32, at time.Duration) {
		f := ledger.Fact{Kind: ledger.Written, Seq: seq, Attempt: attempt, Offset: offset, Partition: int32(seq % 3)}
		add(at+2*time.Millisecond, f)
		f.Kind = ledger.Consumed
		add(at+300*time.Millisecond, f)
		offset++
	}
	for seq := range plan.Total() {
		due := plan.Due(seq)
		lag := time.Duration(seq%5) * 100 * time.Microsecond
		add(due+lag, ledger.Fact{Kind: ledger.Offered, Seq: seq, Lag: lag})
		queue := 50 * time.Microsecond
		begin := due + lag + queue
		// A place in the buffer is free once the message twenty before has left.
		enter := begin
		if n := len(leaves); n >= places {
			enter = max(enter, leaves[n-places])
		}
		if blocked := enter - begin; blocked > maxBlock {
			at := begin + maxBlock
			add(at, ledger.Fact{Kind: ledger.Refused, Seq: seq, Attempt: 1, Queue: queue, Blocked: maxBlock, Cause: ledger.BufferExhausted})
			add(at, ledger.Fact{Kind: ledger.Told, Seq: seq, Attempt: 1, Outcome: ledger.Failed, Cause: ledger.BufferExhausted, Send: maxBlock, Total: at - due})
			continue
		}
		leave := through(max(enter, free)) + service
		free = leave
		leaves = append(leaves, leave)
		add(enter, ledger.Fact{Kind: ledger.Accepted, Seq: seq, Attempt: 1, Queue: queue, Blocked: enter - begin})
		answered := ledger.Fact{Kind: ledger.Answered, Seq: seq, Attempt: 1, Outcome: ledger.Confirmed, Ack: leave - enter, Offset: offset}
		told := ledger.Fact{Kind: ledger.Told, Seq: seq, Attempt: 1, Outcome: ledger.Confirmed, Send: leave - begin, Total: leave - due}
		switch {
		case seq%13 == 12 && seq%2 == 0: // written, answered too late, and sent again
			written(seq, 1, leave)
			add(leave, answered)
			add(enter+wait, ledger.Fact{Kind: ledger.Retried, Seq: seq, Attempt: 1, Outcome: ledger.Unknown, Cause: ledger.WaitTimeout})
			again := enter + wait + 500*time.Millisecond
			add(again, ledger.Fact{Kind: ledger.Accepted, Seq: seq, Attempt: 2})
			written(seq, 2, again+service)
			answered.At, answered.Attempt, answered.Ack = again+service, 2, service
			add(answered.At, answered)
			told.Attempt, told.Send, told.Total = 2, again+service-begin, again+service-due
			add(again+service, told)
		case leave-enter > wait || seq%13 == 12: // the application stops waiting
			if seq%3 > 0 {
				written(seq, 1, leave)
			} else {
				answered.Outcome, answered.Cause = ledger.Failed, ledger.DeliveryTimeout
			}
			add(leave, answered)
			told.Outcome, told.Cause = ledger.Unknown, ledger.WaitTimeout
			told.Send, told.Total = enter+wait-begin, enter+wait-due
			add(enter+wait, told)
		default:
			written(seq, 1, leave)
			add(leave, answered)
			add(leave, told)
		}
	}
	slices.SortStableFunc(facts, func(a, b ledger.Fact) int { return cmp.Compare(a.At, b.At) })
	facts = sampled(facts)
	last := facts[len(facts)-1].At
	for _, state := range []string{"draining", "reconciling", "completed"} {
		facts = append(facts, ledger.Fact{Kind: ledger.StateChanged, At: last, Note: state})
	}
	for i := range facts {
		hurry(&facts[i], speed)
	}
	return facts
}

// sampled puts the gauges, as the facts so far say they are, behind each second.
func sampled(facts []ledger.Fact) []ledger.Fact {
	const message, total = 100 << 10, 2 << 20
	var out []ledger.Fact
	var gauges ledger.Sample
	gauges.BufferTotal = total
	next := time.Second
	var held, offered, taken int64 // held: accepted, less those that have left the buffer
	for _, f := range facts {
		for f.At > next {
			s := gauges
			s.BufferAvailable = max(total-held*message, 0)
			s.Queued = max(offered-taken, 0)
			s.ThrottleTime = next / 20
			s.Committed = max(s.EndOffsets-2, 0)
			out = append(out, ledger.Fact{Kind: ledger.Sampled, At: next, Sample: &s})
			next += time.Second
		}
		switch f.Kind {
		case ledger.Offered:
			offered++
		case ledger.Accepted:
			taken, held = taken+1, held+1
		case ledger.Refused:
			taken++
		case ledger.Answered:
			held = max(held-1, 0)
		case ledger.Written:
			gauges.EndOffsets++
		}
		out = append(out, f)
	}
	return out
}

// hurry turns a fact's scenario time into the time of a faster run.
func hurry(f *ledger.Fact, speed float64) {
	for _, t := range []*time.Duration{&f.At, &f.Lag, &f.Queue, &f.Blocked, &f.Ack, &f.Send, &f.Total} {
		*t = time.Duration(float64(*t) / speed)
	}
	if f.Sample != nil {
		f.Sample.ThrottleTime = time.Duration(float64(f.Sample.ThrottleTime) / speed)
	}
}

// built is the report of a scenario played by simulate.
func built(t testing.TB, s *scenario.Scenario, speed float64) *Report {
	t.Helper()
	b := NewBuilder(Meta{ID: "c9s1example0000run0", Cluster: "embedded", Brokers: 3, Seed: 7, Speed: speed, Scenario: s})
	b.AddBatch(simulate(s, speed))
	return b.Report()
}
