package report

import (
	"strings"
	"testing"
	"time"

	"kafkasim.example/simd/internal/ledger"
)

func TestStory(t *testing.T) {
	none := func(text string) *Builder { return NewBuilder(Meta{Scenario: parse(t, text)}) }
	const one = "name: one\nload: {phases: [{for: 1s, rate: 1}]}\n"
	again := append(delivered(3, 3*time.Second), ledger.Fact{Kind: ledger.Written, Seq: 3, Attempt: 1, At: 4 * time.Second})
	phantom := refused(7, 7*time.Second)
	phantom = append(phantom, ledger.Fact{Kind: ledger.Written, Seq: 7, Attempt: 1, At: 13 * time.Second})
	silent := delivered(9, 9*time.Second)
	silent[3].Outcome, silent[3].Cause = ledger.Unknown, ledger.WaitTimeout
	vanished := delivered(5, 5*time.Second)[:4]

	for _, c := range []struct {
		what string
		b    *Builder
		want string
	}{
		{"nothing happened", none(one), "No message was scheduled."},
		{"one message", played(t, one, nil), "The one message is in the log exactly once, and the application was told so."},
		{"all went well", played(t, minute, nil), "All 60 messages are in the log exactly once, and the application was told so of each."},
		{
			"one is lost", played(t, minute, map[int64][]ledger.Fact{0: refused(0, 0)}),
			"Of 60 scheduled messages, 1 (1.7 %) is lost: 1 found no buffer memory within max.block.ms.",
		},
		{
			"one has vanished", played(t, minute, map[int64][]ledger.Fact{5: vanished}),
			"Of 60 scheduled messages, 1 (1.7 %) is lost: 1 was acknowledged and vanished.",
		},
		{
			"one is there twice", played(t, minute, map[int64][]ledger.Fact{3: again}),
			"Of 60 scheduled messages none is lost. The log holds 1 copy too many (+1.7 %), of 1 message: 1 made by the client's retries. " +
				"The consumer group got 1 copy fewer than the log held.",
		},
		{
			"what was told is not so", played(t, minute, map[int64][]ledger.Fact{7: phantom, 9: silent}),
			"Of 60 scheduled messages none is lost. 1 message of which the application was told no and 1 of which it was told nothing lie in the log once all the same. " +
				"The consumer group got 1 copy fewer than the log held.",
		},
		{
			"one was told nothing", played(t, minute, map[int64][]ledger.Fact{9: silent}),
			"Of 60 scheduled messages none is lost. 1 message of which the application was told nothing lies in the log once all the same.",
		},
	} {
		if got := c.b.Report().Story; got != c.want {
			t.Errorf("%s:\n%s\nwant\n%s", c.what, got, c.want)
		}
	}
}

func TestWords(t *testing.T) {
	for got, want := range map[string]string{
		grouped(0): "0", grouped(999): "999", grouped(28765): "28,765", grouped(-1234567): "-1,234,567",
		counted(1, "copy", "copies"): "1 copy", counted(0, "copy", "copies"): "0 copies",
		tidy(0): "0", tidy(1.50): "1.5", tidy(431.2): "431", tidy(69.14): "69.1", tidy(28765): "28,765", tidy(0.04): "0.04",
		exact(28765): "28,765", exact(1.634567): "1.634567", exact(0.5): "0.5",
		lasting(0.000035): "35 µs", lasting(0.0042): "4.2 ms", lasting(0.25): "250 ms", lasting(0.9999): "1.00 s", lasting(1.634): "1.63 s", lasting(245): "245 s",
		percent(1, 28765): "under 0.01 %", percent(28764, 28765): "over 99.99 %", percent(145, 28765): "0.5 %", percent(4862, 28765): "16.9 %", percent(1, 1): "100 %",
		size(2 << 20): "2 MiB", size(46692): "46,692 bytes", size(102400): "100 KiB", size(5359610): "5.11 MiB",
		clockTime(12.5): "12.5 s", clockTime(1401): "23 min 21 s", clockTime(7325): "2 h 2 min 5 s",
		sentence("the disk is full"): "The disk is full.", sentence(""): "",
		listed([]string{"a"}): "a", listed([]string{"a", "b", "c"}): "a, b and c",
		strings.Join(wrapped("one two at t = 42 s", 12), "|"): "one two at|t = 42 s",
		shortened("a long name of a phase", 10):               "a long na…",
	} {
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
