package wire

import (
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

type put struct{ at, mb float64 } // seconds, MB

// What is recorded when (in MB and seconds), and by how many milliseconds the
// client is throttled for the last one. The figures were worked out by hand
// from Kafka's Rate, SampledStat and QuotaUtils; the quota is 1 MB/s unless
// the row says otherwise.
func TestThrottleTimesAreKafkas(t *testing.T) {
	const second = time.Second
	for _, row := range []struct {
		story string
		quota Quota
		puts  []put
		want  time.Duration
	}{
		{"a newcomer has credit for ten windows", Quota{}, []put{{0, 10}}, 0},
		{"half a millisecond over the credit is rounded up", Quota{}, []put{{0, 10.0005}}, 1 * time.Millisecond},
		{"less than that is forgiven", Quota{}, []put{{0, 10.00049}}, 0},
		{"a fifth over the credit: 0.2 of 10 s", Quota{}, []put{{0, 12}}, 2 * second},
		{"the window that runs counts only as far as it has run: 12 MB in 10.5 s", Quota{}, []put{{0, 6}, {0.5, 6}}, 1500 * time.Millisecond},
		{"a whole second later a second sample begins, and 11 s are looked at: 12 MB in 11 s", Quota{}, []put{{0, 6}, {1, 6}}, 2 * second},
		{"the same, and the first second counts as one of the ten full windows", Quota{}, []put{{0, 6}, {1.5, 6}}, 1500 * time.Millisecond},
		{"eleven seconds of silence wipe the slate clean", Quota{}, []put{{0, 12}, {11, 10}}, 0},
		{"one millisecond less does not: 22 MB in 10.999 s", Quota{}, []put{{0, 12}, {10.999, 10}}, 11001 * time.Millisecond},
		{"a sample is kept while its last record is inside, even if its first is not: 13 MB in 11.5 s", Quota{}, []put{{0, 1}, {0.9, 1}, {11.5, 11}}, 1500 * time.Millisecond},
		{"an old sample is gone, a younger one stays, and the gap counts as full windows: 15 MB in 10 s", Quota{}, []put{{0, 9}, {5, 5}, {12, 10}}, 5 * second},
		{"a megabyte at the beginning of each of eleven seconds: 11 MB in 10 s", Quota{}, steady(11), 1 * second},
		{"after half a minute of it still eleven, for samples are used again in turn", Quota{}, steady(30), 1 * second},
		{"in the middle of the next second: 11 MB and a half in 10.5 s", Quota{}, append(steady(30), put{29.5, 0.5}), 1 * second},
		{"twenty times as fast, everything is a twentieth: 1.2 of 0.5 s", Quota{BytesPerSecond: 20e6, Window: 50 * time.Millisecond}, []put{{0, 12}}, 100 * time.Millisecond},
		{"two samples of a second forgive one window only", Quota{Samples: 2}, []put{{0, 2}}, 1 * second},
		{"a single sample has no past; the shortest time that counts is a millisecond", Quota{Samples: 1}, []put{{0, 2}}, 1999 * time.Millisecond},
		{"longer than a client could be told: the greatest int32", Quota{BytesPerSecond: 1e-3}, []put{{0, 10}}, math.MaxInt32 * time.Millisecond},
	} {
		t.Run(row.story, func(t *testing.T) {
			q := row.quota.withDefaults()
			if q.BytesPerSecond == 0 {
				q.BytesPerSecond = 1e6
			}
			var r rate
			var got time.Duration
			begin := time.Unix(1e9, 0)
			for _, p := range row.puts {
				now := begin.Add(time.Duration(math.Round(p.at*1000)) * time.Millisecond)
				r.record(q, p.mb*1e6, now)
				got = r.throttle(q, now)
			}
			if got != row.want {
				t.Errorf("throttled for %v, want %v", got, row.want)
			}
		})
	}
}

// steady is 1 MB at the beginning of each second.
func steady(seconds int) (puts []put) {
	for s := range seconds {
		puts = append(puts, put{float64(s), 1})
	}
	return puts
}

// Kafka's own classes have judged the same requests (see Throttle.java there).
func TestThrottleTimesAreThoseOfTheJavaClasses(t *testing.T) {
	data, err := os.ReadFile("testdata/quota/throttle.txt")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(data)) {
		var n []int64
		for field := range strings.FieldsSeq(line) {
			i, err := strconv.ParseInt(field, 10, 64)
			if err != nil {
				t.Fatal(err)
			}
			n = append(n, i)
		}
		q := Quota{BytesPerSecond: float64(n[0]), Window: time.Duration(n[1]) * time.Millisecond, Samples: int(n[2])}
		var r rate
		for request := range slices.Chunk(n[3:], 3) {
			now := time.UnixMilli(request[0])
			r.record(q, float64(request[1]), now)
			if got := r.throttle(q, now).Milliseconds(); got != request[2] {
				t.Fatalf("%+v: %d bytes at %d ms were throttled for %d ms, Kafka says %d", q, request[1], request[0], got, request[2])
			}
		}
	}
}

// A client that sends whenever it may gets no more than its quota in the long
// run, but for two things that Kafka grants: the credit of a newcomer, and half
// empty windows that count as whole ones (one of the samples). Nor does it get
// much less: after a burst it waits until that is forgotten.
func TestALongRunKeepsTheQuota(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		q := Quota{
			BytesPerSecond: rapid.Float64Range(1e4, 1e8).Draw(t, "quota"),
			Window:         rapid.SampledFrom([]time.Duration{50 * time.Millisecond, time.Second, 2 * time.Second}).Draw(t, "window"),
			Samples:        rapid.SampledFrom([]int{6, 11, 30}).Draw(t, "samples"),
		}
		largest := rapid.Float64Range(0.05, 1).Draw(t, "largest") * q.Window.Seconds() * q.BytesPerSecond
		chance := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
		var r rate
		begin := time.Unix(1e9, 0)
		now, sum := begin, 0.0
		for now.Sub(begin) < 200*q.Window {
			size := chance.Float64() * largest
			sum += size
			r.record(q, size, now)
			now = now.Add(r.throttle(q, now) + q.Window/50)
		}
		windows := float64(q.Samples)
		allowed := now.Sub(begin).Seconds() * q.BytesPerSecond
		credit := windows * q.Window.Seconds() * q.BytesPerSecond
		if most := allowed*windows/(windows-1) + credit; sum > most {
			t.Errorf("%.0f bytes have passed in %v, at most %.0f were to", sum, now.Sub(begin), most)
		}
		if least := 0.7 * allowed; sum < least {
			t.Errorf("%.0f bytes have passed in %v, a client that is always ready should have had %.0f", sum, now.Sub(begin), least)
		}
	})
}
