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
	held      int64   // bytes of buffer.memory
	limit     int     // bytes that it may grow to; its first record always fits
	ratio     float64 // how small compression is expected to make its records; 0: it is not compressed

	buf       []byte // header and records, not compressed
	answers   []func(Answer)
	firstTime int64 // Unix ms, base of the records' timestamps
	lastTime  int64 // the latest
	largest   int64 // of the records' upper bounds
	closed    bool  // takes no more

	created  time.Time
	attempts int           // tries that failed
	tried    time.Time     // when the last of them ended; before: created
	backoff  time.Duration // how long after that it waits
	leader   leaderChange

	wire  []byte // what is sent: sealed, compressed
	codec int16
	sequence

	over     bool          // the answers were given; the sender's alone
	finished chan struct{} // closed when they were, or when parts took its place
	isPart   bool          // of a batch that was split
	parts    []*batch      // set before finished is closed
}

// leaderChange is what a batch has seen of its partition's leader (KIP-951): a
// new one is tried without waiting for the back-off.
type leaderChange struct {
	epoch   int32 // the newest that it has seen; -1: none
	attempt int   // how many tries had failed when it changed last
}

func newBatch(partition int32, held int64, buf []byte, ratio float64, now time.Time) *batch {
	return &batch{
		partition: partition,
		held:      held,
		limit:     int(held),
		ratio:     ratio,
		buf:       buf[:batchOverhead],
		created:   now,
		tried:     now,
		leader:    leaderChange{epoch: -1},
		sequence:  noSequence,
		finished:  make(chan struct{}),
	}
}

// append adds a record with its timestamp (Unix ms), or closes the batch if
// there is no room for it (MemoryRecordsBuilder.hasRoomFor).
func (b *batch) append(r *Record, ms int64, answer func(Answer)) bool {
	if b.full() {
		b.closed = true
		return false
	}
	if len(b.answers) == 0 {
		b.firstTime, b.lastTime = ms, ms
	} else if b.size()+recordSize(r, ms-b.firstTime, int64(len(b.answers))) > b.limit {
		b.closed = true
		return false
	}
	b.buf = appendRecord(b.buf, r, ms-b.firstTime, int64(len(b.answers)))
	b.lastTime = max(b.lastTime, ms)
	b.largest = max(b.largest, RecordUpperBound(r))
	b.answers = append(b.answers, answer)
	return true
}

// full is MemoryRecordsBuilder.isFull.
func (b *batch) full() bool {
	return b.closed || len(b.answers) > 0 && b.size() >= b.limit
}

// size is what the batch has on the wire, or, before it is sealed, is thought
// to come to, with a margin of 5 % (ProducerBatch.estimatedSizeInBytes).
func (b *batch) size() int {
	switch {
	case b.wire != nil:
		return len(b.wire)
	case b.ratio == 0:
		return len(b.buf)
	default:
		return batchOverhead + int(float64(len(b.buf)-batchOverhead)*b.ratio*1.05)
	}
}

func (b *batch) records() int { return len(b.answers) }

// expired says whether delivery.timeout.ms has passed (KIP-91).
func (b *batch) expired(now time.Time, timeout time.Duration) bool {
	return now.Sub(b.created) >= timeout
}

// backingOff says whether the batch waits before its next try
// (RecordAccumulator.shouldBackoff).
func (b *batch) backingOff(now time.Time) bool {
	return b.attempts > 0 && b.leader.attempt != b.attempts && now.Sub(b.tried) < b.backoff
}

// sawLeader notes the leader epoch that the metadata has (ProducerBatch.maybeUpdateLeaderEpoch).
func (b *batch) sawLeader(epoch int32) {
	if epoch > b.leader.epoch {
		b.leader = leaderChange{epoch: epoch, attempt: b.attempts}
	}
}

// seal gives the batch its form on the wire, and once more after its sequence
// has changed. It says how small compression made the records.
func (b *batch) seal(compressor kgo.Compressor) (ratio float64, err error) {
	if b.wire == nil {
		b.closed = true
		b.wire = b.buf
		if compressor != nil {
			records := b.buf[batchOverhead:]
			small, codec := compressor.Compress(new(bytes.Buffer), records)
			if codec == kgo.CodecError {
				return 0, fmt.Errorf("compressing a batch of %d bytes failed", len(records))
			}
			b.codec = int16(codec)
			b.wire = append(make([]byte, batchOverhead, batchOverhead+len(small)), small...)
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
	be.PutUint64(h[43:], uint64(b.id))
	be.PutUint16(h[51:], uint16(b.epoch))
	be.PutUint32(h[53:], uint32(b.first))
	be.PutUint32(h[57:], uint32(b.records()))
	be.PutUint32(h[17:], crc32.Checksum(h[21:], castagnoli))
	b.renumbered = false
	return float64(len(b.wire)-batchOverhead) / float64(len(b.buf)-batchOverhead), nil
}

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

// split makes smaller batches of the batch's records: of batch.size, or, if it
// is a part already, of half its size (RecordAccumulator.splitAndReenqueue).
// Their tries are counted anew; the time for their delivery is not.
func (b *batch) split(batchSize int64, ratio float64) ([]*batch, error) {
	target := batchSize
	if b.isPart {
		target = max(b.largest, int64(b.size()/2))
	}
	var parts []*batch
	rest := b.buf[batchOverhead:]
	for _, answer := range b.answers {
		r, delta, size, err := readRecord(rest)
		if err != nil {
			return nil, fmt.Errorf("splitting a batch of %d records: %w", b.records(), err)
		}
		rest = rest[size:]
		ms := b.firstTime + delta
		if len(parts) > 0 && parts[len(parts)-1].append(r, ms, answer) {
			continue
		}
		limit := max(target, RecordUpperBound(r))
		part := newBatch(b.partition, limit, make([]byte, batchOverhead, limit), ratio, b.created)
		part.held = 0 // its memory is not the buffer's: the whole's goes back now
		part.isPart = true
		part.append(r, ms, answer)
		parts = append(parts, part)
	}
	for _, part := range parts {
		part.closed = true
	}
	return parts, nil
}

// readRecord reads back what appendRecord wrote: the record, how much later than
// the batch's first it is (ms), and how many bytes it took.
func readRecord(b []byte) (r *Record, timeDelta int64, size int, err error) {
	body, n := binary.Varint(b)
	size = n + int(body)
	if n <= 0 || body < 0 || size > len(b) {
		return nil, 0, 0, fmt.Errorf("a record is longer than its batch")
	}
	var kr kmsg.Record
	if err := kr.ReadFrom(b[:size]); err != nil {
		return nil, 0, 0, fmt.Errorf("a record cannot be read: %w", err)
	}
	r = &Record{Key: kr.Key, Value: kr.Value}
	for _, h := range kr.Headers {
		r.Headers = append(r.Headers, Header{Key: h.Key, Value: h.Value})
	}
	return r, kr.TimestampDelta64, size, nil
}
