package publisher

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"kafkasim.example/simd/internal/ledger"
)

var errEnough = errors.New("enough")

// within is a context that ends after d with errEnough.
func within(t *testing.T, d time.Duration) context.Context {
	ctx, cancel := context.WithTimeoutCause(t.Context(), d, errEnough)
	t.Cleanup(cancel)
	return ctx
}

// Three messages for one worker, all offered at 0 s; at 5 s the application
// ends in one way or another, and the producer is closed at 9 s.
func TestEndings(t *testing.T) {
	drain := func(p *Publisher, t *testing.T) error { return p.Drain(t.Context()) }
	stop := func(p *Publisher, t *testing.T) error { return p.Stop(t.Context()) }
	hurry := func(p *Publisher, t *testing.T) error { return p.Stop(within(t, s)) }
	abort := func(p *Publisher, _ *testing.T) error { p.Abort(func() {}); return nil }

	for _, tt := range []struct {
		name    string
		cfg     Config
		fate    func(Message, int) fate
		end     func(*Publisher, *testing.T) error
		returns time.Duration
		err     error
		stories [3][]string // without the offer
		late    ledger.Cause
	}{
		{
			name: "drained: everything taken is told",
			fate: always(fate{after: 4 * s}),
			end:  drain, returns: 12 * s, late: ledger.ApplicationStopped,
			stories: [3][]string{
				{"0s accepted 1, queue 0s, blocked 0s", "4s answered 1 confirmed at 0/0, ack 4s", "4s told 1 confirmed, send 4s, total 4s"},
				{"4s accepted 1, queue 4s, blocked 0s", "8s answered 1 confirmed at 1/1, ack 4s", "8s told 1 confirmed, send 4s, total 8s"},
				{"8s accepted 1, queue 8s, blocked 0s", "12s answered 1 confirmed at 2/2, ack 4s", "12s told 1 confirmed, send 4s, total 12s"},
			},
		},
		{
			name: "stopped: the worker finishes what it has in hand, its wait and its retry included",
			cfg:  Config{Wait: 6 * s, Retry: Retry{Attempts: 2, Backoff: s, OnTimeout: true}},
			fate: inTurn(fate{never: true}, fate{after: s}),
			end:  stop, returns: 8 * s, late: ledger.ApplicationStopped,
			stories: [3][]string{
				{
					"0s accepted 1, queue 0s, blocked 0s", "6s retried 1 unknown wait_timeout",
					"7s accepted 2, queue 0s, blocked 0s", "8s answered 2 confirmed at 0/0, ack 1s", "8s told 2 confirmed, send 8s, total 8s",
				},
				{"5s dropped application_stopped"},
				{"5s dropped application_stopped"},
			},
		},
		{
			name: "stopped: callbacks and their retries are heard",
			cfg:  Config{Mode: Callback, Workers: 2, Retry: Retry{Attempts: 2, Backoff: 2 * s, OnError: true}},
			fate: func(m Message, attempt int) fate {
				if m.Seq == 0 && attempt == 1 {
					return fate{blocks: 4 * s, after: s, no: ledger.Connection}
				}
				return fate{blocks: 4 * s, after: s}
			},
			end: stop, returns: 9 * s, late: ledger.ApplicationStopped,
			stories: [3][]string{
				// The second attempt is under way when the producer is closed.
				{
					"4s accepted 1, queue 0s, blocked 4s", "5s answered 1 failed connection, ack 1s", "5s retried 1 failed connection",
					"9s refused 2 closed, queue 0s, blocked 2s", "9s told 2 failed closed, send 9s, total 9s",
				},
				{"4s accepted 1, queue 0s, blocked 4s", "5s answered 1 confirmed at 1/1, ack 1s", "5s told 1 confirmed, send 5s, total 5s"},
				// A worker has it at 4 s.
				{"8s accepted 1, queue 4s, blocked 4s", "9s answered 1 confirmed at 2/2, ack 1s", "9s told 1 confirmed, send 5s, total 9s"},
			},
		},
		{
			name: "stopped, but not for long: the application goes on until the producer is closed",
			fate: always(fate{after: atClose}),
			end:  hurry, returns: 6 * s, err: errEnough, late: ledger.ApplicationStopped,
			stories: [3][]string{
				{"0s accepted 1, queue 0s, blocked 0s", "9s answered 1 failed closed, ack 9s", "9s told 1 failed closed, send 9s, total 9s"},
				{"5s dropped application_stopped"},
				{"5s dropped application_stopped"},
			},
		},
		{
			name: "killed while it waits: not a time-out, and the answer that comes later is recorded",
			cfg:  Config{Wait: 60 * s, Retry: Retry{Attempts: 3, Backoff: s, OnTimeout: true}},
			fate: always(fate{after: 7 * s}),
			end:  abort, returns: 5 * s, late: ledger.ApplicationKilled,
			stories: [3][]string{
				{"0s accepted 1, queue 0s, blocked 0s", "5s told 1 unknown application_killed, send 5s, total 5s", "7s answered 1 confirmed at 0/0, ack 7s"},
				{"5s dropped application_killed"},
				{"5s dropped application_killed"},
			},
		},
		{
			name: "killed inside Send: it comes back when the producer is closed",
			fate: always(fate{blocks: 60 * s}),
			end:  abort, returns: 9 * s, late: ledger.ApplicationKilled,
			stories: [3][]string{
				{"9s refused 1 closed, queue 0s, blocked 9s", "9s told 1 unknown application_killed, send 9s, total 9s"},
				{"5s dropped application_killed"},
				{"5s dropped application_killed"},
			},
		},
		{
			name: "killed inside a Send that succeeds",
			fate: always(fate{blocks: 8 * s, after: atClose}),
			end:  abort, returns: 8 * s, late: ledger.ApplicationKilled,
			stories: [3][]string{
				{"8s accepted 1, queue 0s, blocked 8s", "8s told 1 unknown application_killed, send 8s, total 8s", "9s answered 1 failed closed, ack 1s"},
				{"5s dropped application_killed"},
				{"5s dropped application_killed"},
			},
		},
		{
			name: "killed during a back-off",
			cfg:  Config{Retry: Retry{Attempts: 3, Backoff: 60 * s, OnError: true}},
			fate: always(fate{blocks: s, refuse: ledger.BufferExhausted}),
			end:  abort, returns: 5 * s, late: ledger.ApplicationKilled,
			stories: [3][]string{
				{"1s refused 1 buffer_exhausted, queue 0s, blocked 1s", "1s retried 1 failed buffer_exhausted", "5s told 1 unknown application_killed, send 5s, total 5s"},
				{"5s dropped application_killed"},
				{"5s dropped application_killed"},
			},
		},
		{
			name: "killed: callbacks that are still to come, one that rests, and one inside Send",
			cfg:  Config{Mode: Callback, Retry: Retry{Attempts: 3, Backoff: 60 * s, OnError: true}},
			fate: func(m Message, _ int) fate {
				return []fate{{after: atClose}, {after: 2 * s, no: ledger.Connection}, {blocks: 8 * s, after: atClose}}[m.Seq]
			},
			end: abort, returns: 8 * s, late: ledger.ApplicationKilled,
			stories: [3][]string{
				{"0s accepted 1, queue 0s, blocked 0s", "5s told 1 unknown application_killed, send 5s, total 5s", "9s answered 1 failed closed, ack 9s"},
				{
					"0s accepted 1, queue 0s, blocked 0s", "2s answered 1 failed connection, ack 2s", "2s retried 1 failed connection",
					"5s told 1 unknown application_killed, send 5s, total 5s",
				},
				{"8s accepted 1, queue 0s, blocked 8s", "8s told 1 unknown application_killed, send 8s, total 8s", "9s answered 1 failed closed, ack 1s"},
			},
		},
		{
			name: "killed: a retry whose turn has come, but not its worker",
			cfg:  Config{Mode: Callback, Retry: Retry{Attempts: 3, Backoff: s, OnError: true}},
			fate: func(m Message, _ int) fate {
				return []fate{{refuse: ledger.BufferExhausted}, {blocks: 7 * s, after: atClose}, {}}[m.Seq]
			},
			end: abort, returns: 7 * s, late: ledger.ApplicationKilled,
			stories: [3][]string{
				{"0s refused 1 buffer_exhausted, queue 0s, blocked 0s", "0s retried 1 failed buffer_exhausted", "5s told 1 unknown application_killed, send 5s, total 5s"},
				{"7s accepted 1, queue 0s, blocked 7s", "7s told 1 unknown application_killed, send 7s, total 7s", "9s answered 1 failed closed, ack 2s"},
				{"5s dropped application_killed"},
			},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				sender := newFake(tt.fate)
				var notes notebook
				base := time.Now()
				p := New(tt.cfg, base, sender, &notes)
				for seq := range int64(3) {
					p.Offer(seq, 0)
					synctest.Wait() // workers take them in this order
				}
				time.AfterFunc(9*s, sender.close)
				time.Sleep(5 * s)
				err := tt.end(p, t)
				if !errors.Is(err, tt.err) || time.Since(base) != tt.returns {
					t.Errorf("returned at %v: %v; want %v: %v", time.Since(base), err, tt.returns, tt.err)
				}
				time.Sleep(60*s - time.Since(base))
				if why := p.Offer(99, 60*s); why != tt.late {
					t.Errorf("a late offer: %v, want %v", why, tt.late)
				}
				for seq, want := range tt.stories {
					want = append([]string{"0s offered, lag 0s"}, want...)
					if got := notes.of(int64(seq)); !slices.Equal(got, want) {
						t.Errorf("message %d:\n\t%s\nwant:\n\t%s", seq, strings.Join(got, "\n\t"), strings.Join(want, "\n\t"))
					}
				}
				p.Abort(func() {}) // changes nothing any more
				if p.Queued() != 0 || p.Busy() != 0 {
					t.Errorf("queued %d, busy %d", p.Queued(), p.Busy())
				}
			})
		})
	}
}

// A stop that hangs is ended by an abort from elsewhere, and death is final.
func TestAbortEndsAStop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sender := newFake(always(fate{never: true}))
		var notes notebook
		p := New(Config{Workers: 2}, time.Now(), sender, &notes)
		for seq := range int64(2) {
			p.Offer(seq, 0)
		}
		synctest.Wait() // both are taken
		time.AfterFunc(3*s, func() { p.Abort(func() {}) })
		start := time.Now()
		if err := p.Stop(t.Context()); err != nil || time.Since(start) != 3*s {
			t.Errorf("stopped after %v: %v", time.Since(start), err)
		}
		if err := p.Drain(t.Context()); err != nil {
			t.Error(err)
		}
		if why := p.Offer(2, 0); why != ledger.ApplicationKilled {
			t.Errorf("an offer to a dead application: %v", why)
		}
	})
}

// Two races that the clock of a bubble hardly ever brings about.
func TestByAHair(t *testing.T) {
	t.Run("an answer that has won is waited for", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			p := New(Config{Wait: s}, time.Now(), nil, new(notebook))
			w := newWorker(p)
			a := w.attempt(try{n: 1})
			a.state = answered // by receive, which has still to record the fact
			yes := verdict{outcome: ledger.Confirmed}
			time.AfterFunc(2*s, func() { w.answers <- yes })
			if v := w.listen(a); v != yes {
				t.Errorf("heard %v", v)
			}
			p.Abort(func() {})
		})
	})
	t.Run("a callback that is about to try again when the application dies", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			var notes notebook
			p := New(Config{Mode: Callback, Retry: Retry{Attempts: 2, Backoff: s, OnError: true}}, time.Now(), nil, &notes)
			p.inHand.Add(1)
			p.Abort(func() {})
			p.settle(try{n: 1}, failed(ledger.Connection), 0)
			want := []string{"0s retried 1 failed connection", "0s told 1 unknown application_killed, send 0s, total 0s"}
			if got := notes.of(0); !slices.Equal(got, want) {
				t.Errorf("%q", got)
			}
		})
	})
}
