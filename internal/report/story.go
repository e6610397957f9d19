package report

import (
	"fmt"
	"maps"
	"strings"

	"kafkasim.example/simd/internal/ledger"
)

// Headline is the outcome in one sentence.
func (r *Report) Headline() string {
	lost := "none lost"
	if r.Lost > 0 {
		lost = fmt.Sprintf("%s lost (%s)", grouped(r.Lost), percent(r.Lost, r.Scheduled))
	}
	extra := "no copy too many"
	if r.ExtraCopies > 0 {
		extra = fmt.Sprintf("%s too many (+%s)", counted(r.ExtraCopies, "copy", "copies"), percent(r.ExtraCopies, r.Scheduled))
	}
	return fmt.Sprintf("%s scheduled, %s written: %s, %s.", counted(r.Scheduled, "message", "messages"), grouped(r.Written), lost, extra)
}

// Verdict says whether the run showed what its scenario is there to show.
func (r *Report) Verdict() string {
	total := int64(len(r.Expectations))
	var failed int64
	for _, e := range r.Expectations {
		if !e.Ok {
			failed++
		}
	}
	switch {
	case r.Ok == nil && r.Unread > 0:
		return "No verdict: part of the log went unread."
	case r.Ok == nil:
		return fmt.Sprintf("No verdict: the run is %s, not completed.", r.State)
	case total == 0:
		return "The scenario expects nothing in particular."
	case failed == 0 && total == 1:
		return "The one expectation held."
	case failed == 0:
		return fmt.Sprintf("All %s expectations held.", grouped(total))
	default:
		return fmt.Sprintf("%s of %s did not hold.", grouped(failed), counted(total, "expectation", "expectations"))
	}
}

// story tells what happened, in words: what became of the messages, why, who
// made the copies, when messages began to be held up and for how long it took to
// drain, what the buffer and the faults did.
func (r *Report) story() string {
	if r.Scheduled == 0 {
		return "No message was scheduled."
	}
	tellers := []func() string{
		r.tellLost, r.tellLate, r.tellWrongly, r.tellCopies, r.tellConsumer, r.tellStress, r.tellDrain, r.tellBuffer, r.tellFaults,
	}
	var said []string
	for _, tell := range tellers {
		if s := tell(); s != "" {
			said = append(said, s)
		}
	}
	return strings.Join(said, " ")
}

func (r *Report) tellLost() string {
	switch {
	case r.Cells.Delivered == r.Scheduled && r.Scheduled == 1:
		return "The one message is in the log exactly once, and the application was told so."
	case r.Cells.Delivered == r.Scheduled:
		return fmt.Sprintf("All %s messages are in the log exactly once, and the application was told so of each.", grouped(r.Scheduled))
	case r.Lost == 0:
		return fmt.Sprintf("Of %s none is lost.", counted(r.Scheduled, "scheduled message", "scheduled messages"))
	}
	return fmt.Sprintf("Of %s, %s (%s) %s lost: %s.",
		counted(r.Scheduled, "scheduled message", "scheduled messages"), grouped(r.Lost),
		percent(r.Lost, r.Scheduled), either(r.Lost, "is", "are"), listed(phrases(r.ToldCauses(), whyLost)))
}

// ToldCauses are why messages are lost as the application heard it.
func (r *Report) ToldCauses() map[string]int64 {
	told := maps.Clone(r.Causes)
	for cause, n := range r.LateCauses {
		if told[cause] -= n; told[cause] == 0 {
			delete(told, cause)
		}
	}
	return told
}

// tellLate is about what the producer said when the application listened no more.
func (r *Report) tellLate() string {
	if len(r.LateCauses) == 0 {
		return ""
	}
	return fmt.Sprintf("What the application did not hear of those that it gave up: %s.", listed(phrases(r.LateCauses, whyLost)))
}

// tellWrongly is about messages whose fate is not what the application was told.
func (r *Report) tellWrongly() string {
	var said []string
	if n := r.Cells.Phantom; n > 0 {
		said = append(said, fmt.Sprintf("%s the application was told no", counted(n, "message of which", "messages of which")))
	}
	if n := r.Cells.Unconfirmed; n > 0 {
		said = append(said, fmt.Sprintf("%s it was told nothing", counted(n, "of which", "of which")))
		if len(said) == 1 {
			said[0] = fmt.Sprintf("%s the application was told nothing", counted(n, "message of which", "messages of which"))
		}
	}
	if len(said) == 0 {
		return ""
	}
	return sentence(listed(said) + " " + either(r.Cells.Phantom+r.Cells.Unconfirmed, "lies", "lie") + " in the log once all the same")
}

func (r *Report) tellCopies() string {
	if r.ExtraCopies == 0 {
		return ""
	}
	return fmt.Sprintf("The log holds %s too many (+%s), of %s: %s.",
		counted(r.ExtraCopies, "copy", "copies"), percent(r.ExtraCopies, r.Scheduled),
		counted(r.Cells.Duplicated, "message", "messages"), listed(phrases(r.CopiesBy, whoCopied)))
}

func (r *Report) tellConsumer() string {
	switch missing := r.Written - r.Consumed; {
	case missing > 0 && r.Consumed > 0:
		return fmt.Sprintf("The consumer group got %s fewer than the log held.", counted(missing, "copy", "copies"))
	case missing < 0:
		return fmt.Sprintf("The consumer group got %s more than the log held, for it read some twice.", counted(-missing, "copy", "copies"))
	}
	return ""
}

func (r *Report) tellStress() string {
	s := r.Stress
	if s == nil {
		return ""
	}
	held := fmt.Sprintf("From t = %s s to %s s messages were held up on their way into the producer", tidy(s.From), tidy(s.To))
	switch {
	case s.Under.Count == 0:
		return held + "."
	case s.Before.Count == 0:
		return fmt.Sprintf("%s: a send took %s on average (p95 %s).", held, lasting(s.Under.Mean), lasting(s.Under.P95))
	default:
		return fmt.Sprintf("%s: the mean send time was %s before and %s then (p95 %s and %s).",
			held, lasting(s.Before.Mean), lasting(s.Under.Mean), lasting(s.Before.P95), lasting(s.Under.P95))
	}
}

func (r *Report) tellDrain() string {
	end := r.loadEnds()
	if r.State != stateCompleted || r.Drained < end+1 {
		return ""
	}
	return fmt.Sprintf("When the load ended at t = %s s there was a backlog, which took another %s s: the last message was told at t = %s s.",
		tidy(end), tidy(r.Drained-end), tidy(r.Drained))
}

// loadEnds is when the last load phase ends.
func (r *Report) loadEnds() float64 {
	var end float64
	for _, p := range r.Phases {
		if p.Kind == PhaseLoad {
			end = max(end, p.To)
		}
	}
	return end
}

func (r *Report) tellBuffer() string {
	total, lowest := r.Buffer.Total, r.Buffer.LowestAvailable
	switch {
	case total == 0:
		return ""
	case lowest <= 0:
		return fmt.Sprintf("The producer's buffer of %s was full at times.", size(total))
	case lowest == total:
		return ""
	default:
		return fmt.Sprintf("Free buffer memory fell to %s of %s at its lowest.", size(lowest), size(total))
	}
}

func (r *Report) tellFaults() string {
	var said []string
	for _, f := range r.Faults {
		if !f.Began {
			said = append(said, fmt.Sprintf("The fault %s never came.", f.Name))
			continue
		}
		s := fmt.Sprintf("The fault %s lasted from t = %s s to %s s", f.Name, tidy(f.From), tidy(f.To))
		if !f.Ended {
			s = fmt.Sprintf("The fault %s came at t = %s s and stayed", f.Name, tidy(f.From))
		}
		var parts []string
		for _, when := range []string{"before", "during", "after"} {
			if p := r.phase(f.Name + "." + when); p != nil && p.Scheduled > 0 {
				parts = append(parts, fmt.Sprintf("%s of %s due %s it", either(p.Lost, "1", countOrNone(p.Lost)), grouped(p.Scheduled), when))
			}
		}
		if len(parts) > 0 && r.Lost > 0 {
			s += ": lost are " + listed(parts)
		}
		said = append(said, s+".")
	}
	return strings.Join(said, " ")
}

func countOrNone(n int64) string {
	if n == 0 {
		return "none"
	}
	return grouped(n)
}

func (r *Report) phase(name string) *Phase {
	for i := range r.Phases {
		if r.Phases[i].Name == name {
			return &r.Phases[i]
		}
	}
	return nil
}

// phrases says counts in words, the largest first.
func phrases(counts map[string]int64, say func(name string, n int64) string) []string {
	var out []string
	for _, c := range ranked(counts) {
		out = append(out, say(c.Name, c.Count))
	}
	return out
}

func whyLost(cause string, n int64) string {
	was := either(n, "was", "were")
	told := map[string]string{
		ledger.BufferExhausted.String():    "found no buffer memory within max.block.ms",
		ledger.WaitTimeout.String():        was + " given up when the application's wait ended",
		ledger.DeliveryTimeout.String():    was + " not delivered within delivery.timeout.ms",
		ledger.RequestTimeout.String():     "got no answer within request.timeout.ms",
		ledger.Connection.String():         "went down with " + either(n, "its connection", "their connections"),
		ledger.MetadataTimeout.String():    "found no metadata within max.block.ms",
		ledger.RecordTooLarge.String():     was + " too large for the producer",
		ledger.Closed.String():             "met a closed producer",
		ledger.QueueFull.String():          "found the application's queue full",
		ledger.ApplicationStopped.String(): was + " still queued when the application stopped",
		ledger.ApplicationKilled.String():  "went down with the application",
		ledger.NotAwaited.String():         was + " sent by an application that does not listen",
		ledger.Acknowledged.String():       was + " acknowledged and vanished",
		ledger.Other.String():              "met an error without a name",
	}[cause]
	if told == "" {
		told = was + " refused by the broker with " + cause
	}
	return grouped(n) + " " + told
}

func whoCopied(maker string, n int64) string {
	by := map[string]string{
		ledger.MadeByApplication.String(): "by the application's retries",
		ledger.MadeByClient.String():      "by the client's retries",
		ledger.MadeByRepublish.String():   "by republishing",
		ledger.MadeByReplay.String():      "by the replay after a crash",
	}[maker]
	if by == "" {
		by = "by " + plain(maker)
	}
	return grouped(n) + " made " + by
}
