package report

import (
	"slices"
	"strings"
	"testing"
)

// calm is a run of which all went well: 5 messages a second for a minute.
func calm(t *testing.T, set ...string) *Report {
	t.Helper()
	s := parse(t, "name: calm\nmessage: {bytes: 102400}\nload: {phases: [{for: 60s, rate: 5}]}\n")
	for i := 0; i < len(set); i += 2 {
		if err := s.Set(set[i], set[i+1]); err != nil {
			t.Fatal(err)
		}
	}
	text, err := s.YAML()
	if err != nil {
		t.Fatal(err)
	}
	r := &Report{
		Figures: Figures{
			Scheduled: 300, Confirmed: 300, Written: 300, Consumed: 300,
			Causes: map[string]int64{}, LateCauses: map[string]int64{}, CopiesBy: map[string]int64{}, Attempts: map[string]int64{},
		},
		Planned: 300, Seconds: 60, RowSeconds: 1, Settings: string(text), State: stateCompleted,
	}
	for i := range 60 {
		r.Timeline = append(r.Timeline, Row{T: float64(i), Scheduled: 5, Confirmed: 5, Written: 5, Consumed: 5})
	}
	return r
}

// lose makes n messages lost for a cause.
func (r *Report) lose(cause string, n int64) {
	r.Lost, r.Written, r.Confirmed, r.Failed = r.Lost+n, r.Written-n, r.Confirmed-n, r.Failed+n
	r.Causes[cause] += n
	r.Attempts[cause] += n
}

// TestAdvice: each rule fires for what it is about, with the run's own figures,
// and no other does; a calm run needs none.
func TestAdvice(t *testing.T) {
	rows := []struct {
		story string
		set   []string // the scenario's settings
		met   func(r *Report)
		rules string // that fire, in order
		what  string
		why   []string
	}{
		{"all went well", nil, func(*Report) {}, "", "", nil},
		{
			"the leader said yes and died", []string{"producer.acks", "1"}, func(r *Report) { r.Cells.Vanished = 3 }, "vanished",
			"Ask for acks=all and min.insync.replicas=2", []string{"3 messages were acknowledged", "With acks=1"},
		},
		{
			"all who were in sync was one", nil, func(r *Report) { r.Cells.Vanished = 1 }, "vanished",
			"Raise min.insync.replicas to 2", []string{"1 message was acknowledged", "min.insync.replicas=1"},
		},
		{
			"nobody should have lost it", []string{"topic.min.insync.replicas", "2"}, func(r *Report) { r.Cells.Vanished = 1 }, "vanished",
			"Find out who acknowledged what was never kept", []string{"although acks=all and min.insync.replicas=2"},
		},
		{
			"the buffer holds less than the workers send", []string{"producer.buffer.memory", "2MiB", "producer.max.block.ms", "5000"},
			func(r *Report) { r.lose("buffer_exhausted", 55) }, "buffer_exhausted",
			"Raise buffer.memory to 5 MiB", []string{"55 messages found no memory within max.block.ms (5 s)", "buffer.memory = 2 MiB holds about 20 messages, and 50 workers send"},
		},
		{
			"the buffer is large, the load larger", []string{"load.phases[0].rate", "50"},
			func(r *Report) { r.lose("buffer_exhausted", 1) }, "buffer_exhausted",
			"Come more slowly, wait longer, or queue in front of the producer", []string{"1 message found", "up to 50 messages a second were due, and in the best minute 5 went through"},
		},
		{
			"the cluster was away", []string{"faults", "[{kind: outage, at: 10s, for: 20s}]"},
			func(r *Report) { r.lose("queue_full", 40) }, "outage queue_full",
			"Put a store between application and producer", []string{"An outage of 20 s at 5 messages a second is 100 messages, about 10 MiB"},
		},
		{
			"one attempt was all", []string{"producer.retries", "0"}, func(r *Report) { r.lose("connection", 7) }, "delivery_timeout",
			"Let the producer try again", []string{"7 went down with their connections.", "retries=0", "enable.idempotence"},
		},
		{
			"it tried for too short a time", []string{"producer.request.timeout.ms", "8000", "producer.delivery.timeout.ms", "30000"},
			func(r *Report) { r.lose("delivery_timeout", 7) }, "delivery_timeout",
			"Raise delivery.timeout.ms to 60 s", []string{"7 were not delivered within delivery.timeout.ms", "(30 s)"},
		},
		{
			"too large", nil, func(r *Report) { r.lose("MESSAGE_TOO_LARGE", 2) }, "record_too_large",
			"Make messages smaller, or the limits larger", []string{"2 messages were of 100 KiB", "1 MiB"},
		},
		{
			"the queue was full", []string{"publisher.queue", "10"}, func(r *Report) { r.lose("queue_full", 3) }, "queue_full",
			"Give the application's queue a place to overflow to", []string{"3 messages found its queue of 10 full"},
		},
		{
			"the application died", nil, func(r *Report) { r.lose("application_killed", 2); r.lose("closed", 1) }, "application_gone",
			"Keep messages somewhere that outlives the application", []string{"3 messages were lost", "(2 min)"},
		},
		{
			"no metadata", nil, func(r *Report) { r.lose("metadata_timeout", 1) }, "metadata_timeout",
			"Find out why the topic's metadata did not come", []string{"1 message waited max.block.ms (60 s)"},
		},
		{
			"too few replicas", []string{"topic.min.insync.replicas", "2"}, func(r *Report) { r.lose("NOT_ENOUGH_REPLICAS", 4) }, "refused_by_broker",
			"Handle the brokers' own errors", []string{"NOT_ENOUGH_REPLICAS (4)", "min.insync.replicas=2 were in sync, of 3"},
		},
		{
			"the application tried again", []string{"publisher.wait", "1s", "publisher.retry", "{attempts: 3}"},
			func(r *Report) { r.CopiesBy["application_retry"], r.Attempts["wait_timeout"] = 30, 40 }, "application_retry wait",
			"Leave the trying again to the producer", []string{"30 copies were made (+10 %)", "it waits 1 s", "delivery.timeout.ms (2 min)"},
		},
		{
			"the producer tried again", []string{"producer.enable.idempotence", "false", "producer.acks", "1"},
			func(r *Report) { r.CopiesBy["client_retry"] = 1 }, "client_retry",
			"Turn enable.idempotence on", []string{"1 copy was made", "acks=all (here 1)"},
		},
		{
			"the producer tried again, idempotent as it is", nil, func(r *Report) { r.CopiesBy["client_retry"] = 2 }, "client_retry",
			"Let the consumer drop what it has seen", []string{"2 copies were made"},
		},
		{
			"the application came back", nil, func(r *Report) { r.CopiesBy["crash_replay"] = 2 }, "replayed",
			"Let the consumer drop what it has seen", []string{"2 copies were made"},
		},
		{
			"told no, and there", nil, func(r *Report) { r.Cells.Phantom, r.Cells.Unconfirmed = 2, 5 }, "not_what_was_told",
			"Do not take a time-out for a no", []string{"7 messages are in the log", "no (2) or nothing (5)", "7 copies too many"},
		},
		{
			"it gave up before the producer did", nil, func(r *Report) { r.Attempts["wait_timeout"] = 9 }, "wait",
			"Wait as long as the producer tries", []string{"9 times after 15 s", "(2 min)"},
		},
		{
			"it never listens", []string{"publisher.send", "forget"}, func(r *Report) { r.Lost = 3 }, "not_awaited",
			"Listen for the answers", []string{"300 messages, 3 of which are lost"},
		},
		{
			"more than goes through", []string{"load.phases[0].rate", "50"},
			func(r *Report) { r.Stress = &Stress{From: 10, To: 50, Under: Quantiles{Count: 9, Mean: 1.63}} }, "overload",
			"Come more slowly, or let more through", []string{"Up to 50 messages a second were due, and in the best minute 5 went through", "t = 10 s to 50 s a send took 1.63 s"},
		},
		{
			"held back", []string{"quotas.producer_byte_rate", "1MiB", "load.phases[0].rate", "50"},
			func(r *Report) { r.Brokers, r.Timeline[30].Throttle = 3, 90 }, "throttled",
			"Ask for a larger quota, or send fewer bytes", []string{"1 min 30 s in all", "about 10.2 messages of this size, 30.7 from 3 brokers; up to 50 were due", "1.96 MiB a second on each"},
		},
		{
			"held back, and nobody knows by how many brokers", []string{"quotas.producer_byte_rate", "1MiB"},
			func(r *Report) { r.Timeline[30].Throttle = 90 }, "throttled",
			"Ask for a larger quota, or send fewer bytes", []string{"about 10.2 messages of this size; up to 5 a second were due"},
		},
		{
			"held back, and yet in time", []string{"quotas.producer_byte_rate", "1MiB"},
			func(r *Report) { r.Brokers, r.Timeline[30].Throttle = 3, 2 }, "throttled", "Watch the quota", []string{"up to 5 were due"},
		},
		{
			"a long queue", nil, func(r *Report) { r.Timeline[30].Queued, r.Latency.Queue.Max = 5650, 187 }, "queue",
			"Bound the queue in front of the workers", []string{"5,650 messages waited in it, 551.76 MiB of values, for up to 187 s"},
		},
		{
			"a slow consumer", nil, func(r *Report) { r.Timeline[30].Lag = 150 }, "lag",
			"Watch the consumer's lag", []string{"150 messages behind, about 30 s of", "keeps 60 s"},
		},
	}
	fired := make(map[string]bool)
	for _, row := range rows {
		t.Run(row.story, func(t *testing.T) {
			r := calm(t, row.set...)
			row.met(r)
			advice := r.Advice()
			var names []string
			for _, a := range advice {
				names = append(names, a.Rule)
				fired[a.Rule] = true
			}
			if got := strings.Join(names, " "); got != row.rules {
				t.Fatalf("the rules %q fire, want %q", got, row.rules)
			}
			if row.rules == "" {
				return
			}
			if advice[0].What != row.what {
				t.Errorf("it says %q, want %q", advice[0].What, row.what)
			}
			for _, want := range row.why {
				if !strings.Contains(advice[0].Why, want) {
					t.Errorf("it does not say %q:\n%s", want, advice[0].Why)
				}
			}
		})
	}
	for _, rule := range slices.Concat(lossRules, doubtRules, pressureRules) {
		if !fired[rule.name] {
			t.Errorf("no row of the table makes the rule %s fire", rule.name)
		}
	}
}

// TestNoAdviceWithoutFigures: a run that never began, or whose scenario is not known.
func TestNoAdviceWithoutFigures(t *testing.T) {
	idle := calm(t)
	idle.Scheduled = 0
	foreign := calm(t)
	foreign.Settings = "name: from\nanother: version\n"
	for story, r := range map[string]*Report{"never began": idle, "another version": foreign, "empty": {}} {
		if got := r.Advice(); got != nil {
			t.Errorf("%s: %v", story, got)
		}
	}
	if got := foreign.explained(); got != nil {
		t.Errorf("settings of a scenario that cannot be read: %v", got)
	}
}
