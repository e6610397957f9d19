package broker

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// Cleanup takes away what was made for a run: the topic, the quota of the client
// id, and the consumer group, with the members that a killed process has left in
// it. "" leaves that out, and what is not there is no error, so it may be called
// again after a half of it has failed. It tries all three before it answers with
// what went wrong.
func (c *Cluster) Cleanup(ctx context.Context, topic, clientID, group string) error {
	var errs []error
	if topic != "" {
		errs = append(errs, c.DeleteTopic(ctx, topic))
	}
	if clientID != "" && c.fake == nil {
		errs = append(errs, c.RemoveQuota(ctx, clientID))
	}
	if group != "" {
		errs = append(errs, c.deleteGroup(ctx, group))
	}
	return errors.Join(errs...)
}

// groupWithin is how long a group's coordinator may be looked for: a cluster that
// has never had a group makes the topic for them first.
const groupWithin = 15 * time.Second

// deleteGroup deletes a consumer group, which must be empty: who is still in it
// is put out first.
func (c *Cluster) deleteGroup(ctx context.Context, group string) error {
	if err := ours("group", group); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, groupWithin)
	defer cancel()
	doing := fmt.Sprintf("deleting group %q", group)
	for {
		deleted, err := c.admin.DeleteGroup(ctx, group)
		switch {
		case err == nil, errors.Is(err, kerr.GroupIDNotFound):
			return nil
		case errors.Is(err, kerr.NonEmptyGroup):
			if err := c.expel(ctx, group); err != nil {
				return fmt.Errorf("%s: %w", doing, err)
			}
		case !kerr.IsRetriable(err):
			return c.failed(doing, "Delete on the group", err, deleted.ErrMessage)
		}
		if pause(ctx); ctx.Err() != nil {
			return c.failed(doing, "Delete on the group", err, deleted.ErrMessage)
		}
	}
}

// expel puts every member out of a group. The group would do so itself with those
// that nobody hears of, but only at the end of their session.
func (c *Cluster) expel(ctx context.Context, group string) error {
	doing := "putting its members out"
	described, err := c.admin.DescribeGroups(ctx, group)
	if err == nil {
		err = described[group].Err
	}
	if err != nil {
		return c.failed(doing, "Describe on the group", err, "")
	}
	req := kmsg.NewPtrLeaveGroupRequest()
	req.Group = group
	for _, m := range described[group].Members {
		rm := kmsg.NewLeaveGroupRequestMember()
		rm.MemberID, rm.InstanceID = m.MemberID, m.InstanceID
		req.Members = append(req.Members, rm)
	}
	resp, err := req.RequestWith(ctx, c.client)
	if err == nil {
		err = kerr.ErrorForCode(resp.ErrorCode)
	}
	if err != nil {
		return c.failed(doing, "Read on the group", err, "")
	}
	return nil // a member that has left meanwhile is no trouble
}
