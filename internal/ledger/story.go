package ledger

import "iter"

// storiesAtOnce is how many messages' facts one pass over a file collects: some
// 40 MB of them, when each has eight.
const storiesAtOnce = 200_000

// Story is one message, from its first fact to its last.
type Story struct {
	Seq   int64
	Entry Entry
	Facts []Fact // in the file's order
}

// Reconcile reads a whole facts file and returns its books, settled. With an
// error of Read's, the books hold what stands before it.
func Reconcile(path string) (*Books, error) {
	books := NewBooks()
	var failed error
	for f, err := range Read(path) {
		if err != nil {
			failed = err
			break
		}
		books.Add(&f)
	}
	books.Settle()
	return books, failed
}

// Differing yields the story of every message that keep wants, in the order of
// their numbers; a nil keep wants those that differ ([Entry.Differs]). The file
// must be that of a run that has ended: messages without a last word are
// settled. Memory stays bounded: the file is read once for the books, of sixteen
// bytes a message, and once more for every 200,000 messages that keep wants. An
// error of Read's comes last, after the stories of what could be read.
func Differing(path string, keep func(seq int64, e Entry) bool) iter.Seq2[Story, error] {
	if keep == nil {
		keep = func(_ int64, e Entry) bool { return e.Differs() }
	}
	return func(yield func(Story, error) bool) {
		books, failed := Reconcile(path)
		for wanted := range books.ranges(keep, storiesAtOnce) {
			facts, err := collect(path, wanted)
			if err != nil && failed == nil {
				yield(Story{}, err) // the file has changed under our hands
				return
			}
			for i, seq := range wanted {
				story := Story{Seq: seq, Entry: books.Entry(seq), Facts: unpack(facts[i])}
				if !yield(story, nil) {
					return
				}
			}
		}
		if failed != nil {
			yield(Story{}, failed)
		}
	}
}

// ranges yields the numbers of the messages that keep wants, at most n at a time.
func (b *Books) ranges(keep func(int64, Entry) bool, n int) iter.Seq[[]int64] {
	return func(yield func([]int64) bool) {
		var wanted []int64
		for seq, e := range b.Entries() {
			if !keep(seq, e) {
				continue
			}
			wanted = append(wanted, seq)
			if len(wanted) == n {
				if !yield(wanted) {
					return
				}
				wanted = wanted[:0]
			}
		}
		if len(wanted) > 0 {
			yield(wanted)
		}
	}
}

// collect returns the facts of the wanted messages, packed as in a block, which
// takes an eighth of the memory; with an error of Read's, what stands before it.
func collect(path string, wanted []int64) ([][]byte, error) {
	index := make(map[int64]int, len(wanted))
	for i, seq := range wanted {
		index[seq] = i
	}
	packed := make([][]byte, len(wanted))
	for f, err := range Read(path) {
		if err != nil {
			return packed, err
		}
		if !f.Kind.OfMessage() || f.Seq < wanted[0] || f.Seq > wanted[len(wanted)-1] {
			continue
		}
		if i, ok := index[f.Seq]; ok {
			packed[i] = appendFact(packed[i], &f, &cursor{})
		}
	}
	return packed, nil
}

// unpack returns what collect has packed: every fact against a zero cursor.
func unpack(packed []byte) []Fact {
	var facts []Fact
	d := decoder{b: packed}
	for len(d.b) > 0 {
		var f Fact
		d.c = cursor{}
		if err := d.fact(&f); err != nil {
			panic("ledger: cannot read its own facts: " + err.Error())
		}
		facts = append(facts, f)
	}
	return facts
}
