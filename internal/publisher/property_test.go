package publisher

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"kafkasim.example/simd/internal/ledger"
)

const ms = time.Millisecond

// life is one application's, from its first message to its end.
type life struct {
	cfg      Config
	due      []time.Duration
	fates    []fate // dealt out to the attempts by message and number
	end      string // drain, stop or abort
	at       time.Duration
	patience time.Duration // from there to the abort, when it has not ended by then
	closing  time.Duration // from the abort to the producer's close
}

func draw(t *rapid.T) life {
	some := func(most int, label string) time.Duration {
		return time.Duration(rapid.IntRange(0, most).Draw(t, label)) * ms
	}
	cause := rapid.SampledFrom([]ledger.Cause{ledger.NoCause, ledger.NoCause, ledger.Connection})
	return life{
		cfg: Config{
			Mode:    rapid.SampledFrom([]Mode{Blocking, Callback, Forget}).Draw(t, "mode"),
			Workers: rapid.IntRange(1, 4).Draw(t, "workers"),
			Queue:   rapid.IntRange(0, 5).Draw(t, "queue"),
			Wait:    some(10, "wait"),
			Retry: Retry{
				Attempts:  rapid.IntRange(0, 4).Draw(t, "attempts"),
				Backoff:   some(5, "backoff"),
				Factor:    rapid.Float64Range(0, 3).Draw(t, "factor"),
				Jitter:    rapid.Float64Range(0, 1).Draw(t, "jitter"),
				OnTimeout: rapid.Bool().Draw(t, "on timeout"),
				OnError:   rapid.Bool().Draw(t, "on error"),
			},
		},
		due: rapid.Map(rapid.SliceOfN(rapid.IntRange(0, 4), 0, 30), func(gaps []int) []time.Duration {
			due := make([]time.Duration, len(gaps))
			var at time.Duration
			for i, gap := range gaps {
				at += time.Duration(gap) * ms
				due[i] = at
			}
			return due
		}).Draw(t, "due"),
		fates: rapid.SliceOfN(rapid.Custom(func(t *rapid.T) fate {
			return fate{
				blocks: max(0, some(20, "blocks")-10*ms),
				refuse: rapid.SampledFrom([]ledger.Cause{ledger.NoCause, ledger.NoCause, ledger.BufferExhausted}).Draw(t, "refuse"),
				never:  rapid.IntRange(0, 9).Draw(t, "never") == 0,
				after:  some(15, "after") - ms, // -1 ms: at the close
				no:     cause.Draw(t, "no"),
			}
		}), 1, 20).Draw(t, "fates"),
		end:      rapid.SampledFrom([]string{"drain", "stop", "abort"}).Draw(t, "end"),
		at:       some(70, "at"),
		patience: some(60, "patience"),
		closing:  some(10, "closing"),
	}
}

func (l life) fate(m Message, attempt int) fate {
	return l.fates[(int(m.Seq)*7+attempt)%len(l.fates)]
}

// live plays the life, and returns all that was recorded and an error when the
// application did not end as it should.
func (l life) live() (facts []ledger.Fact, err error) {
	sender := newFake(l.fate)
	var notes notebook
	base := time.Now()
	p := New(l.cfg, base, sender, &notes)
	offered := make(chan struct{})
	go func() {
		defer close(offered)
		for seq, due := range l.due {
			time.Sleep(due - time.Since(base))
			p.Offer(int64(seq), due)
		}
	}()

	time.Sleep(l.at)
	ctx, cancel := context.WithTimeout(context.Background(), l.patience)
	defer cancel()
	ended := false
	switch l.end {
	case "drain":
		ended = p.Drain(ctx) == nil
	case "stop":
		ended = p.Stop(ctx) == nil
	}
	told := notes.told()
	if ended && p.Busy()+p.Queued() != 0 {
		err = fmt.Errorf("%s returned with %d busy and %d queued", l.end, p.Busy(), p.Queued())
	}
	closed := make(chan struct{})
	time.AfterFunc(l.closing, func() {
		defer close(closed)
		sender.close()
	})
	p.Abort(func() {})
	if late := notes.told() - told; ended && late > 0 {
		err = fmt.Errorf("%d messages were told after %s had returned", late, l.end)
	}
	<-offered
	<-closed
	sender.timers.Wait()
	p.Abort(func() {})
	return notes.facts, err
}

// told counts the messages that have been told.
func (n *notebook) told() (count int) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, f := range n.facts {
		if f.Kind == ledger.Told {
			count++
		}
	}
	return count
}

// Whatever the application, the producer and the end: every message that was
// offered is told or dropped, once, and its facts make sense.
func TestEveryMessageIsAccountedFor(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		l := draw(rt)
		var facts []ledger.Fact
		var err error
		synctest.Test(t, func(*testing.T) { facts, err = l.live() })
		if err != nil {
			rt.Fatal(err)
		}
		stories := make([][]ledger.Fact, len(l.due))
		for _, f := range facts {
			stories[f.Seq] = append(stories[f.Seq], f)
		}
		for seq, story := range stories {
			if err := l.check(story); err != nil {
				for _, f := range story {
					rt.Log(inWords(f))
				}
				rt.Fatalf("message %d: %v", seq, err)
			}
		}
	})
}

// check says what is wrong with the story of one message.
func (l life) check(story []ledger.Fact) error {
	count := map[ledger.Kind]int{}
	attempts := map[int32][]ledger.Kind{}
	ends := map[int32]verdict{} // of the attempts that have one
	var last ledger.Fact
	for i, f := range story {
		count[f.Kind]++
		if i > 0 && f.At < story[i-1].At {
			return fmt.Errorf("fact %d goes back in time", i)
		}
		if min(f.Lag, f.Queue, f.Blocked, f.Ack, f.Send, f.Total) < 0 {
			return fmt.Errorf("fact %d: a clock runs backwards: %+v", i, f)
		}
		switch f.Kind {
		case ledger.Accepted, ledger.Refused, ledger.Answered:
			attempts[f.Attempt] = append(attempts[f.Attempt], f.Kind)
			ends[f.Attempt] = verdict{f.Outcome, f.Cause}
		case ledger.Retried:
			if f.Outcome == ledger.Confirmed {
				return fmt.Errorf("attempt %d succeeded and was followed by another", f.Attempt)
			}
		case ledger.Told, ledger.Dropped:
			last = f
		}
	}
	if story[0].Kind != ledger.Offered || count[ledger.Offered] != 1 {
		return fmt.Errorf("it was offered %d times", count[ledger.Offered])
	}
	if words := count[ledger.Told] + count[ledger.Dropped]; words != 1 {
		return fmt.Errorf("it has %d last words", words)
	}
	if last.Kind == ledger.Dropped {
		if len(story) != 2 {
			return fmt.Errorf("it was dropped, and yet tried")
		}
		return nil
	}

	if int(last.Attempt) != len(attempts) || len(attempts) > max(1, l.cfg.Retry.Attempts) {
		return fmt.Errorf("told after %d attempts, and %d were made", last.Attempt, len(attempts))
	}
	if n := count[ledger.Retried]; n != len(attempts)-1 && (n != len(attempts) || last.Cause != ledger.ApplicationKilled) {
		return fmt.Errorf("%d attempts, and %d times it was said that there will be another", len(attempts), n)
	}
	for n, kinds := range attempts {
		switch f := l.fate(Message{Seq: last.Seq}, int(n)); {
		case kinds[0] == ledger.Refused && len(kinds) == 1:
		case kinds[0] == ledger.Accepted && len(kinds) == 1 && f.never:
		case kinds[0] == ledger.Accepted && len(kinds) == 2 && kinds[1] == ledger.Answered && !f.never:
		default:
			return fmt.Errorf("attempt %d has the facts %v", n, kinds)
		}
	}
	end := ends[last.Attempt]
	switch l.cfg.Mode {
	case Forget:
		if last.Outcome != ledger.Unknown {
			return fmt.Errorf("who never listens was told %v", last.Outcome)
		}
	default:
		switch {
		case last.Outcome == ledger.Confirmed && end.outcome == ledger.Confirmed:
		case last.Outcome == ledger.Failed && last.Cause == end.cause && end.outcome != ledger.Confirmed:
		case last.Outcome == ledger.Unknown && last.Cause == ledger.ApplicationKilled:
		case last.Outcome == ledger.Unknown && last.Cause == ledger.WaitTimeout && l.cfg.Mode == Blocking && l.cfg.Wait > 0:
		default:
			return fmt.Errorf("told %v %v, and the last attempt ended %v %v", last.Outcome, last.Cause, end.outcome, end.cause)
		}
	}
	return nil
}
