package broker

import (
	"context"
	"errors"
	"fmt"

	"github.com/twmb/franz-go/pkg/kadm"
)

// producerByteRate is Kafka's name of the quota, in bytes a second, that each
// broker enforces for itself (KIP-13, KIP-546).
const producerByteRate = "producer_byte_rate"

// SetQuota lets a client id produce so many bytes a second on each broker, and
// slows it down beyond that. The client id must begin with [Prefix]. An embedded
// cluster stores quotas and enforces none: [errors.ErrUnsupported]; there, the
// wire does it.
func (c *Cluster) SetQuota(ctx context.Context, clientID string, bytesPerSecond float64) error {
	if !(bytesPerSecond > 0) {
		return fmt.Errorf("a quota of %v bytes a second for client id %q is impossible: want more than 0", bytesPerSecond, clientID)
	}
	return c.alterQuota(ctx, fmt.Sprintf("setting the quota of client id %q", clientID), clientID,
		kadm.AlterClientQuotaOp{Key: producerByteRate, Value: bytesPerSecond})
}

// RemoveQuota takes away what SetQuota has set; none that is there is no error.
func (c *Cluster) RemoveQuota(ctx context.Context, clientID string) error {
	return c.alterQuota(ctx, fmt.Sprintf("removing the quota of client id %q", clientID), clientID,
		kadm.AlterClientQuotaOp{Key: producerByteRate, Remove: true})
}

func (c *Cluster) alterQuota(ctx context.Context, doing, clientID string, op kadm.AlterClientQuotaOp) error {
	if err := ours("client id", clientID); err != nil {
		return err
	}
	if c.fake != nil {
		return fmt.Errorf("%s: the embedded cluster enforces none: %w", doing, errors.ErrUnsupported)
	}
	altered, err := c.admin.AlterClientQuotas(ctx, []kadm.AlterClientQuotaEntry{{
		Entity: kadm.ClientQuotaEntity{{Type: "client-id", Name: &clientID}},
		Ops:    []kadm.AlterClientQuotaOp{op},
	}})
	const allowed = "AlterConfigs on the cluster"
	if err != nil {
		return c.failed(doing, allowed, err, "")
	}
	for _, a := range altered {
		if a.Err != nil {
			return c.failed(doing, allowed, a.Err, a.ErrMessage)
		}
	}
	return nil
}
