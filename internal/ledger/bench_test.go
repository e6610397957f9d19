package ledger

import (
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"
)

// usual are the six facts of a message that went well, as a run at a thousand
// messages a second records them.
func usual(seq int64) [6]Fact {
	at := time.Duration(seq) * time.Millisecond
	place := func(f Fact) Fact {
		f.Partition, f.Offset = int32(seq%9), seq/9
		return f
	}
	return [...]Fact{
		{Kind: Offered, Seq: seq, At: at, Lag: 80 * time.Microsecond},
		{Kind: Accepted, Seq: seq, At: at + time.Millisecond, Attempt: 1, Queue: 300 * time.Microsecond, Blocked: 20 * time.Microsecond},
		place(Fact{Kind: Answered, Seq: seq, At: at + 8*time.Millisecond, Attempt: 1, Outcome: Confirmed, Ack: 7 * time.Millisecond}),
		{Kind: Told, Seq: seq, At: at + 8*time.Millisecond, Attempt: 1, Outcome: Confirmed, Send: 8 * time.Millisecond, Total: 9 * time.Millisecond},
		place(Fact{Kind: Written, Seq: seq, At: at + 12*time.Millisecond, Attempt: 1}),
		place(Fact{Kind: Consumed, Seq: seq, At: at + 15*time.Millisecond, Attempt: 1}),
	}
}

// BenchmarkRecord is one fact a round, from several goroutines, down to the file
// and back to Each: what an application's own goroutine pays, while the writer
// keeps up beside it.
func BenchmarkRecord(b *testing.B) {
	var handed int64
	log, err := Create(filepath.Join(b.TempDir(), "facts.simd"), Options{Each: func(f []Fact) { handed += int64(len(f)) }})
	if err != nil {
		b.Fatal(err)
	}
	var seqs, facts atomic.Int64
	b.ReportAllocs()
	b.SetParallelism(2)
	b.RunParallel(func(pb *testing.PB) {
		n := int64(0)
		for {
			for _, f := range usual(seqs.Add(1)) {
				if !pb.Next() {
					facts.Add(n)
					return
				}
				log.Record(f)
				n++
			}
		}
	})
	b.StopTimer()
	if err := log.Close(); err != nil {
		b.Fatal(err)
	}
	if handed != facts.Load() {
		b.Fatalf("recorded %d facts, %d handed to Each", facts.Load(), handed)
	}
	b.ReportMetric(float64(log.Bytes())/float64(handed)*6, "bytes/message")
}

// BenchmarkWriter is one fact a round through the writer goroutine alone:
// checksum, write, decode.
func BenchmarkWriter(b *testing.B) {
	blk := newBlock()
	for seq := int64(0); !blk.full(); seq += shards {
		for _, f := range usual(seq) {
			blk.add(&f)
		}
	}
	log := &Log{file: nowhere{}, opts: Options{Each: func([]Fact) {}}}
	b.ReportAllocs()
	for n := 0; n < b.N; n += blk.facts {
		log.write(blk.framed())
		log.hand(blk)
	}
}

type nowhere struct{}

func (nowhere) Write(p []byte) (int, error) { return len(p), nil }
func (nowhere) Truncate(int64) error        { return nil }
func (nowhere) Sync() error                 { return nil }
func (nowhere) Close() error                { return nil }

// BenchmarkRead is one fact a round, from a file.
func BenchmarkRead(b *testing.B) {
	path := filepath.Join(b.TempDir(), "facts.simd")
	facts := writeUsual(b, path, 200_000)
	b.ReportAllocs()
	b.ResetTimer()
	for n := 0; n < b.N; n += facts {
		for _, err := range Read(path) {
			if err != nil {
				b.Fatal(err)
			}
		}
	}
}

// BenchmarkBooksAdd is one fact a round.
func BenchmarkBooksAdd(b *testing.B) {
	books := NewBooks()
	b.ReportAllocs()
	for n := 0; n < b.N; {
		for _, f := range usual(int64(n/6) % (1 << 22)) {
			books.Add(&f)
			n++
		}
	}
}

// BenchmarkBooksAccount is a second's account in the middle of a run: a million
// messages in the books, a thousand of them new.
func BenchmarkBooksAccount(b *testing.B) {
	books := NewBooks()
	for seq := range int64(1_000_000) {
		for _, f := range usual(seq) {
			books.Add(&f)
		}
	}
	seq := int64(1_000_000)
	b.ReportAllocs()
	for b.Loop() {
		for range 1000 {
			books.Add(&Fact{Kind: Offered, Seq: seq % MaxMessages})
			seq++
		}
		books.Account()
	}
}

// writeUsual writes a file of that many ordinary messages, and says how many
// facts they have.
func writeUsual(tb testing.TB, path string, messages int64) (facts int) {
	tb.Helper()
	log, err := Create(path, Options{})
	if err != nil {
		tb.Fatal(err)
	}
	for seq := range messages {
		for _, f := range usual(seq) {
			log.Record(f)
			facts++
		}
	}
	if err := log.Close(); err != nil {
		tb.Fatal(err)
	}
	return facts
}
