package api

import (
	"bufio"
	"context"
	"encoding/json"
	"net/http"
	"time"

	"kafkasim.example/simd/internal/ledger"
)

// message is one line of the reconciliation list. Times are scenario seconds.
type message struct {
	Seq  int64  `json:"seq"`
	Key  string `json:"key,omitempty" doc:"The record's key."`
	Cell string `json:"cell" doc:"Its cell in the matrix: what was told by how many copies there are."`
	// Outcome is empty for a message that was dropped.
	Outcome  string    `json:"outcome" enum:"confirmed,failed,unknown,not_told" doc:"What the application was told."`
	Cause    string    `json:"cause" doc:"Why it was not told yes; none after a yes."`
	Due      *float64  `json:"due,omitempty" doc:"When the plan wanted it sent."`
	Told     *float64  `json:"told,omitempty" doc:"When the application had the last word on it."`
	Attempts []attempt `json:"attempts" nullable:"false"`
	Copies   []copied  `json:"copies" nullable:"false"`
	Consumed int       `json:"consumed" doc:"How many copies the application's consumer group got."`
}

// attempt is one try of the application's to get a message out.
type attempt struct {
	Attempt int32   `json:"attempt" doc:"From 1."`
	At      float64 `json:"at" doc:"When the producer took it or refused it."`
	Taken   bool    `json:"taken" doc:"The producer took it into its buffer."`
	// Outcome and Cause are what the producer answered, heard or not.
	Outcome string   `json:"outcome" enum:"confirmed,failed,unknown,not_told" doc:"What the producer answered, whether or not anybody still listened."`
	Cause   string   `json:"cause"`
	Ended   *float64 `json:"ended,omitempty" doc:"When it answered."`
	// GaveUp is set when the application stopped listening before the answer.
	GaveUp string `json:"gave_up,omitempty" doc:"Why the application stopped waiting before the answer."`
}

// copied is one copy in the log.
type copied struct {
	Partition int32   `json:"partition"`
	Offset    int64   `json:"offset"`
	Attempt   int32   `json:"attempt" doc:"The attempt that it came from."`
	By        string  `json:"by" doc:"Who made it."`
	At        float64 `json:"at" doc:"When the log reader saw it."`
}

// writeMessages streams the stories that keep wants, a line each.
func writeMessages(ctx context.Context, w http.ResponseWriter, r Run, keep func(int64, ledger.Entry) bool) error {
	const flushEvery = 1000
	out := bufio.NewWriterSize(w, 64<<10)
	enc := json.NewEncoder(out)
	control := http.NewResponseController(w)
	lines := 0
	for story, err := range ledger.Differing(r.FactsPath(), keep) {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err != nil {
			// The status has gone out; the last line is the only place left to say it.
			_ = enc.Encode(map[string]string{"error": err.Error()})
			_ = out.Flush()
			return err
		}
		if err := enc.Encode(tell(story, r)); err != nil {
			return err
		}
		if lines++; lines%flushEvery == 0 {
			extend(w)
			if err := out.Flush(); err != nil {
				return err
			}
			_ = control.Flush() // a writer that cannot flush has nothing to hold back
		}
	}
	extend(w)
	return out.Flush()
}

// tell makes a line of a story.
func tell(s ledger.Story, r Run) message {
	speed := max(r.Status().Speed, 1e-9)
	seconds := func(d time.Duration) float64 {
		return (time.Duration(float64(d) * speed)).Round(time.Microsecond).Seconds()
	}
	at := func(d time.Duration) *float64 { s := seconds(d); return &s }
	m := message{
		Seq: s.Seq, Cell: string(s.Entry.Cell()), Key: r.Key(s.Seq),
		Outcome: s.Entry.Outcome.String(), Cause: s.Entry.Cause.String(), Consumed: s.Entry.Consumed,
		Attempts: []attempt{}, Copies: []copied{},
	}
	of := func(number int32) *attempt {
		for i := range m.Attempts {
			if m.Attempts[i].Attempt == number {
				return &m.Attempts[i]
			}
		}
		m.Attempts = append(m.Attempts, attempt{Attempt: number, Outcome: ledger.NotTold.String(), Cause: ledger.NoCause.String()})
		return &m.Attempts[len(m.Attempts)-1]
	}
	for _, f := range s.Facts {
		switch f.Kind {
		case ledger.Offered:
			m.Due = at(f.At - f.Lag)
		case ledger.Accepted:
			a := of(f.Attempt)
			a.At, a.Taken = seconds(f.At), true
		case ledger.Refused:
			a := of(f.Attempt)
			a.At, a.Ended = seconds(f.At), at(f.At)
			a.Outcome, a.Cause = ledger.Failed.String(), f.Cause.String()
		case ledger.Answered:
			a := of(f.Attempt)
			a.Outcome, a.Cause, a.Ended = f.Outcome.String(), f.Cause.String(), at(f.At)
		case ledger.Retried, ledger.Told:
			if f.Kind == ledger.Told {
				m.Told = at(f.At)
			}
			if f.Outcome == ledger.Unknown && f.Attempt > 0 {
				of(f.Attempt).GaveUp = f.Cause.String()
			}
		case ledger.Dropped:
			m.Told = at(f.At)
		case ledger.Written:
			m.Copies = append(m.Copies, copied{Partition: f.Partition, Offset: f.Offset, Attempt: f.Attempt, By: f.Maker.String(), At: seconds(f.At)})
		}
	}
	return m
}
