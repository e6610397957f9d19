package producer

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"pgregory.net/rapid"
)

// AbstractRecords.estimateSizeInBytesUpperBound; the figures are those that the
// Java client takes of its buffer for the same record.
func TestRecordUpperBound(t *testing.T) {
	uuid := []byte("123e4567-e89b-12d3-a456-426614174000")
	for _, tt := range []struct {
		record Record
		want   int64
	}{
		{Record{Key: uuid, Value: make([]byte, 102400)}, 102_523},                                         // the article's message
		{Record{Value: make([]byte, 102400)}, 102_487},                                                    // without a key: its length is still told
		{Record{Key: []byte{}, Value: []byte{}}, 61 + 21 + 3},                                             // nothing but lengths
		{Record{}, 61 + 21 + 3},                                                                           // nothing is as long as empty
		{Record{Value: make([]byte, 63)}, 61 + 21 + 3 + 63},                                               // the most with a length of one byte
		{Record{Value: make([]byte, 64)}, 61 + 21 + 4 + 64},                                               // the least with one of two
		{Record{Headers: []Header{{Key: "simd-seq", Value: []byte("42")}}}, 61 + 21 + 3 + 1 + 8 + 1 + 2},  // a header
		{Record{Headers: []Header{{Key: "a"}, {Key: "b", Value: []byte{}}}}, 61 + 21 + 3 + 2 + 1 + 2 + 1}, // without a value, and with none in it
		{Record{Key: uuid, Value: make([]byte, 102400), Headers: simdHeaders()}, 102_523 + 30 + 15 + 15},  // what simd sends
	} {
		if got := RecordUpperBound(&tt.record); got != tt.want {
			t.Errorf("key of %d bytes, value of %d, %d headers: %d bytes, want %d", len(tt.record.Key), len(tt.record.Value), len(tt.record.Headers), got, tt.want)
		}
	}
}

func simdHeaders() []Header {
	return []Header{
		{Key: "simd-run", Value: []byte("c1q2w3e4r5t6y7u8i9o0")},
		{Key: "simd-seq", Value: []byte("28764")},
		{Key: "simd-attempt", Value: []byte("1")},
	}
}

// A batch takes batch.size of buffer.memory, or what its first record can need
// at most, whichever is more (RecordAccumulator.append).
func TestWhatABatchTakesOfTheBuffer(t *testing.T) {
	for _, tt := range []struct {
		record Record
		want   int64
	}{
		{Record{Value: make([]byte, 10)}, 16384},
		{Record{Value: make([]byte, 16384-61-21-5)}, 16384}, // to the byte: 5 bytes of lengths
		{Record{Value: make([]byte, 16384-61-21-4)}, 16385},
		{Record{Key: make([]byte, 36), Value: make([]byte, 102400)}, 102_523},
		{Record{Key: make([]byte, 36), Value: make([]byte, 102400), Headers: simdHeaders()}, 102_583},
	} {
		t.Run(fmt.Sprint(tt.want), func(t *testing.T) {
			inBubble(t, 1, func(t *testing.T, r *rig) {
				cfg := javaDefaults()
				cfg.Linger = time.Second
				c := r.start(cfg)
				if err := c.sendRecord(&tt.record); err != nil {
					t.Fatal(err)
				}
				s := c.Stats()
				if got := s.BufferTotal - s.BufferAvailable; got != tt.want {
					t.Errorf("a record with %d bytes takes %d, want %d", len(tt.record.Value), got, tt.want)
				}
				c.allConfirmed()
				synctest.Wait() // until the sender has freed it
				if s := c.Stats(); s.BufferAvailable != s.BufferTotal {
					t.Errorf("%d bytes are not given back", s.BufferTotal-s.BufferAvailable)
				}
			})
		})
	}
}

// records draws any record.
func records() *rapid.Generator[*Record] {
	field := rapid.OneOf(
		rapid.Just([]byte(nil)),
		rapid.SliceOfN(rapid.Byte(), 0, 100),
		rapid.Custom(func(rt *rapid.T) []byte { return make([]byte, rapid.IntRange(0, 20_000).Draw(rt, "size")) }),
	)
	header := rapid.Custom(func(rt *rapid.T) Header {
		return Header{Key: rapid.String().Draw(rt, "header key"), Value: field.Draw(rt, "header value")}
	})
	return rapid.Custom(func(rt *rapid.T) *Record {
		return &Record{Key: field.Draw(rt, "key"), Value: field.Draw(rt, "value"), Headers: rapid.SliceOfN(header, 0, 4).Draw(rt, "headers")}
	})
}

// DefaultRecord.sizeInBytes is what DefaultRecord.writeTo writes, and
// recordSizeUpperBound is never less.
func TestRecordSizes(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		r := records().Draw(rt, "record")
		timeDelta := rapid.Int64Range(-1<<40, 1<<40).Draw(rt, "time delta")
		offsetDelta := rapid.Int64Range(0, 1<<31-1).Draw(rt, "offset delta")
		written := appendRecord(nil, r, timeDelta, offsetDelta)
		if got := recordSize(r, timeDelta, offsetDelta); got != len(written) {
			rt.Fatalf("the size is said to be %d, and %d bytes were written", got, len(written))
		}
		if most := RecordUpperBound(r) - batchOverhead; int64(len(written)) > most {
			rt.Fatalf("%d bytes were written, more than the upper bound of %d", len(written), most)
		}
		back, delta, size, err := readRecord(append(written, 1, 2, 3))
		if err != nil || delta != timeDelta || size != len(written) || !alike(back, r) {
			rt.Fatalf("read back %+v (%d ms, %d bytes, %v), want %+v", back, delta, size, err, r)
		}
	})
}

// alike says whether two records are the same; nil is not empty.
func alike(a, b *Record) bool {
	same := func(a, b []byte) bool { return (a == nil) == (b == nil) && bytes.Equal(a, b) }
	if !same(a.Key, b.Key) || !same(a.Value, b.Value) || len(a.Headers) != len(b.Headers) {
		return false
	}
	for i := range a.Headers {
		if a.Headers[i].Key != b.Headers[i].Key || !same(a.Headers[i].Value, b.Headers[i].Value) {
			return false
		}
	}
	return true
}

// What any record says when it is sent, with any compression, is what a consumer
// reads: key, value, headers, and as its timestamp when Send was called. (Not in
// a bubble: what decompresses zstd is used again from outside of it.)
func TestWhatIsWrittenIsRead(t *testing.T) {
	r := newRig(t, 1, nil)
	var producers []*client
	for _, compression := range []string{"none", "gzip", "snappy", "lz4", "zstd"} {
		cfg := javaDefaults()
		cfg.Compression = compression
		producers = append(producers, r.start(cfg))
	}
	reader, err := kgo.NewClient(kgo.SeedBrokers(r.ListenAddrs()...), kgo.Dialer(r.net.DialContext), kgo.ConsumeTopics(topic))
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	rapid.Check(t, func(rt *rapid.T) {
		c := rapid.SampledFrom(producers).Draw(rt, "producer")
		sent := rapid.SliceOfN(records(), 1, 30).Draw(rt, "records")
		before, first := len(c.told()), r.PartitionInfo(topic, 0).HighWatermark
		earliest := time.Now().UnixMilli()
		for _, s := range sent {
			if err := c.sendRecord(s); err != nil {
				rt.Fatal(err)
			}
		}
		latest := time.Now().UnixMilli()
		if err := c.Flush(t.Context()); err != nil {
			rt.Fatal(err)
		}
		for i, a := range c.told()[before:] {
			if a.Err != nil || a.n != before+i || a.Offset != first+int64(i) {
				rt.Fatalf("answer %d is for record %d, and says offset %d, %v; want %d", before+i, a.n, a.Offset, a.Err, first+int64(i))
			}
		}
		for i := 0; i < len(sent); {
			for _, kr := range reader.PollFetches(t.Context()).Records() {
				if kr.Offset < first {
					continue // of an attempt that failed
				}
				got := &Record{Key: kr.Key, Value: kr.Value}
				for _, h := range kr.Headers {
					got.Headers = append(got.Headers, Header{Key: h.Key, Value: h.Value})
				}
				if ms := kr.Timestamp.UnixMilli(); !alike(got, sent[i]) || ms < earliest || ms > latest {
					rt.Fatalf("record %d came back as %+v at %d, want %+v at %d to %d", i, got, ms, sent[i], earliest, latest)
				}
				i++
			}
		}
	})
}

// The header of a batch, byte by byte (DefaultRecordBatch.writeHeader): sizes,
// counts, times and the producer's numbers. The timestamps of records may be
// out of order, for a record is stamped before it waits for memory.
func TestBatchHeader(t *testing.T) {
	b := newBatch(3, 500, make([]byte, 500), 0, time.Unix(9, 0))
	for _, ms := range []int64{1_000, 990, 1_020, 1_010} {
		if !b.append(&Record{Value: []byte("v")}, ms, nil) {
			t.Fatal("the batch is full")
		}
	}
	b.sequence = sequence{identity: identity{id: 77, epoch: 3}, first: 1000}
	if _, err := b.seal(nil); err != nil {
		t.Fatal(err)
	}
	be := binary.BigEndian
	for _, tt := range []struct {
		what string
		got  uint64
		want uint64
	}{
		{"base offset", be.Uint64(b.wire[0:]), 0},
		{"length", uint64(be.Uint32(b.wire[8:])), uint64(len(b.wire) - 12)},
		{"magic", uint64(b.wire[16]), 2},
		{"attributes", uint64(be.Uint16(b.wire[21:])), 0},
		{"last offset delta", uint64(be.Uint32(b.wire[23:])), 3},
		{"base timestamp", be.Uint64(b.wire[27:]), 1_000},
		{"max timestamp", be.Uint64(b.wire[35:]), 1_020},
		{"producer id", be.Uint64(b.wire[43:]), 77},
		{"epoch", uint64(be.Uint16(b.wire[51:])), 3},
		{"base sequence", uint64(be.Uint32(b.wire[53:])), 1000},
		{"records", uint64(be.Uint32(b.wire[57:])), 4},
	} {
		if tt.got != tt.want {
			t.Errorf("%s is %d, want %d", tt.what, tt.got, tt.want)
		}
	}
}
