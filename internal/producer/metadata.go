package producer

import (
	"context"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// metadata is what the cluster last said of the topic. It does not change.
type metadata struct {
	topicID [16]byte
	leaders []int32 // by partition; -1: none
}

// metadataState is when to ask again. It belongs to the sender.
type metadataState struct {
	asking bool
	wanted bool // something showed that it is out of date
	failed int  // in a row
	asked  time.Time
}

// refreshIn is how long until the metadata should be asked for; 0: now. It is
// never asked for twice within the back-off.
func (s *sender) refreshIn(now time.Time) time.Duration {
	m := &s.metadataState
	since := now.Sub(m.asked)
	switch {
	case m.asked.IsZero():
		return 0
	case m.wanted || m.failed > 0:
		return max(0, s.cfg.retryBackoff(max(m.failed, 1))-since)
	default:
		return max(0, s.cfg.MetadataMaxAge-since)
	}
}

// refresh asks any broker for the topic's metadata.
func (s *sender) refresh(now time.Time) {
	s.metadataState.asking, s.metadataState.wanted, s.metadataState.asked = true, false, now
	s.goRequest(func(ctx context.Context) func() {
		md, err := s.fetchMetadata(ctx)
		return func() {
			s.metadataState.asking = false
			if err != nil {
				s.metadataState.failed++
				return
			}
			s.metadataState.failed = 0
			s.adopt(md)
		}
	})
}

func (s *sender) fetchMetadata(ctx context.Context) (*metadata, error) {
	ctx, cancel := context.WithTimeout(ctx, s.cfg.RequestTimeout)
	defer cancel()
	req := kmsg.NewPtrMetadataRequest()
	req.AllowAutoTopicCreation = false
	topic := kmsg.NewMetadataRequestTopic()
	topic.Topic = &s.cfg.Topic
	req.Topics = append(req.Topics, topic)
	resp, err := req.RequestWith(ctx, s.client)
	if err != nil {
		return nil, fmt.Errorf("metadata of topic %s: %w", s.cfg.Topic, err)
	}
	if len(resp.Topics) != 1 {
		return nil, fmt.Errorf("metadata of topic %s: the broker answered for %d topics", s.cfg.Topic, len(resp.Topics))
	}
	t := &resp.Topics[0]
	if err := kerr.ErrorForCode(t.ErrorCode); err != nil {
		return nil, fmt.Errorf("metadata of topic %s: %w", s.cfg.Topic, err)
	}
	md := &metadata{topicID: t.TopicID, leaders: make([]int32, len(t.Partitions))}
	for i := range md.leaders {
		md.leaders[i] = -1
	}
	for _, p := range t.Partitions {
		if int(p.Partition) < len(md.leaders) && p.ErrorCode != kerr.LeaderNotAvailable.Code {
			md.leaders[p.Partition] = p.Leader
		}
	}
	return md, nil
}

// adopt puts new metadata in force. A topic's partitions are counted once, at
// the start: those added later get no records.
func (s *sender) adopt(md *metadata) {
	if s.metadata == nil {
		s.acc.queues = make([]*queue, len(md.leaders))
		s.flows = make([]flow, len(md.leaders))
		for i := range s.acc.queues {
			s.acc.queues[i] = new(queue)
		}
	}
	first := s.metadata == nil && len(md.leaders) > 0
	if first || s.metadata != nil && len(md.leaders) >= len(s.acc.queues) {
		s.metadata = md
	}
	if first {
		close(s.known) // after which senders see the queues
	}
}
