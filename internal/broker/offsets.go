package broker

import (
	"context"
	"errors"
	"fmt"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
)

// EndOffsets are the topic's end offsets: for each partition, the offset that the
// next record will get.
func (c *Cluster) EndOffsets(ctx context.Context, topic string) (map[int32]int64, error) {
	listed, err := c.admin.ListEndOffsets(ctx, topic)
	return c.listed("asking for the end", topic, listed, err)
}

// startOffsets are the topic's first offsets that can still be read.
func (c *Cluster) startOffsets(ctx context.Context, topic string) (map[int32]int64, error) {
	listed, err := c.admin.ListStartOffsets(ctx, topic)
	return c.listed("asking for the start", topic, listed, err)
}

func (c *Cluster) listed(doing, topic string, listed kadm.ListedOffsets, err error) (map[int32]int64, error) {
	const allowed = "Describe on the topic"
	doing = fmt.Sprintf("%s of topic %q", doing, topic)
	if err != nil {
		return nil, c.failed(doing, allowed, err, "")
	}
	offsets := make(map[int32]int64)
	for _, o := range listed[topic] {
		if o.Err != nil {
			return nil, c.failed(fmt.Sprintf("%s, partition %d", doing, o.Partition), allowed, o.Err, "")
		}
		offsets[o.Partition] = o.Offset
	}
	if len(offsets) == 0 {
		return nil, fmt.Errorf("%s: there is no such topic: %w", doing, kerr.UnknownTopicOrPartition)
	}
	return offsets, nil
}

// CommittedOffsets are the offsets that a consumer group has committed in a
// topic; a partition without a commit is not there.
func (c *Cluster) CommittedOffsets(ctx context.Context, group, topic string) (map[int32]int64, error) {
	doing := fmt.Sprintf("asking for the commits of group %q", group)
	committed, err := c.admin.FetchOffsets(ctx, group)
	if errors.Is(err, kerr.GroupIDNotFound) {
		return map[int32]int64{}, nil
	}
	if err != nil {
		return nil, c.failed(doing, "Describe on the group", err, "")
	}
	offsets := make(map[int32]int64)
	for p, o := range committed[topic] {
		if o.Err != nil {
			return nil, c.failed(fmt.Sprintf("%s, partition %d", doing, p), "Describe on the topic", o.Err, "")
		}
		offsets[p] = o.At
	}
	return offsets, nil
}

// endsOnceReached is EndOffsets for somebody who waits through an outage: it asks
// again until the cluster answers. What asking again cannot mend is told at once.
func (c *Cluster) endsOnceReached(ctx context.Context, topic string) (map[int32]int64, error) {
	for {
		ends, err := c.EndOffsets(ctx, topic)
		if err == nil || isForbidden(err) || errors.Is(err, errClosed) {
			return ends, err
		}
		if pause(ctx); ctx.Err() != nil {
			return nil, err
		}
	}
}
