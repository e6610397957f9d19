package ledger

import (
	"os"
	"path/filepath"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"
)

// gatherer is an Options.Each that keeps what it gets.
type gatherer struct {
	mu    sync.Mutex
	facts []Fact
}

func (g *gatherer) each(facts []Fact) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.facts = append(g.facts, facts...)
}

func (g *gatherer) got() []Fact {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.facts
}

func create(tb testing.TB, opts Options) (*Log, string) {
	tb.Helper()
	path := filepath.Join(tb.TempDir(), "facts.simd")
	log, err := Create(path, opts)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { log.Close() })
	return log, path
}

// A report that is judged again from the file must be the live one: Each and
// Read get the same facts, to the last field, in the same order.
func TestTheFileHoldsExactlyWhatEachGot(t *testing.T) {
	folder := t.TempDir()
	runs := 0
	rapid.Check(t, func(t *rapid.T) {
		var live gatherer
		runs++
		path := filepath.Join(folder, "facts-"+time.Duration(runs).String())
		log, err := Create(path, Options{Each: live.each})
		if err != nil {
			t.Fatal(err)
		}
		facts := rapid.SliceOfN(anyFact(), 0, 50).Draw(t, "facts")
		flushAfter := rapid.IntRange(0, 50).Draw(t, "flush after")
		for i, f := range facts {
			if log.Record(f); i == flushAfter {
				log.Flush()
			}
		}
		if err := log.Close(); err != nil {
			t.Fatal(err)
		}
		read, err := all(Read(path))
		if err != nil || len(read) != len(facts) || len(live.got()) != len(facts) {
			t.Fatalf("recorded %d facts, Each got %d, Read %d: %v", len(facts), len(live.got()), len(read), err)
		}
		recorded := map[int64][]Fact{} // by message
		for _, f := range facts {
			recorded[f.Seq] = append(recorded[f.Seq], kept(f))
		}
		for i, f := range read {
			if !same(f, live.got()[i]) {
				t.Fatalf("fact %d: Each got %+v, Read %+v", i, live.got()[i], f)
			}
			if want := recorded[f.Seq][0]; !same(f, want) {
				t.Fatalf("message %d: got %+v before %+v", f.Seq, f, want)
			}
			recorded[f.Seq] = recorded[f.Seq][1:]
		}
	})
}

// Many recorders at once: every fact arrives once, each message's in order.
func TestManyRecorders(t *testing.T) {
	const recorders, each = 8, 10_000
	var live gatherer
	log, path := create(t, Options{Each: live.each, Flush: time.Millisecond})
	var wg sync.WaitGroup
	for r := range recorders {
		wg.Go(func() {
			for i := range each {
				// Ten messages a recorder, and the offset tells the order.
				log.Record(Fact{Kind: Written, Seq: int64(r + recorders*(i%10)), Attempt: 1, Offset: int64(i)})
			}
		})
	}
	wg.Wait()
	if err := log.Close(); err != nil {
		t.Fatal(err)
	}
	if log.Pending() != 0 {
		t.Errorf("%d facts are still pending after Close", log.Pending())
	}
	if info, err := os.Stat(path); err != nil || info.Size() != log.Bytes() {
		t.Errorf("the file has %d bytes, the log says %d: %v", info.Size(), log.Bytes(), err)
	}
	read, err := all(Read(path))
	if err != nil {
		t.Fatal(err)
	}
	for name, facts := range map[string][]Fact{"Each": live.got(), "Read": read} {
		next := map[int64]int64{}
		for _, f := range facts {
			want := next[f.Seq]
			if want == 0 {
				want = f.Seq / recorders
			}
			if f.Offset != want {
				t.Fatalf("%s: message %d: fact %d came where %d was due", name, f.Seq, f.Offset, want)
			}
			next[f.Seq] = want + 10
		}
		if len(facts) != recorders*each {
			t.Errorf("%s: %d facts, recorded %d", name, len(facts), recorders*each)
		}
	}
}

// A fact waits for the file and for Each as long as Options.Flush says.
func TestAFactWaitsForTheFlush(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var live gatherer
		log, path := create(t, Options{Each: live.each})
		log.Record(Fact{Kind: Offered, Seq: 7})

		time.Sleep(defaultFlush - time.Nanosecond)
		synctest.Wait()
		if n := len(live.got()); n != 0 || log.Pending() != 1 {
			t.Errorf("before the flush: %d facts handed to Each, %d pending", n, log.Pending())
		}
		time.Sleep(time.Nanosecond)
		synctest.Wait()
		if n := len(live.got()); n != 1 || log.Pending() != 0 {
			t.Errorf("after the flush: %d facts handed to Each, %d pending", n, log.Pending())
		}
		if read, err := all(Read(path)); len(read) != 1 || err != nil {
			t.Errorf("after the flush: %d facts in the file: %v", len(read), err)
		}
	})
}

// A full block does not wait for the tick.
func TestAFullBlockGoesAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var live gatherer
		log, _ := create(t, Options{Each: live.each, Flush: time.Hour})
		for range blockSize {
			log.Record(Fact{Kind: Offered})
		}
		synctest.Wait()
		if n := len(live.got()); n == 0 {
			t.Error("a block is full, and Each has nothing")
		}
	})
}

func TestFlushMeansInTheFileAndHandedOn(t *testing.T) {
	var live gatherer
	log, path := create(t, Options{Each: live.each, Flush: time.Hour, Sync: true})
	for seq := range int64(100) {
		log.Record(Fact{Kind: Offered, Seq: seq})
		if seq%10 != 0 {
			continue
		}
		if err := log.Flush(); err != nil {
			t.Fatal(err)
		}
		read, err := all(Read(path)) // while it grows
		if n := int(seq) + 1; len(read) != n || len(live.got()) != n || err != nil {
			t.Fatalf("after %d facts and a Flush: %d in the file, %d handed to Each: %v", n, len(read), len(live.got()), err)
		}
	}
}

func TestCloseIsTheEndAndHarmlessTwice(t *testing.T) {
	var live gatherer
	log, path := create(t, Options{Each: live.each, Flush: time.Hour})
	log.Record(Fact{Kind: Offered})
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			if err := log.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	log.Record(Fact{Kind: Told, Outcome: Confirmed}) // too late, and no harm
	if err := log.Flush(); err != nil {
		t.Error(err)
	}
	if read, err := all(Read(path)); len(read) != 1 || len(live.got()) != 1 || err != nil {
		t.Errorf("%d facts in the file, %d handed to Each, 1 recorded before Close: %v", len(read), len(live.got()), err)
	}
}

// A log that does nothing but keep the file needs no Each.
func TestALogWithoutEach(t *testing.T) {
	path := filepath.Join(t.TempDir(), "facts.simd")
	want := writeUsual(t, path, 100)
	got, err := Check(path)
	if err != nil || got.Facts != int64(want) || got.Torn != 0 {
		t.Errorf("recorded %d facts, the file has %+v: %v", want, got, err)
	}
}

func TestAMistakenFactPanics(t *testing.T) {
	log, _ := create(t, Options{})
	for name, f := range map[string]Fact{
		"no kind":           {},
		"unheard-of kind":   {Kind: kinds},
		"impossible answer": {Kind: Told, Outcome: Unknown + 1},
		"nobody made it":    {Kind: Written, Maker: makers},
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: recorded without a word", name)
				}
			}()
			log.Record(f)
		}()
	}
}
