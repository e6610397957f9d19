package producer

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// metadata is what the cluster last said of the topic. It does not change.
type metadata struct {
	topicID [16]byte
	leaders []leader          // by partition
	ledBy   map[int32][]int32 // the partitions of each broker, ascending
	led     []int32           // the partitions that have a leader, ascending
}

// leader is who leads a partition, and since which epoch.
type leader struct {
	node  int32 // -1: nobody
	epoch int32 // -1: not told
}

func newMetadata(topicID [16]byte, leaders []leader) *metadata {
	md := &metadata{topicID: topicID, leaders: leaders, ledBy: make(map[int32][]int32)}
	for p, l := range leaders {
		if l.node >= 0 {
			md.ledBy[l.node] = append(md.ledBy[l.node], int32(p))
			md.led = append(md.led, int32(p))
		}
	}
	return md
}

// refreshes is when to ask again (Metadata.timeToNextUpdate). It belongs to the sender.
type refreshes struct {
	asking    bool
	wanted    bool      // something showed that the metadata is out of date
	failed    int       // in a row
	unchanged int       // answers in a row that told of no new leader
	ended     time.Time // when the last attempt did
	succeeded time.Time // the last one that did
	backoff   time.Duration
}

// refreshIn is how long until the metadata should be asked for; 0: now.
func (s *sender) refreshIn(now time.Time) time.Duration {
	m := &s.refreshes
	due := m.succeeded.Add(s.cfg.MetadataMaxAge)
	if m.wanted || m.succeeded.IsZero() {
		due = now
	}
	if allowed := m.ended.Add(m.backoff); allowed.After(due) {
		due = allowed
	}
	return max(0, due.Sub(now))
}

// refresh asks any broker for the topic's metadata.
func (s *sender) refresh() {
	s.refreshes.asking = true
	s.goRequest(func(ctx context.Context) func() {
		md, err := s.fetchMetadata(ctx)
		return func() { s.refreshed(time.Now(), md, err) }
	})
}

func (s *sender) refreshed(now time.Time, md *metadata, err error) {
	m := &s.refreshes
	m.asking, m.ended = false, now
	if err != nil {
		m.failed++
		m.unchanged = 0
		m.backoff = s.cfg.retryBackoff(m.failed, s.rng)
		s.lookup.failed(err)
		return
	}
	m.wanted, m.failed, m.succeeded = false, 0, now
	m.unchanged++
	if s.adopt(md) {
		m.unchanged = 0
	}
	m.backoff = s.cfg.retryBackoff(max(m.unchanged, 1), s.rng)
}

func (s *sender) fetchMetadata(ctx context.Context) (*metadata, error) {
	ctx, cancel := context.WithTimeout(ctx, s.cfg.RequestTimeout)
	defer cancel()
	req := kmsg.NewPtrMetadataRequest()
	// Java's asks the broker to create a topic that is not there. A run has made
	// its own; one that has gone must not come back with other settings.
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
	if len(t.Partitions) == 0 {
		return nil, fmt.Errorf("metadata of topic %s: the broker told of no partition", s.cfg.Topic)
	}
	leaders := make([]leader, len(t.Partitions))
	for i := range leaders {
		leaders[i] = leader{node: -1, epoch: -1}
	}
	for _, p := range t.Partitions {
		if p.Partition >= 0 && int(p.Partition) < len(leaders) {
			leaders[p.Partition] = leader{node: p.Leader, epoch: p.LeaderEpoch}
		}
	}
	return newMetadata(t.TopicID, leaders), nil
}

// adopt puts new metadata in force, and says whether it told of a new leader. A
// topic's partitions are counted once, at the start: those added later get no
// records. A leader older than the one known is not believed
// (Metadata.updateLatestMetadata).
func (s *sender) adopt(md *metadata) (news bool) {
	old := s.metadata
	if old == nil {
		s.metadata = md
		s.acc.queues = make([]*queue, len(md.leaders))
		s.flows = make([]flow, len(md.leaders))
		for p := range s.acc.queues {
			s.acc.queues[p] = new(queue)
			s.flows[p] = newFlow()
		}
		s.spread()
		close(s.lookup.known) // after which senders see the queues
		return true
	}
	if len(md.leaders) < len(old.leaders) {
		return false // a topic does not shrink: this is another one of its name
	}
	leaders := md.leaders[:len(old.leaders)]
	for p, was := range old.leaders {
		switch is := leaders[p]; {
		case md.topicID == old.topicID && is.epoch >= 0 && is.epoch < was.epoch:
			leaders[p] = was
		case is.epoch != was.epoch || is.epoch < 0:
			news = true
		}
	}
	s.metadata = newMetadata(md.topicID, leaders)
	s.spread()
	return news
}

// heardOfLeader takes a broker's word that somebody else leads the partition now
// (KIP-951, Metadata.updatePartitionLeadership).
func (s *sender) heardOfLeader(partition int32, told kmsg.ProduceResponseTopicPartitionCurrentLeader) {
	if told.LeaderID < 0 || told.LeaderEpoch <= s.metadata.leaders[partition].epoch {
		return
	}
	leaders := make([]leader, len(s.metadata.leaders))
	copy(leaders, s.metadata.leaders)
	leaders[partition] = leader{node: told.LeaderID, epoch: told.LeaderEpoch}
	s.metadata = newMetadata(s.metadata.topicID, leaders)
	s.spread()
}

// lookup is how senders wait for the first metadata.
type lookup struct {
	known chan struct{} // closed when there is some

	mu   sync.Mutex
	err  error         // of the last attempt
	news chan struct{} // closed at its end
}

func newLookup() *lookup {
	return &lookup{known: make(chan struct{}), news: make(chan struct{})}
}

func (l *lookup) failed(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.err = err
	close(l.news)
	l.news = make(chan struct{})
}

func (l *lookup) last() (<-chan struct{}, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.news, l.err
}

// await waits for the first metadata (KafkaProducer.waitOnMetadata). An error
// that waiting will not mend ends it at once.
func (l *lookup) await(maxBlock time.Duration, done <-chan struct{}) error {
	timeout := time.NewTimer(maxBlock)
	defer timeout.Stop()
	news, _ := l.last()
	for {
		select {
		case <-l.known:
			return nil
		case <-news:
			var err error
			if news, err = l.last(); errors.Is(err, kerr.TopicAuthorizationFailed) || errors.Is(err, kerr.InvalidTopicException) {
				return err
			}
		case <-timeout.C:
			if _, err := l.last(); err != nil {
				return fmt.Errorf("%w: %w", ErrMetadataTimeout, err)
			}
			return ErrMetadataTimeout
		case <-done:
			return ErrClosed
		}
	}
}
