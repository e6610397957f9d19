package wire

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"testing"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
)

// BenchmarkPassThrough compares a connection through a wire on which nothing
// is set with a direct one: acknowledged records of one size, one record a
// request, to an embedded broker that throws them away, in memory and over TCP.
func BenchmarkPassThrough(b *testing.B) {
	var memory kfake.VirtualNetwork
	for _, way := range []struct {
		name   string
		listen func(network, addr string) (net.Listener, error)
		dial   DialFunc
	}{
		{"memory", memory.Listen, memory.DialContext},
		{"tcp", net.Listen, new(net.Dialer).DialContext},
	} {
		for _, size := range []int{100, 100_000, 1_000_000} {
			wire := New(way.dial)
			for name, dial := range map[string]DialFunc{"direct": way.dial, "wire": wire.Dial} {
				b.Run(fmt.Sprintf("%s/%d/%s", way.name, size, name), func(b *testing.B) {
					benchmarkProduce(b, size, way.listen, dial)
				})
			}
			wire.Close()
		}
	}
}

func benchmarkProduce(b *testing.B, size int, listen func(network, addr string) (net.Listener, error), dial DialFunc) {
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(1, "t"), kfake.ListenFn(listen), kfake.BlackholeProduce(),
		kfake.BrokerConfigs(map[string]string{"message.max.bytes": "4194304"}))
	if err != nil {
		b.Fatal(err)
	}
	defer cluster.Close()
	client, err := kgo.NewClient(kgo.SeedBrokers(cluster.ListenAddrs()...), kgo.Dialer(dial), kgo.DefaultProduceTopic("t"),
		kgo.RequiredAcks(kgo.LeaderAck()), kgo.DisableIdempotentWrite(), kgo.MaxProduceRequestsInflightPerBroker(5),
		kgo.ProducerBatchCompression(kgo.NoCompression()), kgo.ProducerBatchMaxBytes(int32(size)+1000), kgo.ProducerLinger(0))
	if err != nil {
		b.Fatal(err)
	}
	defer client.Close()
	value := bytes.Repeat([]byte("x"), size)
	b.SetBytes(int64(size))
	b.ReportAllocs()
	b.ResetTimer()
	for range b.N {
		client.Produce(context.Background(), kgo.SliceRecord(value), func(_ *kgo.Record, err error) {
			if err != nil {
				b.Error(err)
			}
		})
	}
	if err := client.Flush(context.Background()); err != nil {
		b.Fatal(err)
	}
}
