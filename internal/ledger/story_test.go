package ledger

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// record writes a facts file.
func record(tb testing.TB, facts []Fact) string {
	tb.Helper()
	log, path := create(tb, Options{})
	for _, f := range facts {
		log.Record(f)
	}
	if err := log.Close(); err != nil {
		tb.Fatal(err)
	}
	return path
}

// The list names exactly the messages that keep wants, in order, each with all
// of its facts and none of another's.
func TestDifferingIsTheReconciliationList(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		facts := rapid.SliceOfN(sensible(), 0, 60).Draw(rt, "facts")
		path := record(t, facts)
		want := map[int64][]Fact{}
		for _, f := range facts {
			if f.Kind.OfMessage() {
				want[f.Seq] = append(want[f.Seq], kept(f))
			}
		}
		books, err := Reconcile(path)
		if err != nil {
			rt.Fatal(err)
		}
		last, listed := int64(-1), int64(0)
		for story, err := range Differing(path, nil) {
			if err != nil {
				rt.Fatal(err)
			}
			if story.Seq <= last {
				rt.Fatalf("message %d came after %d", story.Seq, last)
			}
			last = story.Seq
			listed++
			if !story.Entry.Differs() || story.Entry != books.Entry(story.Seq) {
				rt.Fatalf("message %d is listed as %+v, the books have %+v", story.Seq, story.Entry, books.Entry(story.Seq))
			}
			if !slices.EqualFunc(story.Facts, want[story.Seq], same) {
				rt.Fatalf("message %d:\n got %+v\nwant %+v", story.Seq, story.Facts, want[story.Seq])
			}
		}
		differ := int64(0)
		for _, e := range books.Entries() {
			if e.Differs() {
				differ++
			}
		}
		if listed != differ {
			rt.Fatalf("%d messages are listed, %d differ", listed, differ)
		}
	})
}

// Memory is bounded by passes over ranges: each range holds at most n messages,
// and together they are what keep wants.
func TestRangesAreBoundedAndComplete(t *testing.T) {
	b := NewBooks()
	for seq := range int64(20) {
		b.Add(&Fact{Kind: Offered, Seq: seq * seq})
	}
	var got [][]int64
	for wanted := range b.ranges(func(seq int64, _ Entry) bool { return seq%2 == 0 }, 4) {
		got = append(got, slices.Clone(wanted))
	}
	want := [][]int64{{0, 4, 16, 36}, {64, 100, 144, 196}, {256, 324}}
	if !slices.EqualFunc(got, want, slices.Equal) {
		t.Errorf("the ranges are %v, not %v", got, want)
	}
}

func TestDifferingKeepsWhatIsWanted(t *testing.T) {
	path := record(t, []Fact{
		{Kind: Offered, Seq: 1}, {Kind: Told, Seq: 1, Outcome: Confirmed, Attempt: 1},
		{Kind: Offered, Seq: 2}, {Kind: Told, Seq: 2, Outcome: Failed, Attempt: 1, Cause: BufferExhausted},
		{Kind: Offered, Seq: 3}, {Kind: Dropped, Seq: 3, Cause: QueueFull},
		{Kind: FaultBegan, Seq: 2, Note: "a fault has a number too, and no message"},
	})
	for story, err := range Differing(path, func(_ int64, e Entry) bool { return e.Cell() == CellRefused }) {
		if err != nil || story.Seq != 2 || story.Entry.Cause != BufferExhausted || len(story.Facts) != 2 {
			t.Errorf("got %+v: %v", story, err)
		}
	}
	for story := range Differing(path, nil) {
		if story.Seq != 1 {
			t.Errorf("the first that differs is message %d", story.Seq)
		}
		break // and whoever has seen enough stops
	}
}

// What stands before a corrupt block is still judged and listed; the error
// comes last.
func TestDifferingOfADamagedFile(t *testing.T) {
	file, _, begins := sound(t)
	file[begins[2]+headerSize] ^= 1
	path := filepath.Join(t.TempDir(), "facts.simd")
	if err := os.WriteFile(path, file, 0o600); err != nil {
		t.Fatal(err)
	}
	everything := func(int64, Entry) bool { return true }
	stories, failed := 0, error(nil)
	for story, err := range Differing(path, everything) {
		if failed = err; err == nil {
			stories++
			if len(story.Facts) != 6 {
				t.Errorf("message %d has %d facts", story.Seq, len(story.Facts))
			}
		}
	}
	corrupt, ok := errors.AsType[*CorruptBlock](failed)
	if stories != 2 || !ok || corrupt.Path != path {
		t.Errorf("%d stories, and then %v", stories, failed)
	}
	if books, err := Reconcile(path); books.Len() != 2 || err == nil {
		t.Errorf("reconciled %d messages: %v", books.Len(), err)
	}
	missing := filepath.Join(t.TempDir(), "none")
	for _, err := range Differing(missing, nil) {
		if !errors.Is(err, os.ErrNotExist) {
			t.Errorf("of no file: %v", err)
		}
	}
}
