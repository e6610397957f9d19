package publisher

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"kafkasim.example/simd/internal/ledger"
)

const s = time.Second

// always is a sender that treats every attempt alike.
func always(f fate) func(Message, int) fate {
	return func(Message, int) fate { return f }
}

// inTurn is a sender that treats a message's first attempt as the first says,
// and so on.
func inTurn(fates ...fate) func(Message, int) fate {
	return func(_ Message, attempt int) fate { return fates[attempt-1] }
}

// The story of one message that was due at 1 s and offered at 2 s.
func TestOneMessage(t *testing.T) {
	exponential := Retry{Attempts: 5, Backoff: s, Factor: 2, OnTimeout: true}
	for _, tt := range []struct {
		name  string
		cfg   Config
		fate  func(Message, int) fate
		story []string
	}{
		{
			name: "blocking: a yes in time",
			cfg:  Config{Wait: 15 * s},
			fate: always(fate{blocks: 3 * s, after: 4 * s}),
			story: []string{
				"5s accepted 1, queue 0s, blocked 3s",
				"9s answered 1 confirmed at 7/7, ack 4s",
				"9s told 1 confirmed, send 7s, total 8s",
			},
		},
		{
			name: "blocking: a yes before Send has returned",
			cfg:  Config{Wait: 15 * s},
			fate: always(fate{}),
			story: []string{
				"2s accepted 1, queue 0s, blocked 0s",
				"2s answered 1 confirmed at 7/7, ack 0s",
				"2s told 1 confirmed, send 0s, total 1s",
			},
		},
		{
			name: "blocking: the wait begins when Send has returned, and its end does not take the record back",
			cfg:  Config{Wait: 15 * s},
			fate: always(fate{blocks: 4 * s, after: 20 * s}),
			story: []string{
				"6s accepted 1, queue 0s, blocked 4s",
				"21s told 1 unknown wait_timeout, send 19s, total 20s",
				"26s answered 1 confirmed at 7/7, ack 20s",
			},
		},
		{
			name: "blocking: without a wait it waits for as long as it takes",
			cfg:  Config{},
			fate: always(fate{after: 3600 * s}),
			story: []string{
				"2s accepted 1, queue 0s, blocked 0s",
				"1h0m2s answered 1 confirmed at 7/7, ack 1h0m0s",
				"1h0m2s told 1 confirmed, send 1h0m0s, total 1h0m1s",
			},
		},
		{
			name: "blocking: a no",
			cfg:  Config{Wait: 15 * s},
			fate: always(fate{after: 4 * s, no: ledger.DeliveryTimeout}),
			story: []string{
				"2s accepted 1, queue 0s, blocked 0s",
				"6s answered 1 failed delivery_timeout, ack 4s",
				"6s told 1 failed delivery_timeout, send 4s, total 5s",
			},
		},
		{
			name: "blocking: a refusal",
			cfg:  Config{Wait: 15 * s},
			fate: always(fate{blocks: 5 * s, refuse: ledger.BufferExhausted}),
			story: []string{
				"7s refused 1 buffer_exhausted, queue 0s, blocked 5s",
				"7s told 1 failed buffer_exhausted, send 5s, total 6s",
			},
		},
		{
			name: "five attempts after 1, 2, 4 and 8 s, and every one is written in the end",
			cfg:  Config{Wait: s, Retry: exponential},
			fate: always(fate{after: 30 * s}),
			story: []string{
				"2s accepted 1, queue 0s, blocked 0s",
				"3s retried 1 unknown wait_timeout",
				"4s accepted 2, queue 0s, blocked 0s",
				"5s retried 2 unknown wait_timeout",
				"7s accepted 3, queue 0s, blocked 0s",
				"8s retried 3 unknown wait_timeout",
				"12s accepted 4, queue 0s, blocked 0s",
				"13s retried 4 unknown wait_timeout",
				"21s accepted 5, queue 0s, blocked 0s",
				"22s told 5 unknown wait_timeout, send 20s, total 21s",
				"32s answered 1 confirmed at 7/7, ack 30s",
				"34s answered 2 confirmed at 7/7, ack 30s",
				"37s answered 3 confirmed at 7/7, ack 30s",
				"42s answered 4 confirmed at 7/7, ack 30s",
				"51s answered 5 confirmed at 7/7, ack 30s",
			},
		},
		{
			name: "the late yes to an old attempt is not taken for one to the new",
			cfg:  Config{Wait: 2 * s, Retry: Retry{Attempts: 2, Backoff: s, OnTimeout: true}},
			fate: inTurn(fate{after: 4 * s}, fate{never: true}),
			story: []string{
				"2s accepted 1, queue 0s, blocked 0s",
				"4s retried 1 unknown wait_timeout",
				"5s accepted 2, queue 0s, blocked 0s",
				"6s answered 1 confirmed at 7/7, ack 4s",
				"7s told 2 unknown wait_timeout, send 5s, total 6s",
			},
		},
		{
			name: "retries on a time-out only: an error is the end",
			cfg:  Config{Wait: s, Retry: exponential},
			fate: inTurn(fate{never: true}, fate{refuse: ledger.BufferExhausted}),
			story: []string{
				"2s accepted 1, queue 0s, blocked 0s",
				"3s retried 1 unknown wait_timeout",
				"4s refused 2 buffer_exhausted, queue 0s, blocked 0s",
				"4s told 2 failed buffer_exhausted, send 2s, total 3s",
			},
		},
		{
			name: "retries on an error only: a time-out is the end",
			cfg:  Config{Wait: s, Retry: Retry{Attempts: 5, Backoff: s, OnError: true}},
			fate: inTurn(fate{refuse: ledger.BufferExhausted}, fate{after: s / 2, no: ledger.Connection}, fate{never: true}),
			story: []string{
				"2s refused 1 buffer_exhausted, queue 0s, blocked 0s",
				"2s retried 1 failed buffer_exhausted",
				"3s accepted 2, queue 0s, blocked 0s",
				"3.5s answered 2 failed connection, ack 500ms",
				"3.5s retried 2 failed connection",
				"4.5s accepted 3, queue 0s, blocked 0s",
				"5.5s told 3 unknown wait_timeout, send 3.5s, total 4.5s",
			},
		},
		{
			name: "callback: told when the answer comes, however late",
			cfg:  Config{Mode: Callback, Wait: s},
			fate: always(fate{blocks: s, after: 60 * s}),
			story: []string{
				"3s accepted 1, queue 0s, blocked 1s",
				"1m3s answered 1 confirmed at 7/7, ack 1m0s",
				"1m3s told 1 confirmed, send 1m1s, total 1m2s",
			},
		},
		{
			name: "callback: a yes before Send has returned",
			cfg:  Config{Mode: Callback},
			fate: always(fate{}),
			story: []string{
				"2s accepted 1, queue 0s, blocked 0s",
				"2s answered 1 confirmed at 7/7, ack 0s",
				"2s told 1 confirmed, send 0s, total 1s",
			},
		},
		{
			name: "callback: refused, then no, then yes",
			cfg:  Config{Mode: Callback, Retry: Retry{Attempts: 3, Backoff: s, Factor: 3, OnError: true}},
			fate: inTurn(fate{refuse: ledger.BufferExhausted}, fate{after: s, no: ledger.Connection}, fate{after: s}),
			story: []string{
				"2s refused 1 buffer_exhausted, queue 0s, blocked 0s",
				"2s retried 1 failed buffer_exhausted",
				"3s accepted 2, queue 0s, blocked 0s",
				"4s answered 2 failed connection, ack 1s",
				"4s retried 2 failed connection",
				"7s accepted 3, queue 0s, blocked 0s",
				"8s answered 3 confirmed at 7/7, ack 1s",
				"8s told 3 confirmed, send 6s, total 7s",
			},
		},
		{
			name: "callback: the last attempt's no",
			cfg:  Config{Mode: Callback, Retry: Retry{Attempts: 2, Backoff: s, OnError: true}},
			fate: always(fate{after: s, no: ledger.RequestTimeout}),
			story: []string{
				"2s accepted 1, queue 0s, blocked 0s",
				"3s answered 1 failed request_timeout, ack 1s",
				"3s retried 1 failed request_timeout",
				"4s accepted 2, queue 0s, blocked 0s",
				"5s answered 2 failed request_timeout, ack 1s",
				"5s told 2 failed request_timeout, send 3s, total 4s",
			},
		},
		{
			name: "forget: told nothing as soon as Send has returned",
			cfg:  Config{Mode: Forget, Retry: Retry{Attempts: 3, OnError: true, OnTimeout: true}},
			fate: always(fate{blocks: s, after: 4 * s, no: ledger.DeliveryTimeout}),
			story: []string{
				"3s accepted 1, queue 0s, blocked 1s",
				"3s told 1 unknown not_awaited, send 1s, total 2s",
				"7s answered 1 failed delivery_timeout, ack 4s",
			},
		},
		{
			name: "forget: deaf to an answer that is there already",
			cfg:  Config{Mode: Forget},
			fate: always(fate{no: ledger.Connection}),
			story: []string{
				"2s accepted 1, queue 0s, blocked 0s",
				"2s answered 1 failed connection, ack 0s",
				"2s told 1 unknown not_awaited, send 0s, total 1s",
			},
		},
		{
			name: "forget: nobody hears the refusal, but it is the cause of the loss",
			cfg:  Config{Mode: Forget, Retry: Retry{Attempts: 3, OnError: true, OnTimeout: true}},
			fate: always(fate{blocks: 5 * s, refuse: ledger.BufferExhausted}),
			story: []string{
				"7s refused 1 buffer_exhausted, queue 0s, blocked 5s",
				"7s told 1 unknown buffer_exhausted, send 5s, total 6s",
			},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				sender := newFake(tt.fate)
				var notes notebook
				p := New(tt.cfg, time.Now(), sender, &notes)
				time.Sleep(2 * s)
				if why := p.Offer(7, s); why != ledger.NoCause {
					t.Fatalf("dropped: %v", why)
				}
				if err := p.Drain(t.Context()); err != nil {
					t.Error(err)
				}
				sender.timers.Wait()
				story := append([]string{"2s offered, lag 1s"}, tt.story...)
				if got := notes.of(7); !slices.Equal(got, story) {
					t.Errorf("what happened:\n\t%s\nwhat should have:\n\t%s",
						strings.Join(got, "\n\t"), strings.Join(story, "\n\t"))
				}
			})
		})
	}
}

// A burst of 120 on 50 workers that are each busy for a second: the third wave
// has waited for two.
func TestAPoolServesABurstInWaves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sender := newFake(always(fate{after: s}))
		var notes notebook
		p := New(Config{Workers: 50, Wait: 15 * s}, time.Now(), sender, &notes)
		for seq := range int64(120) {
			p.Offer(seq, 0)
		}
		for _, want := range []struct{ queued, busy int }{{70, 50}, {20, 50}, {0, 20}, {0, 0}} {
			synctest.Wait()
			if p.Queued() != want.queued || p.Busy() != want.busy {
				t.Errorf("queued %d, busy %d; want %d, %d", p.Queued(), p.Busy(), want.queued, want.busy)
			}
			time.Sleep(s)
		}
		if err := p.Drain(t.Context()); err != nil {
			t.Error(err)
		}
		waited := map[time.Duration]int{}
		for _, f := range notes.facts {
			if f.Kind == ledger.Accepted {
				waited[f.Queue]++
				if want := time.Duration(f.Seq/50) * s; f.Queue != want {
					t.Errorf("message %d waited for %v, want %v: not first in, first out", f.Seq, f.Queue, want)
				}
			}
		}
		if waited[0] != 50 || waited[s] != 50 || waited[2*s] != 20 {
			t.Errorf("waited: %v", waited)
		}
	})
}

func TestABoundedQueueDropsWhatHasNoPlace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sender := newFake(always(fate{after: 10 * s}))
		var notes notebook
		p := New(Config{Workers: 1, Queue: 2}, time.Now(), sender, &notes)
		offer := func(seq int64, want ledger.Cause) {
			t.Helper()
			if why := p.Offer(seq, 0); why != want {
				t.Errorf("message %d: %v, want %v", seq, why, want)
			}
			synctest.Wait()
		}
		offer(0, ledger.NoCause) // the worker has it
		offer(1, ledger.NoCause)
		offer(2, ledger.NoCause)
		offer(3, ledger.QueueFull)
		time.Sleep(11 * s) // there is a place again
		offer(4, ledger.NoCause)
		offer(5, ledger.QueueFull)
		if got := notes.of(3); !slices.Equal(got, []string{"0s offered, lag 0s", "0s dropped queue_full"}) {
			t.Errorf("message 3: %q", got)
		}
		if err := p.Drain(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

func TestCallbackWorkersGoOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sender := newFake(always(fate{after: 10 * s}))
		var notes notebook
		p := New(Config{Mode: Callback, Workers: 1}, time.Now(), sender, &notes)
		for seq := range int64(1000) {
			p.Offer(seq, 0)
		}
		synctest.Wait()
		if p.Queued() != 0 || p.Busy() != 1000 {
			t.Errorf("queued %d, busy %d; want all 1000 with the producer", p.Queued(), p.Busy())
		}
		start := time.Now()
		if err := p.Drain(t.Context()); err != nil || time.Since(start) != 10*s {
			t.Errorf("drained after %v: %v", time.Since(start), err)
		}
	})
}
