package ledger

import (
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"
)

// Whatever is recorded comes back as its kind's comment promises, and once more
// unchanged: what was read can be recorded again.
func TestFactsComeBackAsPromised(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		facts := rapid.SliceOfN(anyFact(), 1, 30).Draw(t, "facts")
		for range 2 {
			var packed []byte
			var c cursor
			for i := range facts {
				packed = appendFact(packed, &facts[i], &c)
			}
			got, err := decodeFacts(nil, packed)
			if err != nil || len(got) != len(facts) {
				t.Fatalf("decoded %d of %d facts: %v", len(got), len(facts), err)
			}
			for i := range got {
				if want := kept(facts[i]); !same(got[i], want) {
					t.Fatalf("fact %d:\n got %+v\nwant %+v", i, got[i], want)
				}
			}
			facts = got
		}
	})
}

// A block is full while the longest fact still fits, so its buffer never grows.
func TestABlockNeverGrows(t *testing.T) {
	longest := Fact{Kind: StateChanged, Seq: -1 << 63, At: -1 << 62, Cause: -32768, Note: strings.Repeat("x", 3*maxNote)}
	widest := Fact{Kind: Sampled, Seq: 1 << 62, At: 1 << 62, Cause: -32768, Sample: new(Sample)}
	for _, figure := range widest.Sample.figures() {
		*figure = -1
	}
	b := newBlock()
	for _, f := range []Fact{longest, widest} {
		before := len(b.buf)
		b.add(&f)
		if grown := len(b.buf) - before; grown > maxFact {
			t.Errorf("a fact of kind %v takes %d bytes, more than %d", f.Kind, grown, maxFact)
		}
	}
	for !b.full() {
		b.add(&longest)
	}
	if cap(b.buf) != blockSize {
		t.Errorf("the block's buffer has grown from %d to %d bytes", blockSize, cap(b.buf))
	}
}

func TestALongNoteIsCutBetweenCharacters(t *testing.T) {
	for _, row := range []struct{ name, note string }{
		{"letters of one byte", strings.Repeat("a", maxNote+1)},
		{"letters of three bytes", strings.Repeat("€", maxNote)},
		{"letters of four bytes, out of step", "a" + strings.Repeat("🦉", maxNote)},
	} {
		got := clip(row.note)
		if len(got) > maxNote || len(got) < maxNote-utf8.UTFMax {
			t.Errorf("%s: cut to %d bytes, not to about %d", row.name, len(got), maxNote)
		}
		if !strings.HasPrefix(row.note, got) || !utf8.ValidString(got) {
			t.Errorf("%s: cut inside a character", row.name)
		}
	}
	if got := clip("\x80" + strings.Repeat("\x80", 2*maxNote)); len(got) < maxNote-utf8.UTFMax {
		t.Errorf("a note that is not text was cut to %d bytes", len(got))
	}
}

// The usual message with its six facts stays small on the disk.
func TestAMessageTakesAtMostSixtyBytes(t *testing.T) {
	b, messages := newBlock(), 0
	for seq := int64(1_000_000); !b.full(); seq += shards {
		for _, f := range usual(seq) {
			b.add(&f)
		}
		messages++
	}
	if per := len(b.framed()) / messages; per > 60 {
		t.Errorf("a message takes %d bytes", per)
	}
}

func TestEveryKindHasANameOfItsOwn(t *testing.T) {
	seen := map[string]Kind{}
	for k := range kinds + 1 {
		if other, taken := seen[k.String()]; taken || k.String() == "" {
			t.Errorf("kinds %d and %d are both called %q", k, other, k)
		}
		seen[k.String()] = k
	}
}
