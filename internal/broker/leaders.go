package broker

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
)

// MoveLeaders gives each partition the leader that to names, and returns when
// they lead. On a cluster that runs elsewhere, only a replica can lead: there,
// the wished one is made the first of the partition's replicas (which moves no
// data) and the preferred leader is elected. It stays the preferred one, so that
// the cluster's own balancing (leader.imbalance.check.interval.seconds) leaves it.
func (c *Cluster) MoveLeaders(ctx context.Context, topic string, to func(partition int32) (brokerID int32)) error {
	if err := ours("topic", topic); err != nil {
		return err
	}
	leaders, replicas, err := c.Leaders(ctx, topic)
	if err != nil {
		return err
	}
	moves := make(map[int32]int32)
	for _, p := range slices.Sorted(maps.Keys(leaders)) {
		if want := to(p); want != leaders[p] {
			moves[p] = want
		}
	}
	switch {
	case len(moves) == 0:
		return nil
	case c.fake != nil:
		for p, want := range moves {
			if err := c.fake.move(topic, p, want); err != nil {
				return fmt.Errorf("moving the leader of topic %q, partition %d, to broker %d: %w", topic, p, want, err)
			}
		}
		return nil
	}
	if err := c.prefer(ctx, topic, moves, replicas); err != nil {
		return err
	}
	return c.elect(ctx, topic, moves)
}

const allowedToMove = "Alter on the cluster"

// prefer puts the wished leaders first among their partitions' replicas.
func (c *Cluster) prefer(ctx context.Context, topic string, moves map[int32]int32, replicas map[int32][]int32) error {
	var req kadm.AlterPartitionAssignmentsReq
	for p, want := range moves {
		i := slices.Index(replicas[p], want)
		if i < 0 {
			return fmt.Errorf("moving the leader of topic %q, partition %d, to broker %d: it has no replica there: only %v can lead it", topic, p, want, replicas[p])
		}
		if i > 0 {
			order := slices.Delete(slices.Clone(replicas[p]), i, i+1)
			req.Assign(topic, p, slices.Insert(order, 0, want))
		}
	}
	doing := fmt.Sprintf("changing the preferred leaders of topic %q", topic)
	answers, err := c.admin.AlterPartitionAssignments(ctx, req)
	if err != nil {
		return c.failed(doing, allowedToMove, err, "")
	}
	for _, a := range answers.Sorted() {
		if a.Err != nil {
			return c.failed(fmt.Sprintf("%s, partition %d", doing, a.Partition), allowedToMove, a.Err, a.ErrMessage)
		}
	}
	return nil
}

// elect has the preferred leaders elected until they lead: a broker that was away
// takes a while to be in sync, and cannot lead before.
func (c *Cluster) elect(ctx context.Context, topic string, moves map[int32]int32) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	doing := fmt.Sprintf("electing leaders of topic %q", topic)
	for {
		var wanted kadm.TopicsSet
		leaders, _, err := c.Leaders(ctx, topic)
		if err != nil {
			return err
		}
		for p, want := range moves {
			if leaders[p] != want {
				wanted.Add(topic, p)
			}
		}
		if len(wanted) == 0 {
			return nil
		}
		answers, err := c.admin.ElectLeaders(ctx, kadm.ElectPreferredReplica, wanted)
		if err != nil {
			return c.failed(doing, allowedToMove, err, "")
		}
		var why error
		for p, a := range answers[topic] {
			if a.Err != nil && !errors.Is(a.Err, kerr.ElectionNotNeeded) {
				why = fmt.Errorf("partition %d, to broker %d: %w", p, moves[p], a.Err)
			}
		}
		select {
		case <-time.After(100 * time.Millisecond):
		case <-ctx.Done():
			if why == nil {
				why = context.Cause(ctx)
			}
			return fmt.Errorf("%s: %s still not led by the wished broker: %w", doing, count(len(wanted[topic]), "partition"), why)
		}
	}
}
