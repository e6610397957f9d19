package producer

import (
	"context"
	"errors"
	"math"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// request is a produce request under way, with a batch for each of its partitions.
type request struct {
	node      *node
	link      *link
	batches   []*batch
	sent      time.Time
	throttled time.Duration // by how much longer its answer may take
	written   bool          // the broker may have it
	posted    chan struct{} // closed when its end was told to the sender
}

// drain takes at most one batch of each of the broker's partitions, as many as
// fit into a request. It begins where the last one ended, so that no partition
// starves (RecordAccumulator.drainBatchesForOneNode).
func (s *sender) drain(now time.Time, n *node) []*batch {
	partitions := s.metadata.ledBy[n.id]
	if len(partitions) == 0 {
		return nil
	}
	var batches []*batch
	size := 0
	at := n.drained % len(partitions)
	start, enough := at, false
	for !enough {
		p := partitions[at]
		n.drained = at
		at = (at + 1) % len(partitions)
		enough = at == start
		q := s.acc.queues[p]
		if q.muted {
			continue
		}
		b := q.take(func(b *batch) bool {
			b.sawLeader(s.metadata.leaders[p].epoch)
			if b.backingOff(now) {
				return false
			}
			if len(batches) > 0 && size+b.size() > int(s.cfg.MaxRequestSize) || !s.mayDrain(b) {
				enough = true
				return false
			}
			return true
		})
		if b == nil || !s.seal(b) {
			continue
		}
		q.muted = s.cfg.MaxInFlight == 1
		size += b.size()
		batches = append(batches, b)
	}
	return batches
}

// seal makes the batch ready to be sent.
func (s *sender) seal(b *batch) bool {
	s.number(b)
	ratio, err := b.seal(s.compressor)
	if err != nil {
		s.fail(b, err, true)
		return false
	}
	if s.compressor != nil {
		s.acc.ratio.saw(ratio)
	}
	return true
}

// send puts the batches on their way to the broker (Sender.sendProduceRequest).
func (s *sender) send(now time.Time, n *node, batches []*batch) {
	if len(batches) == 0 {
		return
	}
	r := &request{node: n, link: n.link, batches: batches, sent: now, posted: make(chan struct{})}
	var before *request
	if len(n.inFlight) > 0 {
		before = n.inFlight[len(n.inFlight)-1]
	}
	n.inFlight = append(n.inFlight, r)
	n.writing = r
	s.stats.inFlight.Add(1)
	req := s.encode(batches)
	s.waiting.Go(func() {
		resp, err := s.exchange(r, req)
		if before != nil {
			<-before.posted // brokers answer in order, and the answers stay in it
		}
		s.post(func() { s.settle(time.Now(), r, resp, err) })
		close(r.posted)
	})
}

func (s *sender) encode(batches []*batch) *kmsg.ProduceRequest {
	topic := kmsg.NewProduceRequestTopic()
	topic.Topic, topic.TopicID = s.cfg.Topic, s.metadata.topicID
	topic.Partitions = make([]kmsg.ProduceRequestTopicPartition, len(batches))
	for i, b := range batches {
		topic.Partitions[i] = kmsg.NewProduceRequestTopicPartition()
		topic.Partitions[i].Partition, topic.Partitions[i].Records = b.partition, b.wire
		s.stats.recordsSent.Add(int64(b.records()))
		s.stats.bytesSent.Add(int64(len(b.wire)))
	}
	s.stats.batchesSent.Add(int64(len(batches)))
	req := kmsg.NewPtrProduceRequest()
	req.Acks = int16(s.cfg.Acks)
	req.TimeoutMillis = max(1, int32(s.cfg.RequestTimeout.Milliseconds()))
	req.Topics = []kmsg.ProduceRequestTopic{topic}
	return req
}

// exchange writes the request and waits for its answer, as long as its
// connection lives.
func (s *sender) exchange(r *request, req *kmsg.ProduceRequest) (*kmsg.ProduceResponse, error) {
	var sent kmsg.Request = &patient{req}
	if s.cfg.Acks == 0 {
		sent = req // franz-go knows by the plain type that there will be no answer
	}
	resp, err := s.client.Broker(int(r.node.id)).Request(r.link.ctx, sent)
	switch {
	case err == nil:
		return resp.(*kmsg.ProduceResponse), nil
	case errors.Is(context.Cause(r.link.ctx), ErrRequestTimeout):
		return nil, ErrRequestTimeout
	default:
		return nil, ErrNetwork
	}
}

// patient is a request for whose answer franz-go itself waits almost for ever:
// how long is the sender's to say.
type patient struct{ *kmsg.ProduceRequest }

// Timeout implements [kmsg.TimeoutRequest].
func (*patient) Timeout() int32 { return math.MaxInt32 }

// settle deals with the end of a request (Sender.handleProduceResponse).
func (s *sender) settle(now time.Time, r *request, resp *kmsg.ProduceResponse, err error) {
	n := r.node
	n.inFlight = slices.DeleteFunc(n.inFlight, func(other *request) bool { return other == r })
	if n.writing == r {
		n.writing = nil
	}
	s.stats.inFlight.Add(-1)
	if err != nil {
		if r.link == n.link {
			s.disconnected(now, n, err)
		}
		for _, b := range r.batches {
			s.lost(now, b, err, r.written)
		}
		return
	}
	s.stats.latency.Add(int64(now.Sub(r.sent)))
	s.stats.answers.Add(1)
	if d := time.Duration(resp.ThrottleMillis) * time.Millisecond; d > 0 {
		n.throttle(now, d)
		s.stats.throttle.Add(int64(d))
	}
	words := make(map[int32]*kmsg.ProduceResponseTopicPartition, len(r.batches))
	for t := range resp.Topics {
		for p := range resp.Topics[t].Partitions {
			words[resp.Topics[t].Partitions[p].Partition] = &resp.Topics[t].Partitions[p]
		}
	}
	for _, b := range r.batches {
		s.answered(now, b, words[b.partition])
	}
}
