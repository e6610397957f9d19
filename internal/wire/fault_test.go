package wire

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// once are the options of a client that sends each record once and gives up
// after two seconds.
func once() []kgo.Opt {
	return []kgo.Opt{
		kgo.RecordRetries(0), kgo.RequestRetries(0), kgo.ProduceRequestTimeout(time.Second), kgo.RequestTimeoutOverhead(time.Second),
	}
}

func TestALostAnswerLeavesTheRecordInTheLog(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		client := r.client(once()...)
		if err := produce(client, "before"); err != nil {
			t.Fatal(err)
		}
		r.wire.LoseAnswers(1)
		begin := time.Now()
		if err := produce(client, "lost"); err == nil {
			t.Error("the client was told yes")
		}
		if took := time.Since(begin); took != 2*time.Second {
			t.Errorf("the client gave up after %v, want its time-out of 2 s", took)
		}
		r.wire.LoseAnswers(0)
		if err := produce(client, "after"); err != nil {
			t.Errorf("on a new connection: %v", err)
		}
		if got := r.logged(); !slices.Equal(got, []string{"before", "lost", "after"}) {
			t.Errorf("the log holds %q", got)
		}
	})
}

func TestASwallowedRecordIsNotInTheLog(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		client := r.client(once()...)
		if err := produce(client, "before"); err != nil {
			t.Fatal(err)
		}
		r.wire.Swallow(1)
		for range 3 {
			if err := produce(client, "swallowed"); err != nil {
				t.Errorf("the client was told %v", err)
			}
		}
		r.wire.Swallow(0)
		if err := produce(client, "after"); err != nil {
			t.Error(err)
		}
		if got := r.logged(); !slices.Equal(got, []string{"before", "after"}) {
			t.Errorf("the log holds %q", got)
		}
	})
}

// A fraction is drawn by chance, and the same seed draws the same.
func TestTheSeedDecidesWhoIsSwallowed(t *testing.T) {
	const messages = 200
	logged := func(seed uint64) (values []string) {
		inBubble(t, func(t *testing.T, r *rig) {
			r.wire.SetSeed(seed)
			r.wire.Swallow(0.25)
			client := r.client(once()...)
			for i := range messages {
				if err := produce(client, fmt.Sprint(i)); err != nil {
					t.Fatal(err)
				}
			}
			values = r.logged()
		})
		return values
	}
	first, again, other := logged(1), logged(1), logged(2)
	if !slices.Equal(first, again) {
		t.Errorf("the seed 1 let %v pass, and then %v", first, again)
	}
	if slices.Equal(first, other) {
		t.Error("the seeds 1 and 2 let the same pass")
	}
	for _, values := range [][]string{first, other} {
		if n := len(values); n < messages*65/100 || n > messages*85/100 {
			t.Errorf("%d of %d passed, want about three quarters", n, messages)
		}
	}
}

func TestASlowBroker(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		client := r.client()
		took := func(bytes int) time.Duration {
			begin := time.Now()
			if err := client.ProduceSync(t.Context(), kgo.SliceRecord(make([]byte, bytes))).FirstErr(); err != nil {
				t.Fatal(err)
			}
			return time.Since(begin)
		}
		took(1)
		r.wire.Slow(Slowness{Latency: time.Second})
		if got := took(1000); got != time.Second {
			t.Errorf("a second of latency took %v", got)
		}
		r.wire.Slow(Slowness{Latency: time.Second, Jitter: time.Second}, r.addr)
		for range 5 {
			if got := took(1000); got < time.Second || got > 2*time.Second {
				t.Errorf("one to two seconds of latency took %v", got)
			}
		}
		r.wire.Slow(Slowness{BytesPerSecond: 10_000})
		if got := took(100_000); got < 10*time.Second || got > 10100*time.Millisecond {
			t.Errorf("100 kB at 10 kB/s took %v", got)
		}
		r.wire.Slow(Slowness{Latency: time.Hour}, "elsewhere:9092")
		r.wire.Slow(Slowness{}, r.addr)
		if got := took(100_000); got > time.Millisecond {
			t.Errorf("healed, it took %v", got)
		}
	})
}

func TestASlowDial(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.wire.Slow(Slowness{Latency: time.Minute})
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := r.wire.Dial(ctx, "tcp", r.addr); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("a dial of a minute with a second of patience: %v", err)
		}
		// A cut meanwhile is a cut.
		time.AfterFunc(time.Second, func() { r.wire.Cut() })
		if _, err := r.wire.Dial(t.Context(), "tcp", r.addr); !errors.Is(err, syscall.ECONNREFUSED) {
			t.Errorf("a dial to an address that was cut meanwhile: %v", err)
		}
	})
}

// A method that is given no addresses means all, also those that were named
// before.
func TestAllAndSome(t *testing.T) {
	w := New(func(context.Context, string, string) (net.Conn, error) { return nil, errors.New("dialed") })
	refused := func(addr string) bool {
		_, err := w.Dial(t.Context(), "tcp", addr)
		return errors.Is(err, syscall.ECONNREFUSED)
	}
	for _, step := range []struct {
		story string
		do    func()
		a, b  bool // refused
	}{
		{"at first", func() {}, false, false},
		{"a cut", func() { w.Cut("a") }, true, false},
		{"all cut", func() { w.Cut() }, true, true},
		{"a restored", func() { w.Restore("a") }, false, true},
		{"something else of a's changed", func() { w.Swallow(1, "a") }, false, true},
		{"all restored", func() { w.Restore() }, false, false},
		{"both cut", func() { w.Cut("a", "b") }, true, true},
		{"all restored again", func() { w.Restore() }, false, false},
	} {
		step.do()
		if a, b := refused("a"), refused("b"); a != step.a || b != step.b {
			t.Errorf("%s: a refused: %t, b refused: %t; want %t, %t", step.story, a, b, step.a, step.b)
		}
	}
}

func TestCloseEndsEverything(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.wire.SetQuota(Quota{BytesPerSecond: 1})
		client := r.client()
		if err := produce(client, "throttled for long"); err != nil {
			t.Fatal(err)
		}
		conn, err := r.wire.Dial(t.Context(), "tcp", r.addr)
		if err != nil {
			t.Fatal(err)
		}
		client.Produce(t.Context(), kgo.StringRecord("never"), nil)
		synctest.Wait()
		begin := time.Now()
		if err := r.wire.Close(); err != nil {
			t.Error(err)
		}
		if took := time.Since(begin); took > 0 {
			t.Errorf("closing took %v", took)
		}
		if _, err := conn.Read(make([]byte, 1)); !errors.Is(err, net.ErrClosed) {
			t.Errorf("an open connection reads %v", err)
		}
		if _, err := r.wire.Dial(t.Context(), "tcp", r.addr); !errors.Is(err, net.ErrClosed) {
			t.Errorf("dialing: %v", err)
		}
		if err := r.wire.Close(); err != nil { // twice is fine
			t.Error(err)
		}
	})
}
