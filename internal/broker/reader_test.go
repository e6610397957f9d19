package broker

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"
	"pgregory.net/rapid"
)

func TestLogOvertakenByRetentionLeavesAGapAndTheReaderGoesOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := embed(t)
		createTopic(t, c, Topic{Name: "simd-t", Partitions: 2, Replication: 1})
		produce(t, c, "simd-t", 2, 200, 10) // offsets 0 to 99 in each partition
		deleteTo(t, c, "simd-t", map[int32]int64{0: 40})

		var log kept
		r, err := c.ReadLog(t.Context(), "simd-t", log.add)
		if err != nil {
			t.Fatal(err)
		}
		if err := r.CaughtUp(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got, want := r.Unread(), []Gap{{Partition: 0, From: 0, To: 40}}; !slices.Equal(got, want) {
			t.Errorf("unread %v, want %v", got, want)
		}
		if got := log.of(0); !slices.Equal(got, upTo(40, 100)) {
			t.Errorf("partition 0: read %v, want 40 to 99 once each", got)
		}
		if got := log.of(1); !slices.Equal(got, upTo(0, 100)) {
			t.Errorf("partition 1: read %v, want 0 to 99 once each", got)
		}

		// What comes afterwards is read as ever.
		produce(t, c, "simd-t", 2, 20, 10)
		if err := r.CaughtUp(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := log.of(0); !slices.Equal(got, upTo(40, 110)) {
			t.Errorf("partition 0: read %v, want 40 to 109 once each", got)
		}
	})
}

func TestEverythingDeletedIsStillCaughtUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := embed(t)
		createTopic(t, c, Topic{Name: "simd-t", Partitions: 1, Replication: 1})
		produce(t, c, "simd-t", 1, 50, 10)
		deleteTo(t, c, "simd-t", map[int32]int64{0: 50})
		var log kept
		r, err := c.ReadLog(t.Context(), "simd-t", log.add)
		if err != nil {
			t.Fatal(err)
		}
		k, err := c.Consume(t.Context(), "simd-t", "simd-g", nil, log.add)
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(r.CaughtUp(t.Context()), k.CaughtUp(t.Context())); err != nil {
			t.Error(err)
		}
		if got, want := r.Unread(), []Gap{{0, 0, 50}}; !slices.Equal(got, want) {
			t.Errorf("unread %v, want %v", got, want)
		}
		if log.len() != 0 {
			t.Errorf("read %d records that were deleted", log.len())
		}
	})
}

func TestReaderFollowsItsLeaders(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := embed(t)
		createTopic(t, c, Topic{Name: "simd-t", Partitions: 9, Replication: 3})
		var log kept
		r, err := c.ReadLog(t.Context(), "simd-t", log.add)
		if err != nil {
			t.Fatal(err)
		}
		for to := range int32(3) {
			if err := c.MoveLeaders(t.Context(), "simd-t", func(int32) int32 { return to }); err != nil {
				t.Fatal(err)
			}
			produce(t, c, "simd-t", 9, 90, 10)
		}
		if err := r.CaughtUp(t.Context()); err != nil {
			t.Fatal(err)
		}
		for p := range int32(9) {
			if got := log.of(p); !slices.Equal(got, upTo(0, 30)) {
				t.Errorf("partition %d: read %v, want 0 to 29 once each", p, got)
			}
		}
	})
}

func TestCaughtUpSaysHowFarBehindAndWhy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := embed(t)
		createTopic(t, c, Topic{Name: "simd-t", Partitions: 1, Replication: 1})
		c.fake.cluster.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Fetch}, Topic: "simd-t", Count: -1})
		r, err := c.ReadLog(t.Context(), "simd-t", func(Record) {})
		if err != nil {
			t.Fatal(err)
		}
		produce(t, c, "simd-t", 1, 5, 10)
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		err = r.CaughtUp(ctx)
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Fatalf("CaughtUp: %v, want that time has run out", err)
		}
		for _, want := range []string{"the log reader is behind in 1 partition", "ends at offset 5, and it is at 0", "UNKNOWN_SERVER_ERROR"} {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%q does not say %q", err, want)
			}
		}
	})
}

// upTo are the offsets from from up to but not including to.
func upTo(from, to int64) []int64 {
	var s []int64
	for o := from; o < to; o++ {
		s = append(s, o)
	}
	return s
}

func deleteTo(t testing.TB, c *Cluster, topic string, to map[int32]int64) {
	t.Helper()
	var offsets kadm.Offsets
	for p, o := range to {
		offsets.AddOffset(topic, p, o, -1)
	}
	answers, err := c.admin.DeleteRecords(t.Context(), offsets)
	if err == nil {
		err = answers.Error()
	}
	if err != nil {
		t.Fatal(err)
	}
}

// Whatever happens to the log while it is read, each offset of it is either read,
// once, or told to be unread.
func TestEveryOffsetIsReadOnceOrUnread(t *testing.T) {
	const partitions = 3
	type step struct {
		produce int     // records
		move    []int32 // leaders
		delete  bool    // all of partition 0
		wait    time.Duration
	}
	rapid.Check(t, func(rt *rapid.T) {
		steps := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) step {
			switch rapid.IntRange(0, 3).Draw(t, "step") {
			case 0:
				return step{move: rapid.SliceOfN(rapid.Int32Range(0, 2), partitions, partitions).Draw(t, "leaders")}
			case 1:
				return step{delete: true}
			case 2:
				return step{wait: time.Duration(rapid.Int64Range(0, int64(2*time.Second)).Draw(t, "wait"))}
			}
			return step{produce: rapid.IntRange(1, 50).Draw(t, "records")}
		}), 1, 10).Draw(rt, "steps")

		synctest.Test(t, func(t *testing.T) {
			c := embed(t)
			createTopic(t, c, Topic{Name: "simd-t", Partitions: partitions, Replication: 3})
			var log kept
			r, err := c.ReadLog(t.Context(), "simd-t", log.add)
			if err != nil {
				t.Fatal(err)
			}
			for _, s := range steps {
				time.Sleep(s.wait)
				if s.produce > 0 {
					produce(t, c, "simd-t", partitions, s.produce, 10)
				}
				if s.delete {
					deleteTo(t, c, "simd-t", map[int32]int64{0: -1})
				}
				if s.move != nil {
					if err := c.MoveLeaders(t.Context(), "simd-t", func(p int32) int32 { return s.move[p] }); err != nil {
						t.Fatal(err)
					}
				}
			}
			if err := r.CaughtUp(t.Context()); err != nil {
				t.Fatal(err)
			}
			ends, err := c.EndOffsets(t.Context(), "simd-t")
			if err != nil {
				t.Fatal(err)
			}
			for p, end := range ends {
				seen := log.of(p)
				for _, g := range r.Unread() {
					if g.Partition == p {
						seen = append(seen, upTo(g.From, g.To)...)
					}
				}
				slices.Sort(seen)
				if !slices.Equal(seen, upTo(0, end)) {
					t.Errorf("after %+v, partition %d ends at %d, and this was read or is unread: %v", steps, p, end, seen)
				}
			}
		})
		if t.Failed() {
			rt.FailNow()
		}
	})
}
