package ledger

import (
	"maps"
	"math"
	"runtime"
	"slices"
	"testing"
	"unsafe"

	"pgregory.net/rapid"
)

// booksOf enters facts in their order.
func booksOf(facts ...Fact) *Books {
	b := NewBooks()
	for i := range facts {
		b.Add(&facts[i])
	}
	return b
}

// sums is what checkSums needs of a test or a fuzz target.
type sums interface {
	Helper()
	Fatalf(string, ...any)
}

// checkSums holds an account to what it promises of itself.
func checkSums(t sums, a Account) {
	t.Helper()
	var inMatrix, noCopy, causes, makers int64
	for _, row := range a.Matrix {
		inMatrix += row[0] + row[1] + row[2]
		noCopy += row[0]
	}
	for _, n := range a.Causes {
		causes += n
	}
	for _, n := range a.LateCauses {
		causes -= n
	}
	for _, n := range a.CopiesBy {
		makers += n
	}
	var inCells int64
	for _, n := range a.Cells() {
		inCells += n
	}
	switch {
	case inMatrix != a.Confirmed+a.Failed+a.Unknown:
		t.Fatalf("the rows are not the matrix: %+v", a)
	case a.Scheduled != inMatrix+a.Dropped+a.InFlight || inCells != a.Scheduled:
		t.Fatalf("not every scheduled message is in one cell: %+v", a)
	case a.Lost != noCopy+a.Dropped || a.Lost != causes:
		t.Fatalf("not every lost message has one cause: %+v", a)
	case a.ExtraCopies != makers || a.ExtraCopies < 0:
		t.Fatalf("not every extra copy has one maker: %+v", a)
	}
}

// A lost message may have two causes: what the application was told, and what
// the producer said when nobody listened any more.
func TestTheLateWordOnALostMessage(t *testing.T) {
	a := booksOf(
		Fact{Kind: Offered},
		Fact{Kind: Accepted, Attempt: 1},
		Fact{Kind: Told, Attempt: 1, Outcome: Unknown, Cause: WaitTimeout},
		Fact{Kind: Answered, Attempt: 1, Outcome: Failed, Cause: DeliveryTimeout},
	).Settle()
	if want := (map[Cause]int64{WaitTimeout: 1, DeliveryTimeout: 1}); !maps.Equal(a.Causes, want) {
		t.Errorf("the causes are %v, not %v", a.Causes, want)
	}
	if want := (map[Cause]int64{DeliveryTimeout: 1}); !maps.Equal(a.LateCauses, want) {
		t.Errorf("the late ones among them are %v, not %v", a.LateCauses, want)
	}
}

// What happens to one message, and where the books put it.
func TestTheCellOfAMessage(t *testing.T) {
	offered := Fact{Kind: Offered}
	accepted := func(n int32) Fact { return Fact{Kind: Accepted, Attempt: n} }
	refused := Fact{Kind: Refused, Attempt: 1, Cause: BufferExhausted}
	no := func(n int32, cause Cause) Fact {
		return Fact{Kind: Answered, Attempt: n, Outcome: Failed, Cause: cause}
	}
	told := func(o Outcome, cause Cause) Fact { return Fact{Kind: Told, Attempt: 1, Outcome: o, Cause: cause} }
	written := func(n int32) Fact { return Fact{Kind: Written, Attempt: n} }
	by := func(m Maker) Fact { return Fact{Kind: Written, Maker: m, Attempt: 1} }
	dropped := Fact{Kind: Dropped, Cause: QueueFull}

	for _, row := range []struct {
		name  string
		facts []Fact
		live  Cell // before the books are settled
		cell  Cell // after
		lost  Cause
		extra map[Maker]int64
	}{
		{"all is well", []Fact{offered, accepted(1), told(Confirmed, 0), written(1)},
			CellDelivered, CellDelivered, 0, nil},
		{"a yes for nothing", []Fact{offered, accepted(1), told(Confirmed, 0)},
			CellVanished, CellVanished, Acknowledged, nil},
		{"no room in the buffer", []Fact{offered, refused, told(Failed, BufferExhausted)},
			CellRefused, CellRefused, BufferExhausted, nil},
		{"a no without a reason is still a cause", []Fact{offered, told(Failed, NoCause)},
			CellRefused, CellRefused, Other, nil},
		{"told no, and written all the same", []Fact{offered, accepted(1), told(Failed, RequestTimeout), written(1)},
			CellPhantom, CellPhantom, 0, nil},
		{"given up, and expired in the buffer afterwards", []Fact{offered, accepted(1), told(Unknown, WaitTimeout), no(1, DeliveryTimeout)},
			CellLostInSilence, CellLostInSilence, WaitTimeout, nil},
		{"given up, and written afterwards", []Fact{offered, accepted(1), told(Unknown, WaitTimeout), written(1)},
			CellUnconfirmed, CellUnconfirmed, 0, nil},
		{"nobody listens: the producer's answer is the cause", []Fact{offered, accepted(1), told(Unknown, NotAwaited), no(1, DeliveryTimeout)},
			CellLostInSilence, CellLostInSilence, DeliveryTimeout, nil},
		{"nobody listens, and no answer came", []Fact{offered, accepted(1), told(Unknown, NotAwaited)},
			CellLostInSilence, CellLostInSilence, NotAwaited, nil},
		{"the queue is full", []Fact{offered, dropped},
			CellDropped, CellDropped, QueueFull, nil},
		{"dropped, and put out after the run", []Fact{offered, dropped, by(MadeByRepublish)},
			CellUnconfirmed, CellUnconfirmed, 0, nil},
		{"dropped while a retry waited: the producer had it", []Fact{offered, accepted(1), dropped},
			CellLostInSilence, CellLostInSilence, QueueFull, nil},
		{"dropped, then sent again after a crash and told yes", []Fact{offered, dropped, told(Confirmed, 0), by(MadeByReplay)},
			CellDelivered, CellDelivered, 0, nil},
		{"killed before the producer had it", []Fact{offered},
			CellInFlight, CellDropped, ApplicationKilled, nil},
		{"killed after a refusal, before the next try", []Fact{offered, refused, {Kind: Retried, Attempt: 1, Cause: BufferExhausted}},
			CellInFlight, CellDropped, ApplicationKilled, nil},
		{"killed while the producer had it", []Fact{offered, accepted(1)},
			CellInFlight, CellLostInSilence, ApplicationKilled, nil},
		{"killed between a no and the next try", []Fact{offered, accepted(1), no(1, Connection)},
			CellInFlight, CellLostInSilence, ApplicationKilled, nil},
		{"killed, and written all the same", []Fact{offered, accepted(1), written(1)},
			CellInFlight, CellUnconfirmed, 0, nil},
		{"written before anybody recorded that it was sent", []Fact{written(1), told(Confirmed, 0), accepted(1), offered},
			CellDelivered, CellDelivered, 0, nil},
		{"the application sent it twice", []Fact{offered, told(Confirmed, 0), written(1), written(2)},
			CellDuplicated, CellDuplicated, 0, map[Maker]int64{MadeByApplication: 1}},
		{"the client sent one attempt twice", []Fact{offered, told(Failed, RequestTimeout), written(1), written(1)},
			CellDuplicated, CellDuplicated, 0, map[Maker]int64{MadeByClient: 1}},
		{"both at once", []Fact{offered, told(Unknown, WaitTimeout), written(2), written(1), written(2), written(3)},
			CellDuplicated, CellDuplicated, 0, map[Maker]int64{MadeByApplication: 2, MadeByClient: 1}},
		{"forty attempts, the late ones written too", []Fact{offered, told(Confirmed, 0), written(1), written(17), written(40), written(17)},
			CellDuplicated, CellDuplicated, 0, map[Maker]int64{MadeByApplication: 2, MadeByClient: 1}},
		{"put out again though it was there", []Fact{offered, told(Unknown, WaitTimeout), written(1), by(MadeByRepublish)},
			CellDuplicated, CellDuplicated, 0, map[Maker]int64{MadeByRepublish: 1}},
		{"put out again, and the first copy comes late", []Fact{offered, told(Unknown, WaitTimeout), by(MadeByRepublish), written(1)},
			CellDuplicated, CellDuplicated, 0, map[Maker]int64{MadeByRepublish: 1}},
		{"sent again after a crash, and put out twice", []Fact{offered, by(MadeByRepublish), by(MadeByReplay), by(MadeByRepublish)},
			CellInFlight, CellDuplicated, 0, map[Maker]int64{MadeByRepublish: 2}},
		{"put out twice, and nothing else", []Fact{offered, dropped, by(MadeByRepublish), by(MadeByRepublish)},
			CellDuplicated, CellDuplicated, 0, map[Maker]int64{MadeByRepublish: 1}},
		{"somebody else's copy", []Fact{written(1)},
			CellForeign, CellForeign, 0, nil},
	} {
		t.Run(row.name, func(t *testing.T) {
			b := booksOf(row.facts...)
			if got := b.Entry(0).Cell(); got != row.live {
				t.Errorf("it lies in %s while the run goes on, not in %s", got, row.live)
			}
			checkSums(t, b.Account())
			a := b.Settle()
			checkSums(t, a)
			entry := b.Entry(0)
			if got := entry.Cell(); got != row.cell {
				t.Errorf("it lies in %s, not in %s", got, row.cell)
			}
			if want := (map[Cell]int64{row.cell: 1}); row.cell != CellForeign && !maps.Equal(a.Cells(), want) {
				t.Errorf("the account has it in %v", a.Cells())
			}
			if entry.Lost() != (row.lost != 0) || entry.Lost() != (a.Lost == 1) {
				t.Errorf("lost: %v, the account says %d", entry.Lost(), a.Lost)
			}
			if row.lost != 0 && (entry.Cause != row.lost || a.Causes[row.lost] != 1) {
				t.Errorf("lost by %v, the account says %v, and it was %v", entry.Cause, a.Causes, row.lost)
			}
			if !maps.Equal(a.CopiesBy, row.extra) {
				t.Errorf("its extra copies are %v, not %v", a.CopiesBy, row.extra)
			}
		})
	}
}

// Whatever facts come, in whatever order: the books agree with the naive model,
// after every single one of them, and every sum holds.
func TestTheBooksAlwaysBalance(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		facts := rapid.SliceOfN(sensible(), 0, 60).Draw(t, "facts")
		b := NewBooks()
		ask := rapid.IntRange(1, 10).Draw(t, "ask for the account every so often")
		for i := range facts {
			b.Add(&facts[i])
			if i%ask != 0 {
				continue
			}
			got := b.Account()
			checkSums(t, got)
			if want := naive(facts[:i+1], false); !equal(got, want) {
				t.Fatalf("after %d facts:\n got %+v\nwant %+v", i+1, got, want)
			}
		}
		got := b.Settle()
		checkSums(t, got)
		if want := naive(facts, true); !equal(got, want) || got.InFlight != 0 {
			t.Fatalf("settled:\n got %+v\nwant %+v", got, want)
		}

		entries, cells, foreign := int64(0), map[Cell]int64{}, int64(0)
		last := int64(-1)
		for seq, e := range b.Entries() {
			if seq <= last || e != b.Entry(seq) {
				t.Fatalf("message %d came after %d, or is not what Entry says", seq, last)
			}
			last = seq
			entries++
			if cell := e.Cell(); cell != CellForeign {
				cells[cell]++
			} else {
				foreign += int64(e.Copies)
			}
		}
		if !maps.Equal(cells, got.Cells()) || foreign != got.Foreign || entries != b.Len() {
			t.Fatalf("%d entries, by cell %v, foreign %d; the account: %d, %v, %d", entries, cells, foreign, b.Len(), got.Cells(), got.Foreign)
		}
	})
}

// Facts that do not contradict each other may come in any order.
func TestTheOrderOfFactsDoesNotMatter(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		lastWord := map[[2]int64]bool{}
		facts := slices.DeleteFunc(rapid.SliceOfN(sensible(), 0, 40).Draw(t, "facts"), func(f Fact) bool {
			if f.Kind != Told && f.Kind != Dropped && !(f.Kind == Answered && f.Outcome == Failed) {
				return false
			}
			again := lastWord[[2]int64{f.Seq, int64(f.Kind)}]
			lastWord[[2]int64{f.Seq, int64(f.Kind)}] = true
			return again
		})
		shuffled := rapid.Permutation(facts).Draw(t, "shuffled")
		one, other := booksOf(facts...).Settle(), booksOf(shuffled...).Settle()
		if !equal(one, other) {
			t.Fatalf("in order:\n%+v\nshuffled:\n%+v", one, other)
		}
	})
}

// A number from a broken header takes no memory, and is counted.
func TestAMessageOutOfAllBounds(t *testing.T) {
	b := NewBooks()
	b.Limit = 1000
	for _, seq := range []int64{-1, math.MinInt64, 1000, MaxMessages, 1 << 60, math.MaxInt64} {
		b.Add(&Fact{Kind: Written, Seq: seq, Attempt: 1})
		if e := b.Entry(seq); e != (Entry{}) {
			t.Errorf("message %d has an entry: %+v", seq, e)
		}
	}
	b.Add(&Fact{Kind: Offered, Seq: 999})
	if a := b.Account(); a.Ignored != 6 || a.Scheduled != 1 || a.Foreign != 0 || b.Len() != 1 || len(b.pages) != 1 {
		t.Errorf("%d messages on %d pages: %+v", b.Len(), len(b.pages), a)
	}
	unlimited := booksOf(Fact{Kind: Offered, Seq: MaxMessages}, Fact{Kind: Offered, Seq: MaxMessages - 1})
	if a := unlimited.Account(); a.Ignored != 1 || a.Scheduled != 1 {
		t.Errorf("without a limit of one's own: %+v", a)
	}
}

// One message with more copies than an entry can count: the surplus is ignored,
// and the sums still hold.
func TestMoreCopiesThanFit(t *testing.T) {
	b := booksOf(Fact{Kind: Offered}, Fact{Kind: Told, Outcome: Confirmed, Attempt: 1})
	for range math.MaxUint16 + 10 {
		b.Add(&Fact{Kind: Written, Attempt: 1})
	}
	a := b.Settle()
	checkSums(t, a)
	if a.Written != math.MaxUint16 || a.Ignored != 10 {
		t.Errorf("written %d, ignored %d", a.Written, a.Ignored)
	}
}

// A last word that is none is ignored, and counted.
func TestToldNothingAtAll(t *testing.T) {
	a := booksOf(Fact{Kind: Told, Outcome: NotTold}, Fact{Kind: Told, Outcome: Unknown + 1}).Account()
	if a.Ignored != 2 || a.InFlight != 1 {
		t.Errorf("%+v", a)
	}
}

// An hour at a million messages must fit: at most 32 bytes each, measured.
func TestTheBooksStaySmall(t *testing.T) {
	const messages = 1_000_000
	heap := func() int64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc)
	}
	before := heap()
	b := NewBooks()
	for seq := range int64(messages) {
		for _, f := range usual(seq) {
			b.Add(&f)
		}
	}
	if a := b.Settle(); a.Matrix[0][1] != messages {
		t.Errorf("not all %d messages were delivered: %+v", messages, a)
	}
	each := float64(heap()-before) / messages
	runtime.KeepAlive(b)
	if each > 32 || unsafe.Sizeof(entry{}) != 16 {
		t.Errorf("a message takes %.1f bytes in the books, its entry %d", each, unsafe.Sizeof(entry{}))
	}
	t.Logf("%.1f bytes a message", each)
}
