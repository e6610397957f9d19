package scheduler

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"kafkasim.example/simd/internal/ledger"
)

// hands are how an injector works.
type hands struct {
	inject, heal time.Duration // how long each takes
	fail         bool          // Inject does, in the end
	stubborn     bool          // Heal ends only with its context
}

// injector writes down what is asked of it.
type injector struct {
	hands
	base time.Time

	mu    sync.Mutex
	calls []string
}

func (i *injector) Inject(ctx context.Context, fault int) error {
	i.note("inject", fault)
	select {
	case <-time.After(i.inject):
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	if i.fail {
		return errors.New("no such broker")
	}
	return nil
}

func (i *injector) Heal(ctx context.Context, fault int) error {
	if ctx.Err() != nil {
		return errors.New("healed with a context that had ended")
	}
	i.note("heal", fault)
	if i.stubborn {
		<-ctx.Done()
		return context.Cause(ctx)
	}
	time.Sleep(i.heal)
	return nil
}

func (i *injector) note(what string, fault int) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.calls = append(i.calls, fmt.Sprintf("%v %s %d", time.Since(i.base), what, fault))
}

// notebook is a recorder that writes facts down in words.
type notebook struct {
	mu    sync.Mutex
	lines []string
}

func (n *notebook) Record(f ledger.Fact) {
	n.mu.Lock()
	defer n.mu.Unlock()
	what := map[ledger.Kind]string{ledger.FaultBegan: "began", ledger.FaultEnded: "ended"}[f.Kind]
	n.lines = append(n.lines, strings.TrimSpace(fmt.Sprintf("%v %s %d %s", f.At, what, f.Seq, f.Note)))
}

func TestFaults(t *testing.T) {
	const s = time.Second
	end := errors.New("stopped by the operator")
	for _, tt := range []struct {
		name   string
		events []Event
		hands  hands
		cancel time.Duration // 0: never

		calls, facts []string
		returns      time.Duration
		err          error
	}{
		{
			name:    "an outage during the load",
			events:  []Event{{At: 2 * s, For: 3 * s, Fault: 4}},
			calls:   []string{"2s inject 4", "5s heal 4"},
			facts:   []string{"2s began 4", "5s ended 4"},
			returns: 9 * s,
		},
		{
			name:    "an outage that ends after the load",
			events:  []Event{{At: 8 * s, For: 60 * s}},
			calls:   []string{"8s inject 0", "1m8s heal 0"},
			facts:   []string{"8s began 0", "1m8s ended 0"},
			returns: 68 * s,
		},
		{
			name:    "a fault that begins after the load, and has no end",
			events:  []Event{{At: 20 * s, Fault: 1}},
			calls:   []string{"20s inject 1"},
			facts:   []string{"20s began 1"},
			returns: 20 * s,
		},
		{
			name:    "two that overlap, listed out of order",
			events:  []Event{{At: 4 * s, For: 4 * s, Fault: 0}, {At: 1 * s, For: 5 * s, Fault: 1}},
			calls:   []string{"1s inject 1", "4s inject 0", "6s heal 1", "8s heal 0"},
			facts:   []string{"1s began 1", "4s began 0", "6s ended 1", "8s ended 0"},
			returns: 9 * s,
		},
		{
			name:    "slow hands: dated from the call's begin to the healing's end, healed when planned",
			events:  []Event{{At: 2 * s, For: 5 * s}},
			hands:   hands{inject: 3 * s, heal: 4 * s},
			calls:   []string{"2s inject 0", "7s heal 0"},
			facts:   []string{"2s began 0", "11s ended 0"},
			returns: 11 * s,
		},
		{
			name:    "an injection that outlasts its fault is healed as soon as it is done",
			events:  []Event{{At: 2 * s, For: 1 * s}},
			hands:   hands{inject: 4 * s},
			calls:   []string{"2s inject 0", "6s heal 0"},
			facts:   []string{"2s began 0", "6s ended 0"},
			returns: 9 * s,
		},
		{
			name:    "an injection that fails is recorded, does not stop the load, and is healed all the same",
			events:  []Event{{At: 2 * s, For: 3 * s}},
			hands:   hands{fail: true},
			calls:   []string{"2s inject 0", "5s heal 0"},
			facts:   []string{"2s began 0 no such broker", "5s ended 0"},
			returns: 9 * s,
		},
		{
			name:    "the end of the run heals what is active and begins nothing more",
			events:  []Event{{At: 2 * s, For: 60 * s}, {At: 7 * s, For: 1 * s, Fault: 1}},
			hands:   hands{heal: 2 * s},
			cancel:  5 * s,
			calls:   []string{"2s inject 0", "5s heal 0"},
			facts:   []string{"2s began 0", "7s ended 0"},
			returns: 7 * s, err: end,
		},
		{
			name:    "the end of the run cuts an injection short, and it is healed",
			events:  []Event{{At: 2 * s, For: 60 * s}},
			hands:   hands{inject: 30 * s},
			cancel:  5 * s,
			calls:   []string{"2s inject 0", "5s heal 0"},
			facts:   []string{"2s began 0 stopped by the operator", "5s ended 0"},
			returns: 5 * s, err: end,
		},
		{
			name:    "a healing that does not end is given up ten seconds after the run",
			events:  []Event{{At: 2 * s, For: 1 * s}},
			hands:   hands{stubborn: true},
			cancel:  30 * s,
			calls:   []string{"2s inject 0", "3s heal 0"},
			facts:   []string{"2s began 0", "40s ended 0 the run has ended, and 10s more were not enough"},
			returns: 40 * s, err: end,
		},
		{
			name:    "the run ends while only a fault is left",
			events:  []Event{{At: 60 * s, For: 1 * s}},
			cancel:  30 * s,
			returns: 30 * s, err: end,
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancelCause(t.Context())
				defer cancel(nil)
				if tt.cancel > 0 {
					time.AfterFunc(tt.cancel, func() { cancel(end) })
				}
				base := time.Now()
				inj := injector{hands: tt.hands, base: base}
				var notes notebook
				load := sink{base: base}
				err := Play(ctx, base, every(time.Second, 10), tt.events, &load, &inj, &notes)

				if !errors.Is(err, tt.err) || time.Since(base) != tt.returns {
					t.Errorf("returned after %v: %v; want %v: %v", time.Since(base), err, tt.returns, tt.err)
				}
				if !slices.Equal(inj.calls, tt.calls) {
					t.Errorf("called %q, want %q", inj.calls, tt.calls)
				}
				if !slices.Equal(notes.lines, tt.facts) {
					t.Errorf("recorded %q, want %q", notes.lines, tt.facts)
				}
				for _, o := range load.offers {
					if o.at != o.due {
						t.Errorf("message %d, due at %v, was held up until %v", o.seq, o.due, o.at)
					}
				}
				if tt.cancel == 0 && len(load.offers) != 10 {
					t.Errorf("offered %d of 10", len(load.offers))
				}
			})
		})
	}
}

func TestOutliveKeepsTheValues(t *testing.T) {
	type key struct{}
	ctx := context.WithValue(t.Context(), key{}, "run 7")
	longer, done := outlive(ctx, time.Second)
	defer done()
	if got := longer.Value(key{}); !reflect.DeepEqual(got, "run 7") {
		t.Errorf("the value is %v", got)
	}
}
