package report

import (
	"fmt"
	"slices"
	"strings"
)

// Advice is something to change, and why, with this run's own figures.
type Advice struct {
	Rule string // the name of the rule that gave it
	What string
	Why  string
}

// rule gives advice when the run's figures ask for it.
type rule struct {
	name  string
	when  func(s setup) bool
	gives func(s setup) (what, why string)
}

// Advice says what to change, the worst first. It follows from the report's
// figures by plain rules; nil when the report does not hold its scenario or has
// no messages.
func (r *Report) Advice() []Advice {
	s, ok := r.setup()
	if !ok || r.Scheduled == 0 {
		return nil
	}
	var all []Advice
	for _, rule := range slices.Concat(lossRules, doubtRules, pressureRules) {
		if rule.when(s) {
			what, why := rule.gives(s)
			all = append(all, Advice{rule.name, what, why})
		}
	}
	return all
}

// lossRules are about messages that are not in the log.
var lossRules = []rule{
	{"vanished", func(s setup) bool { return s.Cells.Vanished > 0 }, (setup).adviseVanished},
	{"buffer_exhausted", func(s setup) bool { return s.Causes["buffer_exhausted"] > 0 }, (setup).adviseBuffer},
	{
		"outage", func(s setup) bool { return s.outage() > 0 && s.Lost > 0 },
		func(s setup) (string, string) {
			n := int64(s.peak() * s.outage().Seconds())
			return "Put a store between application and producer", fmt.Sprintf(
				"An outage of %s at %s messages a second is %s, about %s of buffer memory, and what is in memory dies with the application. "+
					"A store (an outbox in the database, a log on disk) keeps what cannot be sent; watch how far it is behind, and work it off no faster than the brokers take it.",
				span(s.outage()), tidy(s.peak()), counted(n, "message", "messages"), size(s.bufferFor(n)))
		},
	},
	{
		"delivery_timeout", func(s setup) bool {
			return s.Causes["delivery_timeout"]+s.Causes["request_timeout"]+s.Causes["connection"] > 0
		}, (setup).adviseRetries,
	},
	{
		"record_too_large", func(s setup) bool { return s.Causes["record_too_large"]+s.Causes["MESSAGE_TOO_LARGE"] > 0 },
		func(s setup) (string, string) {
			n := s.Causes["record_too_large"] + s.Causes["MESSAGE_TOO_LARGE"]
			return "Make messages smaller, or the limits larger", fmt.Sprintf(
				"%s of %s too large and never deliverable, however often they are tried: the producer takes %s (max.request.size), the topic %s (max.message.bytes). Send what is large by reference.",
				counted(n, "message", "messages")+" "+either(n, "was", "were"), size(s.Message.Bytes), size(s.Scenario.Producer.MaxRequestSize), size(s.Scenario.Topic.MaxMessageBytes))
		},
	},
	{
		"queue_full", func(s setup) bool { return s.Causes["queue_full"] > 0 },
		func(s setup) (string, string) {
			return "Give the application's queue a place to overflow to", fmt.Sprintf(
				"%s found its queue of %s full. A longer queue only moves the moment: push back on whoever calls, or store what cannot be queued.",
				counted(s.Causes["queue_full"], "message", "messages"), grouped(int64(s.Scenario.Publisher.Queue)))
		},
	},
	{
		"application_gone", func(s setup) bool {
			return s.Causes["application_stopped"]+s.Causes["application_killed"]+s.Causes["closed"] > 0
		},
		func(s setup) (string, string) {
			n := s.Causes["application_stopped"] + s.Causes["application_killed"] + s.Causes["closed"]
			return "Keep messages somewhere that outlives the application", fmt.Sprintf(
				"%s lost because the application went away with them: the queue in front of its workers held up to %s, and the producer's buffer about %s more. "+
					"On a stop, take nothing new, work the queue off, and close the producer with a time-out of at least delivery.timeout.ms (%s); against a crash only a store helps.",
				counted(n, "message was", "messages were"), grouped(s.mostOf(func(row *Row) int64 { return row.Queued })), grouped(s.room()), span(s.Scenario.Producer.DeliveryTimeout))
		},
	},
	{
		"metadata_timeout", func(s setup) bool { return s.Causes["metadata_timeout"] > 0 },
		func(s setup) (string, string) {
			return "Find out why the topic's metadata did not come", fmt.Sprintf(
				"%s waited max.block.ms (%s) for it in vain. Ask for it once before the application takes its first message, and check the topic's name, the permissions and the way to the brokers.",
				counted(s.Causes["metadata_timeout"], "message", "messages"), span(s.Scenario.Producer.MaxBlock))
		},
	},
	{"refused_by_broker", func(s setup) bool { return len(s.brokerErrors()) > 0 }, (setup).adviseBrokerErrors},
}

func (s setup) adviseVanished() (string, string) {
	n := counted(s.Cells.Vanished, "message was", "messages were")
	insync := s.Scenario.Topic.MinInsyncReplicas
	switch acks := s.Scenario.Producer.Acks; {
	case acks != "all":
		return "Ask for acks=all and min.insync.replicas=2", fmt.Sprintf(
			"%s acknowledged and is not in the log. With acks=%s a yes does not mean that a second broker has the message.", n, acks)
	case insync < 2:
		return "Raise min.insync.replicas to 2", fmt.Sprintf(
			"%s acknowledged and is not in the log. acks=all with min.insync.replicas=%d is satisfied by the leader alone when the others are behind.", n, insync)
	default:
		return "Find out who acknowledged what was never kept", fmt.Sprintf(
			"%s acknowledged and is not in the log, although acks=all and min.insync.replicas=%d. Look for unclean leader election, disks that lie about a flush, or something between client and broker; "+
				"until then only reconciliation finds such messages.", n, insync)
	}
}

func (s setup) adviseBuffer() (string, string) {
	p := s.Scenario.Producer
	n, room, workers := s.Causes["buffer_exhausted"], s.room(), int64(s.Scenario.Publisher.Workers)
	why := []string{fmt.Sprintf("%s found no memory within max.block.ms (%s): buffer.memory = %s holds about %s, and %s.",
		counted(n, "message", "messages"), span(p.MaxBlock), size(p.BufferMemory), counted(room, "message", "messages"),
		counted(workers, "worker sends", "workers send"))}
	what := "Come more slowly, wait longer, or queue in front of the producer"
	if s.Scenario.Publisher.Send == "blocking" && room < workers {
		what = fmt.Sprintf("Raise buffer.memory to %s", size(s.bufferFor(workers)))
		why = append(why, fmt.Sprintf("%s holds what %s can have under way at once, and then no send has to wait for memory.",
			size(s.bufferFor(workers)), counted(workers, "blocking worker", "blocking workers")))
	}
	if most := s.mostWritten(); s.peak() > most*1.05 && most > 0 {
		why = append(why, fmt.Sprintf("Memory takes the refusals away, not the wait: up to %s messages a second were due, and in the best minute %s went through.", tidy(s.peak()), tidy(most)))
	}
	why = append(why, fmt.Sprintf("Otherwise: a max.block.ms above %s, a lower load, or a queue in front of the producer that can hold what comes too fast.", span(p.MaxBlock)))
	return what, strings.Join(why, " ")
}

func (s setup) adviseRetries() (string, string) {
	p := s.Scenario.Producer
	var met []string
	for _, c := range ranked(s.Causes) {
		if c.Name == "delivery_timeout" || c.Name == "request_timeout" || c.Name == "connection" {
			met = append(met, whyLost(c.Name, c.Count))
		}
	}
	why := sentence(listed(met))
	longer := max(s.outage()*2, p.DeliveryTimeout*2)
	if p.Retries == 0 {
		return "Let the producer try again", fmt.Sprintf(
			"%s With retries=0 a single lost connection is final. Leave retries as it is by default, turn enable.idempotence on (it needs acks=all), and let delivery.timeout.ms (%s) alone say for how long: %s.",
			why, span(p.DeliveryTimeout), "longer than an outage lasts, "+span(longer)+" say")
	}
	return fmt.Sprintf("Raise delivery.timeout.ms to %s", span(longer)), fmt.Sprintf(
		"%s delivery.timeout.ms (%s) is how long the producer keeps trying; it should outlast what you want to survive, and the buffer must hold what comes meanwhile: %s a second.",
		why, span(p.DeliveryTimeout), size(int64(s.peak()*float64(s.recordBytes()))))
}

// brokerErrors are causes that bear Kafka's own error names.
func (s setup) brokerErrors() []Named {
	var out []Named
	for _, c := range ranked(s.ToldCauses()) {
		if c.Name == strings.ToUpper(c.Name) && c.Name != "MESSAGE_TOO_LARGE" {
			out = append(out, c)
		}
	}
	return out
}

func (s setup) adviseBrokerErrors() (string, string) {
	var names []string
	for _, c := range s.brokerErrors() {
		names = append(names, fmt.Sprintf("%s (%s)", c.Name, grouped(c.Count)))
	}
	why := "The brokers refused messages: " + listed(names) + "."
	if s.Causes["NOT_ENOUGH_REPLICAS"]+s.Causes["NOT_ENOUGH_REPLICAS_AFTER_APPEND"] > 0 {
		why += fmt.Sprintf(" Fewer than min.insync.replicas=%d were in sync, of %d: that is the guarantee at work, and it needs retries that outlast it.",
			s.Scenario.Topic.MinInsyncReplicas, s.Scenario.Topic.Replication)
	}
	return "Handle the brokers' own errors", why + " The producer tries again what Kafka calls retriable, as long as delivery.timeout.ms and retries let it."
}
