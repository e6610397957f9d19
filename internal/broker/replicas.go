package broker

import (
	"context"
	"fmt"
	"strconv"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"
)

const minInsync = "min.insync.replicas"

// TooFewReplicas makes the topic one whose replicas are never enough: who
// produces with acks=all is told NOT_ENOUGH_REPLICAS, and nothing is written; who
// asks for less gets it, as ever. heal puts back what was. On a cluster that runs
// elsewhere, the topic's min.insync.replicas is set above the number of its
// replicas.
func (c *Cluster) TooFewReplicas(ctx context.Context, topic string) (heal func(context.Context) error, err error) {
	if err := ours("topic", topic); err != nil {
		return nil, err
	}
	if c.fake != nil {
		fault := c.fake.cluster.Fault(kfake.Fault{
			Keys:  []kmsg.Key{kmsg.Produce},
			Topic: topic,
			Err:   kerr.NotEnoughReplicas,
			Count: -1,
			When:  func(req kmsg.Request) bool { return req.(*kmsg.ProduceRequest).Acks == -1 },
		})
		return func(context.Context) error { fault.Remove(); return nil }, nil
	}
	_, replicas, err := c.Leaders(ctx, topic)
	if err != nil {
		return nil, err
	}
	before, err := c.ownSetting(ctx, topic, minInsync)
	if err != nil {
		return nil, err
	}
	more := strconv.Itoa(len(replicas[0]) + 1)
	if err := c.set(ctx, topic, minInsync, &more); err != nil {
		return nil, err
	}
	return func(ctx context.Context) error { return c.set(ctx, topic, minInsync, before) }, nil
}

// ownSetting is a setting of the topic's own; nil when it has the cluster's.
func (c *Cluster) ownSetting(ctx context.Context, topic, name string) (*string, error) {
	const allowed = "DescribeConfigs on the topic"
	doing := fmt.Sprintf("asking for %s of topic %q", name, topic)
	described, err := c.admin.DescribeTopicConfigs(ctx, topic)
	if err != nil {
		return nil, c.failed(doing, allowed, err, "")
	}
	for _, d := range described {
		if d.Err != nil {
			return nil, c.failed(doing, allowed, d.Err, d.ErrMessage)
		}
		for _, cfg := range d.Configs {
			if cfg.Key == name && cfg.Source == kmsg.ConfigSourceDynamicTopicConfig {
				return cfg.Value, nil
			}
		}
	}
	return nil, nil
}

// set changes a setting of the topic; nil: back to the cluster's.
func (c *Cluster) set(ctx context.Context, topic, name string, value *string) error {
	const allowed = "AlterConfigs on the topic"
	doing := fmt.Sprintf("setting %s of topic %q", name, topic)
	alter := kadm.AlterConfig{Op: kadm.SetConfig, Name: name, Value: value}
	if value == nil {
		alter.Op = kadm.DeleteConfig
	}
	altered, err := c.admin.AlterTopicConfigs(ctx, []kadm.AlterConfig{alter}, topic)
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
