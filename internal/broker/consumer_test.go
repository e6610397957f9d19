package broker

import (
	"maps"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

func TestConsumerGetsEverythingThroughOutages(t *testing.T) {
	for _, row := range []struct {
		name  string
		away  time.Duration
		again bool // whether it gets what it had read but not committed a second time
	}{
		{"a blink", 100 * time.Millisecond, false},
		{"within the session: it keeps its place", 20 * time.Second, false},
		{"longer than the session of 45 s: what was not committed comes again", 3 * time.Minute, true},
	} {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := embed(t)
				createTopic(t, c, Topic{Name: "simd-t", Partitions: 3, Replication: 3})
				var g gate
				var got kept
				k, err := c.Consume(t.Context(), "simd-t", "simd-g", g.in(c.Dial()), got.add)
				if err != nil {
					t.Fatal(err)
				}
				produce(t, c, "simd-t", 3, 30, 10)
				if err := k.CaughtUp(t.Context()); err != nil {
					t.Fatal(err)
				}
				g.cut()
				produce(t, c, "simd-t", 3, 30, 10)
				time.Sleep(row.away)
				g.mend()
				if err := k.CaughtUp(t.Context()); err != nil {
					t.Fatal(err)
				}
				for p := range int32(3) {
					offsets := got.of(p)
					if !row.again && !slices.Equal(offsets, upTo(0, 20)) {
						t.Errorf("partition %d: consumed %v, want 0 to 19 once each", p, offsets)
					}
					if row.again && !slices.Contains(offsets[10:], 9) {
						t.Errorf("partition %d: consumed %v, want what was not committed a second time", p, offsets)
					}
					slices.Sort(offsets)
					if once := slices.Compact(offsets); !slices.Equal(once, upTo(0, 20)) {
						t.Errorf("partition %d: consumed %v, want 0 to 19", p, once)
					}
				}
				time.Sleep(3 * time.Second)
				want := map[int32]int64{0: 20, 1: 20, 2: 20}
				if got := k.Committed(); !maps.Equal(got, want) {
					t.Errorf("committed %v, want %v", got, want)
				}
				if got, err := c.CommittedOffsets(t.Context(), "simd-g", "simd-t"); err != nil || !maps.Equal(got, want) {
					t.Errorf("the cluster has the commits %v (%v), want %v", got, err, want)
				}
			})
		})
	}
}

func TestConsumerCommitsWhatItHasReadWhenItLeaves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := embed(t)
		createTopic(t, c, Topic{Name: "simd-t", Partitions: 2, Replication: 1})
		var first, second kept
		k, err := c.Consume(t.Context(), "simd-t", "simd-g", nil, first.add)
		if err != nil {
			t.Fatal(err)
		}
		produce(t, c, "simd-t", 2, 20, 10)
		if err := k.CaughtUp(t.Context()); err != nil {
			t.Fatal(err)
		}
		k.Close()
		if got, want := k.Committed(), map[int32]int64{0: 10, 1: 10}; !maps.Equal(got, want) {
			t.Errorf("committed %v, want %v", got, want)
		}
		// The next one goes on where it stopped, at once: nobody waits for its session.
		left := time.Now()
		k, err = c.Consume(t.Context(), "simd-t", "simd-g", nil, second.add)
		if err != nil {
			t.Fatal(err)
		}
		produce(t, c, "simd-t", 2, 4, 10)
		if err := k.CaughtUp(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := second.of(0); !slices.Equal(got, upTo(10, 12)) {
			t.Errorf("the next consumer got %v of partition 0, want 10 and 11", got)
		}
		if waited := time.Since(left); waited > 10*time.Second {
			t.Errorf("the next consumer got nothing for %v: the first one has not left its group", waited)
		}
	})
}

func TestConsumerClosesDuringAnOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := embed(t)
		createTopic(t, c, Topic{Name: "simd-t", Partitions: 2, Replication: 1})
		var g gate
		k, err := c.Consume(t.Context(), "simd-t", "simd-g", g.in(c.Dial()), func(Record) {})
		if err != nil {
			t.Fatal(err)
		}
		produce(t, c, "simd-t", 2, 20, 10)
		if err := k.CaughtUp(t.Context()); err != nil {
			t.Fatal(err)
		}
		g.cut()
		closing := time.Now()
		k.Close()
		if took := time.Since(closing); took > leaveWithin+2*time.Second {
			t.Errorf("closing took %v, want about %v at most", took, leaveWithin)
		}
	})
}

// Leaders that move, over an empty log or a full one, bring nothing back.
func TestConsumerFollowsItsLeaders(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := embed(t)
		createTopic(t, c, Topic{Name: "simd-t", Partitions: 3, Replication: 3})
		// With a log reader, what was read is deleted; so the log is empty at times.
		r, err := c.ReadLog(t.Context(), "simd-t", func(Record) {})
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		var got kept
		k, err := c.Consume(t.Context(), "simd-t", "simd-g", nil, got.add)
		if err != nil {
			t.Fatal(err)
		}
		for round := range int32(6) {
			produce(t, c, "simd-t", 3, 30, 10)
			if round%2 == 0 { // all is read, committed and deleted
				if err := k.CaughtUp(t.Context()); err != nil {
					t.Fatal(err)
				}
				time.Sleep(3 * time.Second)
			}
			if err := c.MoveLeaders(t.Context(), "simd-t", func(p int32) int32 { return (p + round) % 3 }); err != nil {
				t.Fatal(err)
			}
		}
		if err := k.CaughtUp(t.Context()); err != nil {
			t.Fatal(err)
		}
		for p := range int32(3) {
			if offsets := got.of(p); !slices.Equal(offsets, upTo(0, 60)) {
				t.Errorf("partition %d: consumed %v, want 0 to 59 once each", p, offsets)
			}
		}
		if len(r.Unread())+len(r.Truncated()) != 0 {
			t.Errorf("unread %v, truncated %v, want none", r.Unread(), r.Truncated())
		}
	})
}
