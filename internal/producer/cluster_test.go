package producer

import (
	"context"
	"net"
	"testing"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
)

// cluster is three brokers in memory with one topic whose partition p is led by
// broker p%3.
type cluster struct {
	*kfake.Cluster
	net kfake.VirtualNetwork
	// dial stands between the producer and the brokers; nil: nothing does.
	dial func(ctx context.Context, network, addr string) (net.Conn, error)
}

const topic = "t"

func startCluster(t *testing.T, partitions int32, configs map[string]string) *cluster {
	t.Helper()
	c := new(cluster)
	var err error
	c.Cluster, err = kfake.NewCluster(kfake.NumBrokers(3), kfake.Ports(9092, 9093, 9094), kfake.ListenFn(c.net.Listen))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	if err := c.CreateTopic(topic, partitions, configs); err != nil {
		t.Fatal(err)
	}
	for p := range partitions {
		if err := c.MoveTopicPartition(topic, p, p%3); err != nil {
			t.Fatal(err)
		}
	}
	return c
}

func (c *cluster) opts() []kgo.Opt {
	dial := c.dial
	if dial == nil {
		dial = c.net.DialContext
	}
	return []kgo.Opt{kgo.SeedBrokers(c.ListenAddrs()...), kgo.Dialer(dial)}
}
