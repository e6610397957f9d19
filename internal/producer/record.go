package producer

import (
	"encoding/binary"
	"math/bits"
)

// Record is one message. The producer copies what it needs before Send returns.
type Record struct {
	Key     []byte // nil: the partition is the sticky one (KIP-794)
	Value   []byte
	Headers []Header
}

// Header is one of a record's headers.
type Header struct {
	Key   string
	Value []byte
}

// Answer is the end of an accepted record.
type Answer struct {
	Err       error // nil: the broker said yes
	Partition int32
	Offset    int64 // -1 where the broker does not tell (acks=0)
}

const (
	batchOverhead     = 61 // DefaultRecordBatch.RECORD_BATCH_OVERHEAD
	maxRecordOverhead = 21 // DefaultRecord.MAX_RECORD_OVERHEAD
)

// RecordUpperBound is what a record alone in its batch takes of buffer.memory,
// in bytes: the batch's header and the most that the record can need
// (AbstractRecords.estimateSizeInBytesUpperBound). A batch takes this or
// batch.size, whichever is more.
func RecordUpperBound(r *Record) int64 {
	return batchOverhead + maxRecordOverhead + int64(contentSize(r))
}

// contentSize is the size of key, value and headers with their lengths
// (DefaultRecord.sizeOf).
func contentSize(r *Record) int {
	n := nullableSize(r.Key) + nullableSize(r.Value) + varintSize(int64(len(r.Headers)))
	for i := range r.Headers {
		h := &r.Headers[i]
		n += varintSize(int64(len(h.Key))) + len(h.Key) + nullableSize(h.Value)
	}
	return n
}

func nullableSize(b []byte) int {
	if b == nil {
		return 1 // the length -1
	}
	return varintSize(int64(len(b))) + len(b)
}

// varintSize is the size of a zigzag varint.
func varintSize(v int64) int {
	zigzag := uint64(v<<1) ^ uint64(v>>63)
	return (bits.Len64(zigzag|1) + 6) / 7
}

// recordSize is the exact size of the record in a batch (DefaultRecord.sizeInBytes).
func recordSize(r *Record, timeDelta, offsetDelta int64) int {
	body := bodySize(r, timeDelta, offsetDelta)
	return varintSize(int64(body)) + body
}

func bodySize(r *Record, timeDelta, offsetDelta int64) int {
	return 1 + varintSize(timeDelta) + varintSize(offsetDelta) + contentSize(r)
}

// appendRecord appends the record in the form of message format 2 (KIP-98).
func appendRecord(b []byte, r *Record, timeDelta, offsetDelta int64) []byte {
	b = binary.AppendVarint(b, int64(bodySize(r, timeDelta, offsetDelta)))
	b = append(b, 0) // attributes: none are in use
	b = binary.AppendVarint(b, timeDelta)
	b = binary.AppendVarint(b, offsetDelta)
	b = appendNullable(b, r.Key)
	b = appendNullable(b, r.Value)
	b = binary.AppendVarint(b, int64(len(r.Headers)))
	for i := range r.Headers {
		h := &r.Headers[i]
		b = binary.AppendVarint(b, int64(len(h.Key)))
		b = append(b, h.Key...)
		b = appendNullable(b, h.Value)
	}
	return b
}

func appendNullable(b, field []byte) []byte {
	if field == nil {
		return binary.AppendVarint(b, -1)
	}
	b = binary.AppendVarint(b, int64(len(field)))
	return append(b, field...)
}
