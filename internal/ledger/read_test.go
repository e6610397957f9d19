package ledger

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

// sound is a small facts file of several blocks: its bytes, its facts, and
// where each block begins, the end of the last one included.
func sound(tb testing.TB) (file []byte, facts []Fact, begins []int64) {
	tb.Helper()
	log, path := create(tb, Options{Flush: time.Hour})
	begins = append(begins, int64(len(title)))
	for seq := range int64(4) {
		for _, f := range usual(seq) {
			log.Record(f)
		}
		if seq == 2 {
			log.Record(Fact{Kind: StateChanged, Seq: seq, Note: "draining", At: time.Second})
			log.Record(Fact{Kind: Sampled, Seq: seq, Sample: &Sample{BufferTotal: 1 << 20}})
		}
		if err := log.Flush(); err != nil { // one message, one block
			tb.Fatal(err)
		}
		begins = append(begins, log.Bytes())
	}
	if err := log.Close(); err != nil {
		tb.Fatal(err)
	}
	file, err := os.ReadFile(path)
	if err != nil {
		tb.Fatal(err)
	}
	if facts, err = all(Read(path)); err != nil {
		tb.Fatal(err)
	}
	return file, facts, begins
}

// readAll reads a facts file from memory.
func readAll(file []byte) (facts []Fact, seen Condition, failed error) {
	r := newReader("F", bytes.NewReader(file))
	for {
		batch, err := r.next()
		facts = append(facts, batch...)
		if errors.Is(err, io.EOF) {
			return facts, r.seen, nil
		}
		if err != nil {
			return facts, r.seen, err
		}
	}
}

// begin is where the last block that begins at or before offset does, and how
// many blocks are whole before it.
func begin(begins []int64, offset int64) (at int64, blocks int64) {
	for i, b := range begins {
		if b <= offset {
			at, blocks = b, int64(i)
		}
	}
	return at, blocks
}

// A killed process leaves a file that ends anywhere: what is read is whole
// blocks, quietly, and Check's Condition accounts for every byte.
func TestAFileCutAnywhere(t *testing.T) {
	file, facts, begins := sound(t)
	for end := range int64(len(file) + 1) {
		got, seen, err := readAll(file[:end])
		if err != nil {
			t.Fatalf("cut after %d bytes: %v", end, err)
		}
		whole, blocks := begin(begins, end)
		if seen.Bytes != whole || seen.Torn != end-whole || seen.Blocks != blocks || seen.Facts != int64(len(got)) {
			t.Fatalf("cut after %d bytes, of which %d are whole: %+v", end, whole, seen)
		}
		if len(got) > len(facts) || !slices.EqualFunc(got, facts[:len(got)], same) {
			t.Fatalf("cut after %d bytes: what was read is no prefix", end)
		}
		if end == int64(len(file)) && len(got) != len(facts) {
			t.Fatalf("the whole file has %d facts, not %d", len(got), len(facts))
		}
	}
}

// A single bit that flips, anywhere, is noticed: never a wrong fact, never a
// quiet end, and everything before its block is still read.
func TestEveryFlippedBitIsNoticed(t *testing.T) {
	file, facts, begins := sound(t)
	for bit := range len(file) * 8 {
		file[bit/8] ^= 1 << (bit % 8)
		got, seen, err := readAll(file)
		file[bit/8] ^= 1 << (bit % 8)

		at, blocks := begin(begins, int64(bit/8))
		if err == nil {
			t.Fatalf("bit %d of byte %d flipped: no error", bit%8, bit/8)
		}
		if !slices.EqualFunc(got, facts[:len(got)], same) || seen.Blocks != blocks {
			t.Fatalf("bit %d of byte %d flipped: read %d blocks, and %d are sound", bit%8, bit/8, seen.Blocks, blocks)
		}
		if int64(bit/8) < begins[0] {
			continue // the title: not a facts file of ours
		}
		corrupt, ok := errors.AsType[*CorruptBlock](err)
		if !ok || corrupt.Offset != at || corrupt.Facts != int64(len(got)) {
			t.Fatalf("bit %d of byte %d flipped, in the block at %d: %v", bit%8, bit/8, at, err)
		}
	}
}

func TestWhatReadSaysOfAFile(t *testing.T) {
	file, facts, begins := sound(t)
	middle := begins[2]
	spoiled := func(at int64, with ...byte) []byte {
		bad := bytes.Clone(file)
		copy(bad[at:], with)
		return bad
	}
	for _, row := range []struct {
		name  string
		file  []byte
		facts int // that are read
		torn  int64
		reads string // the error; "" for none
	}{
		{name: "nothing in it yet", file: nil},
		{name: "only the title", file: []byte(title)},
		{name: "all zeros behind it, as a power cut leaves it", file: append(bytes.Clone(file), make([]byte, 5000)...),
			facts: len(facts), torn: 5000},
		{name: "a few zeros behind it", file: append(bytes.Clone(file), 0, 0, 0), facts: len(facts), torn: 3},
		{name: "a header of zeros in the middle", file: spoiled(middle, make([]byte, headerSize)...), facts: 12,
			reads: "facts file F: the block at byte M is corrupt: its header is missing; the 12 facts before it are sound, what follows is lost: check the disk, and run the scenario again for a whole report"},
		{name: "a header of rubbish in the middle", file: spoiled(middle, 0xba, 0xad), facts: 12,
			reads: "facts file F: the block at byte M is corrupt: its header's checksum is wrong; the 12 facts before it are sound, what follows is lost: check the disk, and run the scenario again for a whole report"},
		{name: "a payload of rubbish in the middle", file: spoiled(middle+headerSize+3, 0xba, 0xad), facts: 12,
			reads: "facts file F: the block at byte M is corrupt: its checksum is wrong; the 12 facts before it are sound, what follows is lost: check the disk, and run the scenario again for a whole report"},
		{name: "a block that holds no facts", file: append(bytes.Clone(file[:middle]), frame(0, 0xff, 0xff)...), facts: 12,
			reads: "facts file F: the block at byte M is corrupt: its content is not a list of facts; the 12 facts before it are sound, what follows is lost: check the disk, and run the scenario again for a whole report"},
		{name: "a block that miscounts its facts", file: append(bytes.Clone(file[:middle]), frame(3, byte(Dropped), 0, 0)...), facts: 12,
			reads: "facts file F: the block at byte M is corrupt: it holds 1 facts and says 3; the 12 facts before it are sound, what follows is lost: check the disk, and run the scenario again for a whole report"},
		{name: "a block that is too long", file: append(bytes.Clone(file[:middle]), frame(3, make([]byte, maxPayload+1)...)...), facts: 12,
			reads: "facts file F: the block at byte M is corrupt: its length is 65521, not 1 to 65520; the 12 facts before it are sound, what follows is lost: check the disk, and run the scenario again for a whole report"},
		{name: "another program's file", file: []byte("PK\x03\x04 and more of the same"),
			reads: `facts file F: begins with "PK\x03\x04 and more", not with "simd facts 1\n": it is no facts file`},
		{name: "a later simd's file", file: []byte("simd facts 2\n"),
			reads: `facts file F: begins with "simd facts 2\n", and this simd reads "simd facts 1\n": read it with the simd that wrote it`},
	} {
		got, seen, err := readAll(row.file)
		if len(got) != row.facts || seen.Torn != row.torn {
			t.Errorf("%s: %d facts and %d torn bytes, not %d and %d", row.name, len(got), seen.Torn, row.facts, row.torn)
		}
		want := string(bytes.ReplaceAll([]byte(row.reads), []byte("byte M"), fmt.Appendf(nil, "byte %d", middle)))
		if err == nil && want != "" || err != nil && err.Error() != want {
			t.Errorf("%s: the error reads\n  %v\nand should read\n  %s", row.name, err, want)
		}
	}
}

// frame is a block around any payload, its checksums right.
func frame(facts int, payload ...byte) []byte {
	b := newBlock()
	b.buf = append(b.buf, payload...)
	b.facts = facts
	return b.framed()
}

func TestReadOfAFileThatIsNotThere(t *testing.T) {
	path := filepath.Join(t.TempDir(), "facts.simd")
	want := "facts file " + path + ": cannot be read: no such file or directory"
	if _, err := all(Read(path)); err == nil || err.Error() != want || !errors.Is(err, os.ErrNotExist) {
		t.Errorf("Read says %v", err)
	}
	if _, err := Check(path); err == nil || err.Error() != want {
		t.Errorf("Check says %v", err)
	}
}

// Whoever has seen enough stops, and nothing is left open.
func TestReadMayBeLeftEarly(t *testing.T) {
	path := filepath.Join(t.TempDir(), "facts.simd")
	writeUsual(t, path, 10)
	for f, err := range Read(path) {
		if err != nil || f.Kind != Offered {
			t.Errorf("the first fact is %+v: %v", f, err)
		}
		break
	}
}

// Whatever bytes a file holds, reading it ends, without a panic, and so do the
// books that are made of it; right checksums around wrong content included.
func FuzzRead(f *testing.F) {
	file, _, begins := sound(f)
	f.Add(file)
	f.Add(file[:len(file)-5])
	for i := range len(begins) - 1 {
		f.Add(file[begins[i]+headerSize : begins[i+1]]) // a payload
	}
	f.Add([]byte{byte(Sampled), 0, 0, 11, 1})
	f.Add([]byte{byte(StateChanged), 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01})
	f.Fuzz(func(t *testing.T, data []byte) {
		payload := data[:min(len(data), maxPayload)]
		count, _ := decodeFacts(nil, payload)
		for _, file := range [][]byte{data, append([]byte(title), frame(len(count), payload...)...)} {
			facts, seen, err := readAll(file)
			if seen.Facts != int64(len(facts)) || err == nil && seen.Bytes+seen.Torn != int64(len(file)) {
				t.Fatalf("%d facts from %d bytes: %+v, %v", len(facts), len(file), seen, err)
			}
			books := NewBooks()
			books.Limit = 1 << 16
			for i := range facts {
				books.Add(&facts[i])
			}
			checkSums(t, books.Settle())
		}
	})
}
