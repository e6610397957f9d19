package publisher

import (
	"math"
	"testing"
	"time"

	"pgregory.net/rapid"

	"kafkasim.example/simd/internal/ledger"
)

func TestPause(t *testing.T) {
	for _, tt := range []struct {
		name  string
		retry Retry
		want  []time.Duration
	}{
		{"every 500 ms, as the article's program ran", Retry{Backoff: s / 2, Factor: 1}, []time.Duration{s / 2, s / 2, s / 2}},
		{"from 1 s, doubling, as the article says", Retry{Backoff: s, Factor: 2}, []time.Duration{s, 2 * s, 4 * s, 8 * s}},
		{"no factor is a factor of 1", Retry{Backoff: s}, []time.Duration{s, s, s}},
		{"no back-off", Retry{Factor: 2}, []time.Duration{0, 0}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for i, want := range tt.want {
				if got := tt.retry.pause(1, 2, int32(i+1)); got != want {
					t.Errorf("after attempt %d: %v, want %v", i+1, got, want)
				}
			}
		})
	}
	if got := (Retry{Backoff: s, Factor: 10}).pause(1, 2, 1000); got <= 0 {
		t.Errorf("a back-off beyond all bounds is %v", got)
	}
}

func TestJitterStaysInItsBoundsAndCanBeRepeated(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		retry := Retry{Backoff: s, Factor: 2, Jitter: rapid.Float64Range(0, 1).Draw(t, "jitter")}
		seed, seq := rapid.Uint64().Draw(t, "seed"), rapid.Int64Range(0, 1e9).Draw(t, "seq")
		n := rapid.Int32Range(1, 10).Draw(t, "attempt")
		got := retry.pause(seed, seq, n)
		middle := float64(s) * math.Pow(2, float64(n-1))
		if off := math.Abs(float64(got)-middle) / middle; off > retry.Jitter+1e-9 {
			t.Errorf("a jitter of %v moved %v by %v", retry.Jitter, time.Duration(middle), off)
		}
		if again := retry.pause(seed, seq, n); again != got {
			t.Errorf("%v the first time, %v the second", got, again)
		}
	})
}

func TestJitterSpreads(t *testing.T) {
	retry := Retry{Backoff: s, Jitter: 0.5}
	var low, high int
	for seq := range int64(1000) {
		if d := retry.pause(7, seq, 1); d < 3*s/4 {
			low++
		} else if d > 5*s/4 {
			high++
		}
	}
	if low < 200 || high < 200 { // a quarter each
		t.Errorf("of 1000, %d in the lowest quarter and %d in the highest", low, high)
	}
}

func TestWants(t *testing.T) {
	for _, tt := range []struct {
		name    string
		retry   Retry
		n       int32
		outcome ledger.Outcome
		want    bool
	}{
		{"the zero Retry never tries again", Retry{OnError: true, OnTimeout: true}, 1, ledger.Failed, false},
		{"a yes is the end", Retry{Attempts: 3, OnError: true, OnTimeout: true}, 1, ledger.Confirmed, false},
		{"a no, wanted", Retry{Attempts: 3, OnError: true}, 2, ledger.Failed, true},
		{"a no, not wanted", Retry{Attempts: 3, OnTimeout: true}, 2, ledger.Failed, false},
		{"a time-out, wanted", Retry{Attempts: 3, OnTimeout: true}, 2, ledger.Unknown, true},
		{"a time-out, not wanted", Retry{Attempts: 3, OnError: true}, 2, ledger.Unknown, false},
		{"the last attempt", Retry{Attempts: 3, OnError: true}, 3, ledger.Failed, false},
	} {
		if got := tt.retry.wants(tt.n, tt.outcome); got != tt.want {
			t.Errorf("%s: %v", tt.name, got)
		}
	}
}
