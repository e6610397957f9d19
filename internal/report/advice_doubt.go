package report

import (
	"fmt"
	"strings"
)

// doubtRules are about answers that do not say what is in the log, and copies
// that come of it.
var doubtRules = []rule{
	{
		"application_retry", func(s setup) bool { return s.CopiesBy["application_retry"] > 0 },
		func(s setup) (string, string) {
			p, pub := s.Scenario.Producer, s.Scenario.Publisher
			n := s.CopiesBy["application_retry"]
			return "Leave the trying again to the producer", fmt.Sprintf(
				"%s (+%s) by the application's own retries: it waits %s, but the first attempt stays in the producer for up to delivery.timeout.ms (%s) and is written all the same. "+
					"With enable.idempotence=true, acks=all and retries as by default the producer tries again without copies; let the application wait longer than delivery.timeout.ms and then decide once.",
				counted(n, "copy was made", "copies were made"), percent(n, s.Scheduled), span(pub.Wait), span(p.DeliveryTimeout))
		},
	},
	{
		"client_retry", func(s setup) bool { return s.CopiesBy["client_retry"] > 0 },
		func(s setup) (string, string) {
			n := s.CopiesBy["client_retry"]
			why := fmt.Sprintf("%s by the producer's own retries, after an answer was lost.", counted(n, "copy was made", "copies were made"))
			if s.Scenario.Producer.Idempotent() {
				return "Let the consumer drop what it has seen", why + " The producer is idempotent already, which holds within one producer's life; beyond that only an id in each message helps."
			}
			return "Turn enable.idempotence on", why + fmt.Sprintf(
				" An idempotent producer numbers its batches, and the broker drops a second one. It needs acks=all (here %s), retries above 0 and at most 5 requests in flight.", s.Scenario.Producer.Acks)
		},
	},
	{
		"replayed", func(s setup) bool { return s.CopiesBy["crash_replay"]+s.CopiesBy["republish"] > 0 },
		func(s setup) (string, string) {
			n := s.CopiesBy["crash_replay"] + s.CopiesBy["republish"]
			return "Let the consumer drop what it has seen", fmt.Sprintf(
				"%s by sending again what may have been sent before. That is the price of losing nothing; an id in each message lets the consumer tell.",
				counted(n, "copy was made", "copies were made"))
		},
	},
	{
		"not_what_was_told", func(s setup) bool { return s.Cells.Phantom+s.Cells.Unconfirmed > 0 },
		func(s setup) (string, string) {
			n := s.Cells.Phantom + s.Cells.Unconfirmed
			return "Do not take a time-out for a no", fmt.Sprintf(
				"%s in the log although the application was told no (%s) or nothing (%s). Sent again, they would be %s too many. Give each message an id, ask the log before you send again, and let the consumer drop doubles.",
				counted(n, "message is", "messages are"), grouped(s.Cells.Phantom), grouped(s.Cells.Unconfirmed), counted(n, "copy", "copies"))
		},
	},
	{
		"wait", func(s setup) bool {
			p := s.Scenario.Publisher
			return p.Send == "blocking" && p.Wait < s.Scenario.Producer.DeliveryTimeout && s.Attempts["wait_timeout"] > 0
		},
		func(s setup) (string, string) {
			return "Wait as long as the producer tries", fmt.Sprintf(
				"The application gave up waiting %s after %s, while the producer goes on for up to delivery.timeout.ms (%s): what it then believes is a guess. "+
					"Make its wait the longer of the two, or delivery.timeout.ms the shorter, and each message ends in a yes or a no.",
				counted(s.Attempts["wait_timeout"], "time", "times"), span(s.Scenario.Publisher.Wait), span(s.Scenario.Producer.DeliveryTimeout))
		},
	},
	{
		"not_awaited", func(s setup) bool { return s.Scenario.Publisher.Send == "forget" },
		func(s setup) (string, string) {
			why := fmt.Sprintf("It knows nothing of any of its %s", counted(s.Scheduled, "message", "messages"))
			if s.Lost > 0 {
				why += fmt.Sprintf(", %s of which %s lost", grouped(s.Lost), either(s.Lost, "is", "are"))
			}
			return "Listen for the answers", why + ". A callback costs nothing and is the only place where an error is heard."
		},
	},
}

// pressureRules are about what went well this time, or only slowly.
var pressureRules = []rule{
	{
		"overload", func(s setup) bool {
			most := s.mostWritten()
			return s.Stress != nil && most > 0 && s.peak() > 1.05*most && s.Causes["buffer_exhausted"] == 0
		},
		func(s setup) (string, string) {
			return "Come more slowly, or let more through", fmt.Sprintf(
				"Up to %s messages a second were due, and in the best minute %s went through; from t = %s s to %s s a send took %s on average.",
				tidy(s.peak()), tidy(s.mostWritten()), tidy(s.Stress.From), tidy(s.Stress.To), lasting(s.Stress.Under.Mean))
		},
	},
	{
		"throttled", func(s setup) bool { return s.throttled() >= 1 && s.Quotas.ProducerByteRate > 0 },
		func(s setup) (string, string) {
			why := fmt.Sprintf("The brokers told the producer to hold back for %s in all. The quota of %s a second on each broker is about %s messages of this size",
				clockTime(s.throttled()), size(int64(s.Quotas.ProducerByteRate)), tidy(s.perBroker()))
			if s.Brokers == 0 {
				return "Ask for a larger quota, or send fewer bytes", why + fmt.Sprintf("; up to %s a second were due. Compression counts before the quota does.", tidy(s.peak()))
			}
			why += fmt.Sprintf(", %s from %s", tidy(s.letThrough()), counted(int64(s.Brokers), "broker", "brokers"))
			if s.peak() <= s.letThrough() {
				return "Watch the quota", why + fmt.Sprintf("; up to %s were due. That is enough, but with little room for a backlog.", tidy(s.peak()))
			}
			need := int64(s.peak() * float64(s.recordBytes()) / float64(s.Brokers) * 1.2)
			return "Ask for a larger quota, or send fewer bytes", why + fmt.Sprintf(
				"; up to %s were due. With a fifth to spare that takes %s a second on each. Compression counts before the quota does.", tidy(s.peak()), size(need))
		},
	},
	{
		"queue", func(s setup) bool {
			return s.Scenario.Publisher.Queue == 0 && s.mostOf(func(row *Row) int64 { return row.Queued }) >= 10*int64(s.Scenario.Publisher.Workers)
		},
		func(s setup) (string, string) {
			most := s.mostOf(func(row *Row) int64 { return row.Queued })
			why := []string{fmt.Sprintf("Nothing bounds the application's own queue: %s waited in it, %s of values, for up to %s, and all of it dies with the application.",
				counted(most, "message", "messages"), size(most*s.Message.Bytes), lasting(s.Latency.Queue.Max))}
			why = append(why, "Bound it, watch its length, and decide what happens to what does not fit.")
			return "Bound the queue in front of the workers", strings.Join(why, " ")
		},
	},
	{
		"lag", func(s setup) bool {
			most := float64(s.mostOf(func(row *Row) int64 { return row.Lag }))
			return most >= 100 && s.mostWritten() > 0 && most/s.mostWritten() >= 10
		},
		func(s setup) (string, string) {
			most := s.mostOf(func(row *Row) int64 { return row.Lag })
			behind := float64(most) / s.mostWritten()
			return "Watch the consumer's lag", fmt.Sprintf(
				"The consumer group was up to %s behind, about %s of the best minute's rate; the topic keeps %s. Alarm long before the two meet, for what is deleted unread is lost without an error.",
				counted(most, "message", "messages"), clockTime(behind), span(s.Scenario.Topic.Retention))
		},
	},
}
