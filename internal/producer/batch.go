package producer

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// castagnoli is the polynomial of the checksum of message format 2.
var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// batch is a run of records for one partition that are sent, answered, retried
// and expired together (ProducerBatch). While it takes records it belongs to
// its queue's lock; once drained, to the sender's goroutine.
type batch struct {
	partition int32
	held      int64 // bytes of buffer.memory
	limit     int   // bytes that it may grow to; its first record always fits

	buf       []byte // header and records, not compressed
	answers   []func(Answer)
	firstTime int64 // Unix ms, base of the records' timestamps
	lastTime  int64
	full      bool // takes no more

	order    int64 // place among its partition's batches
	created  time.Time
	tried    time.Time // when its last try ended
	attempts int       // tries that failed

	wire  []byte // what is sent: sealed, compressed
	codec int16
	sequence
	over     bool          // the answers were given; the sender's alone
	finished chan struct{} // closed when they were, or when parts took its place
}

// sequence is what makes a batch idempotent (KIP-98). first is -1 before one was given.
type sequence struct {
	producerID int64
	epoch      int16
	first      int32
}

var noSequence = sequence{producerID: -1, epoch: -1, first: -1}

func newBatch(partition int32, held int64, buf []byte, now time.Time) *batch {
	return &batch{
		partition: partition,
		held:      held,
		limit:     int(held),
		buf:       buf[:batchOverhead],
		created:   now,
		sequence:  noSequence,
		finished:  make(chan struct{}),
	}
}

// append adds a record, or says that it has no room (MemoryRecordsBuilder.hasRoomFor).
// ratio is how small compression is expected to make the records, 1 for none.
func (b *batch) append(r *Record, now time.Time, ratio float64, answer func(Answer)) bool {
	if b.full {
		return false
	}
	ms := now.UnixMilli()
	if len(b.answers) == 0 {
		b.firstTime, b.lastTime = ms, ms
	} else if b.estimate(ratio)+recordSize(r, ms-b.firstTime, int64(len(b.answers))) > b.limit {
		b.full = true
		return false
	}
	b.buf = appendRecord(b.buf, r, ms-b.firstTime, int64(len(b.answers)))
	b.lastTime = max(b.lastTime, ms)
	b.answers = append(b.answers, answer)
	b.full = b.estimate(ratio) >= b.limit
	return true
}

// estimate is the size that the batch is thought to have on the wire
// (MemoryRecordsBuilder.estimatedBytesWritten, with its margin of 5 %).
func (b *batch) estimate(ratio float64) int {
	if ratio == 1 {
		return len(b.buf)
	}
	return batchOverhead + int(float64(len(b.buf)-batchOverhead)*ratio*1.05)
}

// seal gives the batch its form on the wire, and once more after its sequence
// has changed. It says how small compression made the records, 1 for none.
func (b *batch) seal(compressor kgo.Compressor) (ratio float64, err error) {
	ratio = 1
	if b.wire == nil {
		b.full = true
		b.wire = b.buf
		if compressor != nil {
			records := b.buf[batchOverhead:]
			var dst bytes.Buffer
			small, codec := compressor.Compress(&dst, records)
			if codec == kgo.CodecError {
				return 1, fmt.Errorf("compressing a batch of %d bytes failed", len(records))
			}
			if b.codec = int16(codec); codec != kgo.CodecNone {
				b.wire = append(make([]byte, batchOverhead, batchOverhead+len(small)), small...)
			}
			ratio = float64(len(b.wire)-batchOverhead) / float64(len(records))
		}
	}
	h := b.wire
	be := binary.BigEndian
	be.PutUint64(h[0:], 0)                      // base offset: the broker's to give
	be.PutUint32(h[8:], uint32(len(h)-12))      // length of what follows
	be.PutUint32(h[12:], ^uint32(0))            // leader epoch: the broker's to give
	h[16] = 2                                   // magic
	be.PutUint16(h[21:], uint16(b.codec))       // attributes: CreateTime, not transactional
	be.PutUint32(h[23:], uint32(b.records()-1)) // last offset delta
	be.PutUint64(h[27:], uint64(b.firstTime))
	be.PutUint64(h[35:], uint64(b.lastTime))
	be.PutUint64(h[43:], uint64(b.producerID))
	be.PutUint16(h[51:], uint16(b.epoch))
	be.PutUint32(h[53:], uint32(b.first))
	be.PutUint32(h[57:], uint32(b.records()))
	be.PutUint32(h[17:], crc32.Checksum(h[21:], castagnoli))
	return ratio, nil
}

func (b *batch) records() int { return len(b.answers) }

// finish answers every record and wakes those who wait for the batch.
func (b *batch) finish(err error, offset int64) {
	a := Answer{Err: err, Partition: b.partition, Offset: -1}
	for i, answer := range b.answers {
		if err == nil && offset >= 0 {
			a.Offset = offset + int64(i)
		}
		answer(a)
	}
	close(b.finished)
}

// split makes a batch of each record. Java splits by batch.size; a batch that
// the broker finds too large would often come out as it was.
func (b *batch) split(now time.Time) ([]*batch, error) {
	parts := make([]*batch, 0, b.records())
	rest := b.buf[batchOverhead:]
	for _, answer := range b.answers {
		size, n := binary.Varint(rest)
		if n <= 0 || int(size)+n > len(rest) {
			return nil, fmt.Errorf("a batch of %d records cannot be read back", b.records())
		}
		var kr kmsg.Record
		if err := kr.ReadFrom(rest[:int(size)+n]); err != nil {
			return nil, fmt.Errorf("a batch of %d records cannot be read back: %w", b.records(), err)
		}
		rest = rest[int(size)+n:]
		r := &Record{Key: kr.Key, Value: kr.Value}
		for _, h := range kr.Headers {
			r.Headers = append(r.Headers, Header{Key: h.Key, Value: h.Value})
		}
		part := newBatch(b.partition, 0, make([]byte, batchOverhead, RecordUpperBound(r)), b.created)
		part.append(r, time.UnixMilli(b.firstTime+kr.TimestampDelta64), 1, answer)
		part.order, part.attempts, part.tried = b.order, b.attempts, now
		parts = append(parts, part)
	}
	return parts, nil
}
