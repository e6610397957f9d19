package scenario

import (
	"regexp"
	"time"
)

// This file is the format: every field by its name, with what it may hold.

const (
	maxMessages     = 200_000_000
	maxMessageBytes = 100 << 20
	maxPayload      = 10_000_000_000_000 // bytes, all messages together
	maxEntries      = 1000               // of a list
	maxBrokers      = 64                 // named by one fault
	maxWorkers      = 100_000
	maxPartitions   = 10_000
	maxTime         = 30 * 24 * time.Hour
	maxBuffer       = 1 << 40 // bytes
	maxInt          = 1<<31 - 1
)

func (s *Scenario) root() object[Scenario] {
	return object[Scenario]{p: s, what: "a scenario", fields: scenarioFields, usual: func() Scenario { return *Default() }}
}

func scenarioFields(s *Scenario) []field {
	return []field{
		{"name", words(&s.Name, nameWanted, judgeName), false},
		{"title", prose(&s.Title, 200, false), false},
		{"about", prose(&s.About, 10_000, true), false},
		{"topic", section(&s.Topic, "topic", topicFields, func(d *Scenario) Topic { return d.Topic }), false},
		{"message", section(&s.Message, "message", messageFields, func(d *Scenario) Message { return d.Message }), false},
		{"load", section(&s.Load, "load", loadFields, func(d *Scenario) Load { return d.Load }), false},
		{"publisher", section(&s.Publisher, "publisher", publisherFields, func(d *Scenario) Publisher { return d.Publisher }), false},
		{"producer", producerSection(&s.Producer), false},
		{"quotas", section(&s.Quotas, "quotas", quotaFields, func(d *Scenario) Quotas { return d.Quotas }), false},
		{"faults", list[Fault]{&s.Faults, func(f *Fault) value { return anyFault{f} }, maxEntries, "faults"}, false},
		{"expect", expectations{&s.Expect}, false},
	}
}

// section is an object whose defaults are a part of the default scenario.
func section[T any](p *T, what string, fields func(*T) []field, usual func(*Scenario) T) object[T] {
	return object[T]{p: p, what: what, fields: fields, usual: func() T { return usual(Default()) }}
}

func topicFields(t *Topic) []field {
	return []field{
		{"partitions", whole(&t.Partitions, 1, maxPartitions), false},
		{"replication", whole(&t.Replication, 1, 1000), false},
		{"retention", span(&t.Retention, time.Second, maxTime), false},
		{"max.message.bytes", size(&t.MaxMessageBytes, maxInt), false},
		{"min.insync.replicas", whole(&t.MinInsyncReplicas, 1, 1000), false},
	}
}

func messageFields(m *Message) []field {
	return []field{
		{"bytes", size(&m.Bytes, maxMessageBytes), false},
		{"key", choice(&m.Key, "uuid", "none"), false},
	}
}

func loadFields(l *Load) []field {
	return []field{
		{"first", span(&l.First, 0, maxTime), false},
		{"bursts", span(&l.Bursts, 0, maxTime), false},
		{"phases", list[Phase]{&l.Phases, phaseValue, maxEntries, "phases"}, false},
	}
}

func phaseValue(ph *Phase) value {
	return object[Phase]{p: ph, what: "a phase", fields: phaseFields, usual: func() Phase { return Phase{} }}
}

func phaseFields(ph *Phase) []field {
	return []field{
		{"name", prose(&ph.Name, 63, false), false},
		{"for", span(&ph.For, 0, maxTime), false},
		{"rate", optional[float64]{&ph.Rate, rate, func() float64 { return 0 }}, false},
		{"ramp", optional[Ramp]{&ph.Ramp, rampValue, func() Ramp { return Ramp{} }}, false},
		{"stairs", optional[Stairs]{&ph.Stairs, stairsValue, oneByOne}, false},
	}
}

func rate(p *float64) value { return float(p, 0, maxRate) }

func rampValue(r *Ramp) value {
	return object[Ramp]{p: r, what: "a ramp", usual: func() Ramp { return Ramp{} }, fields: func(r *Ramp) []field {
		return []field{{"from", rate(&r.From), true}, {"to", rate(&r.To), true}}
	}}
}

func oneByOne() Stairs { return Stairs{By: 1} }

func stairsValue(st *Stairs) value {
	return object[Stairs]{p: st, what: "stairs", usual: oneByOne, fields: func(st *Stairs) []field {
		return []field{
			{"from", rate(&st.From), true},
			{"to", rate(&st.To), true},
			{"each", span(&st.Each, time.Millisecond, maxTime), true},
			{"by", float(&st.By, 1e-9, maxRate), false},
		}
	}}
}

func publisherFields(p *Publisher) []field {
	return []field{
		{"send", choice(&p.Send, "blocking", "callback", "forget"), false},
		{"workers", whole(&p.Workers, 1, maxWorkers), false},
		{"wait", span(&p.Wait, time.Millisecond, maxTime), false},
		{"contention", float(&p.Contention, 0, 1), false},
		{"queue", whole(&p.Queue, 0, maxMessages), false},
		{"retry", optional[Retry]{&p.Retry, retryValue, defaultRetry}, false},
	}
}

func retryValue(r *Retry) value {
	return object[Retry]{p: r, what: "retry", usual: defaultRetry, fields: func(r *Retry) []field {
		return []field{
			{"attempts", whole(&r.Attempts, 1, 1000), false},
			{"backoff", span(&r.Backoff, 0, maxTime), false},
			{"factor", float(&r.Factor, 1, 1000), false},
			{"jitter", float(&r.Jitter, 0, 1), false},
			{"on", list[string]{&r.On, func(s *string) value { return choice(s, "timeout", "error") }, 2, "of timeout, error"}, false},
		}
	}}
}

func quotaFields(q *Quotas) []field {
	return []field{
		{"producer_byte_rate", byteRate(&q.ProducerByteRate), false},
		{"quota.window.size.seconds", counted(&q.Window, time.Second, time.Millisecond, time.Hour, "seconds from 0.001 to 3,600, such as 1 or 1s"), false},
		{"quota.window.num", whole(&q.Samples, 1, 1000), false},
	}
}

const nameWanted = "a name of 1 to 63 characters of a-z, 0-9 and -, which - does not begin"

var nameShape = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,62}$`)

// judgeName keeps names fit for files, topics and labels.
func judgeName(name string) string {
	switch {
	case name == "":
		return "is missing"
	case len(name) > 63:
		return "is " + grouped(int64(len(name))) + " characters long"
	case !nameShape.MatchString(name):
		return is(text(name))
	}
	return ""
}
