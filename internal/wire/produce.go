package wire

import (
	"encoding/binary"
	"fmt"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kbin"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// An answer is a produce response, taken apart.
type answer struct {
	header []byte // the frame up to the response: length, correlation id, tags
	*kmsg.ProduceResponse
}

// parseAnswer takes a whole frame apart.
func parseAnswer(frame []byte, version int16) (a answer, err error) {
	a.ProduceResponse = kmsg.NewPtrProduceResponse()
	if version > a.MaxVersion() {
		return a, fmt.Errorf("wire: produce responses are known up to version %d, and this is %d", a.MaxVersion(), version)
	}
	a.SetVersion(version)
	r := kbin.Reader{Src: frame[8:]}
	if a.IsFlexible() {
		kmsg.SkipTags(&r)
	}
	if err := r.Complete(); err != nil {
		return a, err
	}
	a.header = frame[:len(frame)-len(r.Src)]
	return a, a.ReadFrom(r.Src)
}

// frame puts the answer together again.
func (a answer) frame() []byte {
	frame := a.AppendTo(append([]byte(nil), a.header...))
	binary.BigEndian.PutUint32(frame, uint32(len(frame)-4))
	return frame
}

// delay tells the client that it is throttled. If the broker has said so too,
// the longer time holds.
func (a answer) delay(d time.Duration) {
	a.ThrottleMillis = max(a.ThrottleMillis, int32(d/time.Millisecond))
}

// makeAnswer returns a yes to every partition of a produce request, given its
// whole frame.
func makeAnswer(r request, frame []byte, offsets *offsets) (a answer, err error) {
	req := kmsg.NewPtrProduceRequest()
	if r.version > req.MaxVersion() {
		return a, fmt.Errorf("wire: produce requests are known up to version %d, and this is %d", req.MaxVersion(), r.version)
	}
	req.SetVersion(r.version)
	if err := req.ReadFrom(frame[4+r.body:]); err != nil {
		return a, err
	}
	a.ProduceResponse = req.ResponseKind().(*kmsg.ProduceResponse)
	a.header = binary.BigEndian.AppendUint32(make([]byte, 4, 9), uint32(r.corr))
	if a.IsFlexible() {
		a.header = append(a.header, 0) // no tags
	}
	for _, topic := range req.Topics {
		t := kmsg.NewProduceResponseTopic()
		t.Topic, t.TopicID = topic.Topic, topic.TopicID
		for _, partition := range topic.Partitions {
			p := kmsg.NewProduceResponseTopicPartition()
			p.Partition = partition.Partition
			p.BaseOffset = offsets.take(log{t.Topic, t.TopicID, p.Partition}, records(partition.Records))
			p.LogAppendTime, p.LogStartOffset = -1, -1
			t.Partitions = append(t.Partitions, p)
		}
		a.Topics = append(a.Topics, t)
	}
	return a, nil
}

// records tells how many records are in a record batch: a field of the header
// of batches of version 2, the only ones that Kafka 4 takes.
func records(batch []byte) int64 {
	const at = 57
	if len(batch) < at+4 {
		return 0
	}
	return max(0, int64(int32(binary.BigEndian.Uint32(batch[at:]))))
}

// offsets make up offsets that a client can believe. They go on from the last
// one that the wire has seen of a broker; the broker will give them out again
// for records that it does get, as after an unclean leader election.
type offsets struct {
	mu   sync.Mutex
	next map[log]int64
}

// A log is a partition's. Topics have a name up to version 12 of the produce
// request, and an id from then on.
type log struct {
	topic     string
	id        [16]byte
	partition int32
}

// learn takes note of the offsets in a broker's answer.
func (o *offsets) learn(a answer) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.next == nil {
		o.next = map[log]int64{}
	}
	for _, t := range a.Topics {
		for _, p := range t.Partitions {
			l := log{t.Topic, t.TopicID, p.Partition}
			o.next[l] = max(o.next[l], p.BaseOffset+1)
		}
	}
}

// take returns the first of n offsets.
func (o *offsets) take(l log, n int64) int64 {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.next == nil {
		o.next = map[log]int64{}
	}
	base := o.next[l]
	o.next[l] = base + n
	return base
}
