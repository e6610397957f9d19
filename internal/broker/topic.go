package broker

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// Topic is a topic to create.
type Topic struct {
	Name        string // begins with [Prefix]
	Partitions  int32
	Replication int16
	// Retention is how long records are kept, the topic's retention.ms. 0: what
	// the cluster gives by itself; an embedded one then keeps a record until the
	// log reader and the consumer have both read it.
	Retention time.Duration
	Configs   map[string]*string // further settings by their Kafka names, such as max.message.bytes
}

// ErrTopicExists is wrapped by the error of CreateTopic when there is such a topic.
var ErrTopicExists = errors.New("the topic exists")

// embeddedSegment is the size at which an embedded topic's segments are closed, in
// bytes. Memory comes free by whole segments (kfake's trimLeft), and a segment is
// copied each time it grows: one batch of 100 kB has one of its own, of exactly
// its size, and hundreds of small ones share one.
const embeddedSegment = 64 << 10

// CreateTopic makes a topic whose leaders are spread evenly: partition p is led
// by the (p mod n)-th of n brokers. It returns when every partition has its leader and every broker knows it.
func (c *Cluster) CreateTopic(ctx context.Context, t Topic) error {
	brokers, err := c.checkTopic(ctx, t)
	if err != nil {
		return err
	}
	req := kmsg.NewPtrCreateTopicsRequest()
	req.TimeoutMillis = 15_000
	rt := kmsg.NewCreateTopicsRequestTopic()
	rt.Topic = t.Name
	rt.NumPartitions, rt.ReplicationFactor = -1, -1 // the assignment says both
	for p := range t.Partitions {
		ra := kmsg.NewCreateTopicsRequestTopicReplicaAssignment()
		ra.Partition = p
		for i := range int(t.Replication) {
			ra.Replicas = append(ra.Replicas, brokers[(int(p)+i)%len(brokers)])
		}
		rt.ReplicaAssignment = append(rt.ReplicaAssignment, ra)
	}
	configs := c.topicConfigs(t)
	for _, name := range slices.Sorted(maps.Keys(configs)) {
		rc := kmsg.NewCreateTopicsRequestTopicConfig()
		rc.Name, rc.Value = name, configs[name]
		rt.Configs = append(rt.Configs, rc)
	}
	req.Topics = append(req.Topics, rt)

	doing := fmt.Sprintf("creating topic %q", t.Name)
	const allowed = "Create on the topic or the cluster"
	resp, err := req.RequestWith(ctx, c.client)
	if err != nil {
		return c.failed(doing, allowed, err, "")
	}
	if len(resp.Topics) != 1 {
		return fmt.Errorf("%s: the broker answered for %d topics instead of 1", doing, len(resp.Topics))
	}
	if err := kerr.ErrorForCode(resp.Topics[0].ErrorCode); err != nil {
		if errors.Is(err, kerr.TopicAlreadyExists) {
			return fmt.Errorf("%s: %w already, left by a run that was killed, perhaps: take it away first", doing, ErrTopicExists)
		}
		return c.failed(doing, allowed, err, text(resp.Topics[0].ErrorMessage))
	}
	if c.fake != nil {
		for p := range t.Partitions {
			if err := c.fake.move(t.Name, p, brokers[int(p)%len(brokers)]); err != nil {
				return fmt.Errorf("%s: spreading its leaders: %w", doing, err)
			}
		}
		c.mu.Lock()
		c.trims[t.Name] = newTrim(t.Name, t.Retention)
		c.mu.Unlock()
	}
	return c.awaitLeaders(ctx, t.Name, t.Partitions, brokers)
}

// checkTopic refuses what cannot be created, and answers the brokers to put it on.
func (c *Cluster) checkTopic(ctx context.Context, t Topic) ([]int32, error) {
	if err := ours("topic", t.Name); err != nil {
		return nil, err
	}
	if t.Partitions < 1 || t.Replication < 1 {
		return nil, fmt.Errorf("topic %q: %d partitions with replication %d: want 1 or more of each", t.Name, t.Partitions, t.Replication)
	}
	m, err := metadata(ctx, c.client, []string{})
	if err != nil {
		return nil, c.failed(fmt.Sprintf("creating topic %q", t.Name), "Describe on the cluster", err, "")
	}
	var brokers []int32
	for _, b := range m.Brokers {
		brokers = append(brokers, b.NodeID)
	}
	slices.Sort(brokers)
	if int(t.Replication) > len(brokers) {
		return nil, fmt.Errorf("topic %q asks for replication %d, but the cluster has %s: ask for %d, or start more brokers",
			t.Name, t.Replication, count(len(brokers), "broker"), len(brokers))
	}
	return brokers, nil
}

// topicConfigs are the settings that the topic is created with.
func (c *Cluster) topicConfigs(t Topic) map[string]*string {
	configs := maps.Clone(t.Configs)
	if configs == nil {
		configs = make(map[string]*string)
	}
	set := func(name string, v int64) {
		if _, given := configs[name]; !given {
			s := strconv.FormatInt(v, 10)
			configs[name] = &s
		}
	}
	switch {
	case c.fake != nil:
		// kfake's own retention stays off: it could overtake the log reader. See trim.
		delete(configs, "retention.ms")
		delete(configs, "retention.bytes")
		set("segment.bytes", embeddedSegment)
	case t.Retention > 0:
		set("retention.ms", max(1, t.Retention.Milliseconds()))
	}
	return configs
}

// awaitLeaders returns when every broker knows a leader of every partition. A real
// cluster answers the creation before its brokers have heard of it, and who asks
// the wrong one is told that there is no such topic.
func (c *Cluster) awaitLeaders(ctx context.Context, topic string, partitions int32, brokers []int32) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	for _, id := range brokers {
		for {
			leaders, _, err := c.leaders(ctx, topic, c.client.Broker(int(id)))
			led := 0
			for _, leader := range leaders {
				if leader >= 0 {
					led++
				}
			}
			if led == int(partitions) {
				break
			}
			if pause(ctx); ctx.Err() != nil {
				return fmt.Errorf("topic %q was created, but broker %d knows the leaders of %d of its %d partitions only: %w",
					topic, id, led, partitions, errors.Join(context.Cause(ctx), err))
			}
		}
	}
	return nil
}

// DeleteTopic deletes a topic of simd's; one that is not there is no error.
func (c *Cluster) DeleteTopic(ctx context.Context, topic string) error {
	if err := ours("topic", topic); err != nil {
		return err
	}
	doing := fmt.Sprintf("deleting topic %q", topic)
	resp, err := c.admin.DeleteTopic(ctx, topic)
	if err != nil && !errors.Is(err, kerr.UnknownTopicOrPartition) {
		return c.failed(doing, "Delete on the topic", err, resp.ErrMessage)
	}
	c.mu.Lock()
	delete(c.trims, topic)
	c.mu.Unlock()
	return nil
}

// Leftovers are the topics whose names begin with prefix, in order. It must begin
// with [Prefix] itself.
func (c *Cluster) Leftovers(ctx context.Context, prefix string) ([]string, error) {
	if err := ours("topic", prefix); err != nil {
		return nil, err
	}
	m, err := metadata(ctx, c.client, nil)
	if err != nil {
		return nil, c.failed("listing topics", "Describe on the topics", err, "")
	}
	var names []string
	for _, t := range m.Topics {
		if t.Topic != nil && strings.HasPrefix(*t.Topic, prefix) {
			names = append(names, *t.Topic)
		}
	}
	slices.Sort(names)
	return names, nil
}

// Leaders are the topic's leader (-1: none at the moment) and its replicas, the
// preferred leader first, for each partition.
func (c *Cluster) Leaders(ctx context.Context, topic string) (leaders map[int32]int32, replicas map[int32][]int32, err error) {
	return c.leaders(ctx, topic, c.client)
}

// leaders are the topic's leaders and replicas as one broker, or any, knows them.
func (c *Cluster) leaders(ctx context.Context, topic string, from kmsg.Requestor) (leaders map[int32]int32, replicas map[int32][]int32, err error) {
	const allowed = "Describe on the topic"
	doing := fmt.Sprintf("looking up topic %q", topic)
	m, err := metadata(ctx, from, []string{topic})
	if err == nil && len(m.Topics) != 1 {
		err = fmt.Errorf("the broker answered for %d topics instead of 1", len(m.Topics))
	}
	if err == nil {
		err = kerr.ErrorForCode(m.Topics[0].ErrorCode)
	}
	switch {
	case errors.Is(err, kerr.UnknownTopicOrPartition):
		return nil, nil, fmt.Errorf("%s: there is no such topic: %w", doing, err)
	case err != nil:
		return nil, nil, c.failed(doing, allowed, err, "")
	}
	leaders, replicas = make(map[int32]int32), make(map[int32][]int32)
	for _, p := range m.Topics[0].Partitions {
		leaders[p.Partition], replicas[p.Partition] = p.Leader, p.Replicas
	}
	return leaders, replicas, nil
}

// metadata asks a broker, or any, about the cluster's brokers and about topics
// (nil: all). It goes past the client's cache, which could still show what was
// before a change of our own.
func metadata(ctx context.Context, from kmsg.Requestor, topics []string) (*kmsg.MetadataResponse, error) {
	req := kmsg.NewPtrMetadataRequest()
	if topics != nil {
		req.Topics = []kmsg.MetadataRequestTopic{} // none is not the same as nil
	}
	for _, name := range topics {
		t := kmsg.NewMetadataRequestTopic()
		t.Topic = &name
		req.Topics = append(req.Topics, t)
	}
	return req.RequestWith(ctx, from)
}

// ours refuses names that simd did not give.
func ours(what, name string) error {
	if !strings.HasPrefix(name, Prefix) {
		return fmt.Errorf("%s %q is not simd's, and is left alone: simd's names begin with %q", what, name, Prefix)
	}
	return nil
}
