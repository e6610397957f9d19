package producer

import (
	"context"
	"errors"
	"net"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// request is a produce request under way, with a batch for each of its partitions.
type request struct {
	node    int32
	batches []*batch
	sent    time.Time
}

// result is the end of a request: the broker's word, or why there is none.
type result struct {
	resp *kmsg.ProduceResponse
	err  error
	// sent says whether the broker can have seen it.
	sent bool
}

// send puts the batches on their way to the broker (Sender.sendProduceRequest).
func (s *sender) send(now time.Time, id int32, batches []*batch) {
	if len(batches) == 0 {
		return
	}
	r := &request{node: id, batches: batches, sent: now}
	n := s.node(id)
	n.inFlight++
	n.writing = r
	s.inFlight[r] = struct{}{}
	req := s.encode(batches)
	s.goRequest(func(ctx context.Context) func() {
		res := s.exchange(ctx, r, req)
		return func() { s.settle(time.Now(), r, res) }
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

// exchange writes the request and waits for its answer, at most
// request.timeout.ms. When that has passed, franz-go closes the connection, and
// so everything else under way on it, as NetworkClient.handleTimedOutRequests does.
func (s *sender) exchange(ctx context.Context, r *request, req *kmsg.ProduceRequest) result {
	ctx, cancel := context.WithTimeout(ctx, s.cfg.RequestTimeout)
	defer cancel()
	broker := s.client.Broker(int(r.node))
	var resp kmsg.Response
	var err error
	written := true
	if s.cfg.Acks == 0 {
		// franz-go knows by the plain type that there will be no answer.
		resp, err = broker.Request(ctx, req)
	} else {
		tracked := &trackedRequest{ProduceRequest: req, onWrite: func() {
			s.post(func() { s.node(r.node).wrote(r) })
		}}
		resp, err = broker.Request(ctx, tracked)
		written = tracked.written.Load()
	}
	if err == nil {
		return result{resp: resp.(*kmsg.ProduceResponse), sent: true}
	}
	var op *net.OpError
	if errors.As(err, &op) && op.Op == "dial" {
		written = false // the connection had gone before, and there was no other
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return result{err: ErrRequestTimeout, sent: written}
	}
	return result{err: ErrNetwork, sent: written}
}

// wrote notes that the request is on its way: the next may follow.
func (n *node) wrote(r *request) {
	if n.writing == r {
		n.writing = nil
	}
}

// trackedRequest notes that it is being written: from then on the broker may
// have it, and the next request to the same broker can no longer overtake it.
type trackedRequest struct {
	*kmsg.ProduceRequest
	written atomic.Bool
	onWrite func()
}

func (r *trackedRequest) AppendTo(dst []byte) []byte {
	if !r.written.Swap(true) {
		defer r.onWrite()
	}
	return r.ProduceRequest.AppendTo(dst)
}

// settle deals with the end of a request (Sender.handleProduceResponse).
func (s *sender) settle(now time.Time, r *request, res result) {
	delete(s.inFlight, r)
	n := s.node(r.node)
	n.inFlight--
	n.wrote(r)
	if s.cfg.MaxInFlight == 1 {
		for _, b := range r.batches {
			s.acc.queues[b.partition].muted = false
		}
	}
	switch {
	case res.err == nil:
		n.refused = 0
		s.stats.latency.Add(int64(now.Sub(r.sent)))
		s.stats.answers.Add(1)
		if throttle := time.Duration(res.resp.ThrottleMillis) * time.Millisecond; throttle > 0 {
			n.muteUntil = now.Add(throttle)
			s.stats.throttle.Add(int64(throttle))
		}
		s.answer(now, r, res.resp)
	case res.sent:
		for _, b := range r.batches {
			s.failed(now, b, res.err)
		}
	default:
		// The broker was not there: nothing was tried, the batches go back and
		// wait for it, at most until delivery.timeout.ms.
		n.refused++
		n.downUntil = now.Add(s.cfg.reconnectBackoff(n.refused, s.rng))
		s.metadataState.wanted = true
		for _, b := range r.batches {
			if b.over {
				s.acc.free(b)
				continue
			}
			s.acc.queues[b.partition].putBack(s.cfg.Idempotence, b)
		}
	}
}

// answer gives each batch the broker's word on its partition.
func (s *sender) answer(now time.Time, r *request, resp *kmsg.ProduceResponse) {
	if s.cfg.Acks == 0 {
		for _, b := range r.batches {
			s.succeeded(b, -1)
		}
		return
	}
	words := make(map[int32]*kmsg.ProduceResponseTopicPartition, len(r.batches))
	for t := range resp.Topics {
		for p := range resp.Topics[t].Partitions {
			words[resp.Topics[t].Partitions[p].Partition] = &resp.Topics[t].Partitions[p]
		}
	}
	for _, b := range r.batches {
		word, ok := words[b.partition]
		if !ok {
			s.failed(now, b, kerr.UnknownServerError)
			continue
		}
		switch err := kerr.ErrorForCode(word.ErrorCode); {
		case err == nil:
			s.succeeded(b, word.BaseOffset)
		case errors.Is(err, kerr.DuplicateSequenceNumber):
			s.succeeded(b, -1) // an earlier try of it was written
		default:
			s.failed(now, b, err)
		}
	}
}

func (s *sender) succeeded(b *batch, offset int64) {
	if !b.over {
		s.conclude(b, nil, offset)
	}
	s.acc.free(b)
}

// failed deals with a try that ended in an error: again, in parts, or the end
// (Sender.completeBatch).
func (s *sender) failed(now time.Time, b *batch, err error) {
	if stale(err) {
		s.metadataState.wanted = true
	}
	if b.over {
		s.acc.free(b)
		return
	}
	if errors.Is(err, kerr.MessageTooLarge) && b.records() > 1 {
		if parts, splitErr := b.split(now); splitErr == nil {
			s.replace(b, parts)
			return
		}
	}
	if s.mayRetry(now, b, err) {
		b.attempts++
		b.tried = now
		s.stats.recordRetries.Add(int64(b.records()))
		s.acc.queues[b.partition].putBack(s.cfg.Idempotence, b)
		return
	}
	s.conclude(b, err, -1)
	s.acc.free(b)
}

// mayRetry is Sender.canRetry.
func (s *sender) mayRetry(now time.Time, b *batch, err error) bool {
	if now.Sub(b.created) >= s.cfg.DeliveryTimeout || b.attempts >= s.cfg.Retries {
		return false
	}
	if s.cfg.Idempotence && outOfSequence(err) {
		s.renumber(b)
		return true
	}
	return retriable(err)
}

// replace puts a batch's parts in its place. They hold no memory of their own:
// the whole's is theirs until it is given back, which is now.
func (s *sender) replace(whole *batch, parts []*batch) {
	whole.over = true
	s.leaveFlow(whole, kerr.MessageTooLarge) // its number goes unused
	s.acc.mu.Lock()
	delete(s.acc.unfinished, whole)
	for _, part := range parts {
		s.acc.unfinished[part] = struct{}{}
	}
	s.acc.mu.Unlock()
	s.acc.queues[whole.partition].putBack(s.cfg.Idempotence, parts...)
	close(whole.finished)
	s.acc.free(whole)
}
