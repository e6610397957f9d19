package broker

import (
	"context"
	"errors"
	"maps"
	"net"
	"runtime"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"
)

// What both have read is forgotten: more passes through the heap than it ever holds.
func TestEmbeddedMemoryStaysFlat(t *testing.T) {
	const megabytes, limit = 128, 64
	synctest.Test(t, func(t *testing.T) {
		c := embed(t)
		createTopic(t, c, Topic{Name: "simd-t", Partitions: 9, Replication: 3})
		read, consumed := 0, 0
		r, err := c.ReadLog(t.Context(), "simd-t", func(Record) { read++ })
		if err != nil {
			t.Fatal(err)
		}
		k, err := c.Consume(t.Context(), "simd-t", "simd-g", nil, func(Record) { consumed++ })
		if err != nil {
			t.Fatal(err)
		}
		var peak uint64
		for range megabytes / 8 {
			produce(t, c, "simd-t", 9, 80, 100<<10)
			time.Sleep(500 * time.Millisecond)
			runtime.GC()
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			peak = max(peak, m.HeapAlloc)
		}
		if err := errors.Join(r.CaughtUp(t.Context()), k.CaughtUp(t.Context())); err != nil {
			t.Fatal(err)
		}
		if want := megabytes / 8 * 80; read != want || consumed != want || len(r.Unread()) != 0 {
			t.Errorf("read %d and consumed %d of %d, unread %v", read, consumed, want, r.Unread())
		}
		t.Logf("peak heap %d MiB", peak>>20)
		if peak>>20 > limit {
			t.Errorf("the heap held %d MiB, want at most %d", peak>>20, limit)
		}
	})
}

func TestLaggingConsumerIsWaitedForUntilRetention(t *testing.T) {
	for _, row := range []struct {
		name      string
		retention time.Duration
		after     time.Duration
		start     int64 // of the log, of whose 10 records a partition nothing was consumed
	}{
		{"it is away for less than the retention: everything waits for it", time.Minute, 50 * time.Second, 0},
		{"it is away for longer: what the log reader read a retention ago is gone", time.Minute, 70 * time.Second, 10},
		{"no retention: everything waits for it, however long", 0, 10 * time.Minute, 0},
	} {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := embed(t)
				createTopic(t, c, Topic{Name: "simd-t", Partitions: 3, Replication: 1, Retention: row.retention})
				r, err := c.ReadLog(t.Context(), "simd-t", func(Record) {})
				if err != nil {
					t.Fatal(err)
				}
				var g gate
				g.cut()
				k, err := c.Consume(t.Context(), "simd-t", "simd-g", g.in(c.Dial()), func(Record) {})
				if err != nil {
					t.Fatal(err)
				}
				produce(t, c, "simd-t", 3, 30, 10)
				if err := r.CaughtUp(t.Context()); err != nil {
					t.Fatal(err)
				}
				time.Sleep(row.after)
				starts, err := c.startOffsets(t.Context(), "simd-t")
				if err != nil {
					t.Fatal(err)
				}
				if want := map[int32]int64{0: row.start, 1: row.start, 2: row.start}; !maps.Equal(starts, want) {
					t.Errorf("the log starts at %v, want %v", starts, want)
				}
				if len(r.Unread()) != 0 {
					t.Errorf("the log reader was overtaken: %v", r.Unread())
				}
				// Back again, it has caught up, with whatever is left; and then that goes too.
				g.mend()
				if err := k.CaughtUp(t.Context()); err != nil {
					t.Fatal(err)
				}
				time.Sleep(2 * time.Second)
				if starts, err = c.startOffsets(t.Context(), "simd-t"); err != nil {
					t.Fatal(err)
				}
				if want := map[int32]int64{0: 10, 1: 10, 2: 10}; !maps.Equal(starts, want) {
					t.Errorf("once all was committed, the log starts at %v, want %v", starts, want)
				}
			})
		})
	}
}

// Whatever reader and consumer do: nothing goes that the reader has not read, and
// nothing that the consumer has not committed, unless the reader had read it a
// retention ago.
func TestNothingIsForgottenTooEarly(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		retention := rapid.SampledFrom([]time.Duration{0, time.Second, time.Minute}).Draw(t, "retention")
		tr := newTrim("simd-t", retention)
		var read, commits progress
		tr.addReader(&read)
		tr.addConsumer(&commits)
		now := time.Unix(0, 0)
		type moment struct {
			at   time.Time
			read int64
		}
		history := []moment{{now, 0}}
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			now = now.Add(time.Duration(rapid.Int64Range(0, int64(20*time.Second)).Draw(t, "wait")))
			read.set(0, read.at(0)+rapid.Int64Range(0, 100).Draw(t, "read"))
			commits.set(0, rapid.Int64Range(commits.at(0), read.at(0)).Draw(t, "committed"))
			history = append(history, moment{now, read.at(0)})
			var expired int64
			for _, m := range history {
				if retention > 0 && now.Sub(m.at) >= retention {
					expired = m.read
				}
			}
			to, due := tr.due(now)[0]
			switch {
			case !due:
				continue
			case to > read.at(0):
				t.Fatalf("deletes to %d what was read to %d", to, read.at(0))
			case to > max(commits.at(0), expired):
				t.Fatalf("deletes to %d what was committed to %d and read to %d a retention ago", to, commits.at(0), expired)
			}
			if commits.at(0) > to {
				t.Fatalf("keeps, from %d on, what was committed to %d", to, commits.at(0))
			}
			tr.done(0, to)
		}
	})
}

// gate is a wire that can be cut.
type gate struct {
	mu    chan struct{} // holds the state below; a channel, so that a bubble sees who waits for it
	shut  bool
	conns []net.Conn
}

func (g *gate) do(fn func()) {
	if g.mu == nil {
		g.mu = make(chan struct{}, 1)
	}
	g.mu <- struct{}{}
	defer func() { <-g.mu }()
	fn()
}

func (g *gate) cut() {
	g.do(func() {
		g.shut = true
		for _, c := range slices.Backward(g.conns) {
			c.Close()
		}
		g.conns = nil
	})
}

func (g *gate) mend() { g.do(func() { g.shut = false }) }

// in is dial with the gate in front.
func (g *gate) in(dial DialFunc) DialFunc {
	return func(ctx context.Context, network, addr string) (conn net.Conn, err error) {
		g.do(func() {
			if g.shut {
				err = &net.OpError{Op: "dial", Net: network, Err: errors.New("the gate is shut")}
				return
			}
			if conn, err = dial(ctx, network, addr); err == nil {
				g.conns = append(g.conns, conn)
			}
		})
		return conn, err
	}
}
