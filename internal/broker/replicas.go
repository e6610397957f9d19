package broker

import (
	"context"
	"errors"
	"fmt"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// TooFewReplicas makes an embedded topic one whose replicas are never enough, as
// when the brokers of the others are away: who produces with acks=all is told
// NOT_ENOUGH_REPLICAS and nothing is written; who asks for less gets it, as ever.
// heal ends that.
//
// A cluster that runs elsewhere answers [errors.ErrUnsupported]: no request makes
// its replicas too few. Kafka takes a min.insync.replicas above a topic's
// replication for the replication (Partition.effectiveMinIsr).
func (c *Cluster) TooFewReplicas(_ context.Context, topic string) (heal func(), err error) {
	if err := ours("topic", topic); err != nil {
		return nil, err
	}
	if c.fake == nil {
		return nil, fmt.Errorf("topic %q cannot be given too few replicas from here: stop brokers of %s by hand until fewer than its min.insync.replicas are left: %w",
			topic, c.name, errors.ErrUnsupported)
	}
	fault := c.fake.cluster.Fault(kfake.Fault{
		Keys:  []kmsg.Key{kmsg.Produce},
		Topic: topic,
		Err:   kerr.NotEnoughReplicas,
		Count: -1,
		When:  func(req kmsg.Request) bool { return req.(*kmsg.ProduceRequest).Acks == -1 },
	})
	return fault.Remove, nil
}
