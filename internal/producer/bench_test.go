package producer

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
)

// BenchmarkProduce is this producer beside a bare kgo client, over TCP to three
// brokers in the same process that throw everything away: records a second with
// one goroutine that sends as fast as it can, acks=1, 9 partitions, 32 MiB of
// buffer, nothing compressed. The brokers' work is in both figures.
func BenchmarkProduce(b *testing.B) {
	for _, size := range []int{100, 1 << 10, 100_000} {
		for _, batch := range []int64{16384, 1 << 20} {
			name := fmt.Sprintf("%dB/batch=%d", size, batch)
			b.Run(name+"/simd", func(b *testing.B) { benchmarkSimd(b, size, batch) })
			b.Run(name+"/kgo", func(b *testing.B) { benchmarkKgo(b, size, batch) })
		}
	}
}

func newBlackHole(b *testing.B) *tcpRig {
	b.Helper()
	cluster, err := kfake.NewCluster(kfake.NumBrokers(3), kfake.SeedTopics(9, topic), kfake.BrokerConfigs(map[string]string{"message.max.bytes": "4194304"}), kfake.BlackholeProduce())
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(cluster.Close)
	for p := range int32(9) {
		if err := cluster.MoveTopicPartition(topic, p, p%3); err != nil {
			b.Fatal(err)
		}
	}
	return &tcpRig{cluster}
}

// keys are enough of them that the partitions get even shares.
func keys() [][]byte {
	keys := make([][]byte, 4096)
	for i := range keys {
		keys[i] = fmt.Appendf(nil, "%036d", i)
	}
	return keys
}

func benchmarkSimd(b *testing.B, size int, batch int64) {
	cfg := javaDefaults()
	cfg.Acks, cfg.Idempotence, cfg.BatchSize, cfg.MaxRequestSize = 1, false, batch, 3<<20
	p, err := New(cfg, newBlackHole(b).opts()...)
	if err != nil {
		b.Fatal(err)
	}
	defer p.Close(0)
	var failed atomic.Int64
	answer := func(a Answer) {
		if a.Err != nil {
			failed.Add(1)
		}
	}
	keys, value := keys(), make([]byte, size)
	if err := p.Send(&Record{Value: value}, answer); err != nil {
		b.Fatal(err)
	}
	if err := p.Flush(context.Background()); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	b.SetBytes(int64(size))
	b.ResetTimer()
	for i := range b.N {
		if err := p.Send(&Record{Key: keys[i%len(keys)], Value: value}, answer); err != nil {
			b.Fatal(err)
		}
	}
	if err := p.Flush(context.Background()); err != nil {
		b.Fatal(err)
	}
	report(b, failed.Load())
}

func benchmarkKgo(b *testing.B, size int, batch int64) {
	client, err := kgo.NewClient(append(newBlackHole(b).opts(),
		kgo.DefaultProduceTopic(topic), kgo.RequiredAcks(kgo.LeaderAck()), kgo.DisableIdempotentWrite(),
		kgo.ProducerBatchCompression(kgo.NoCompression()), kgo.ProducerBatchMaxBytes(int32(max(batch, int64(size)+1000))),
		kgo.ProducerLinger(5*time.Millisecond), kgo.MaxBufferedBytes(32<<20), kgo.MaxBufferedRecords(1<<30),
		kgo.MaxProduceRequestsInflightPerBroker(5), kgo.DisableClientMetrics())...)
	if err != nil {
		b.Fatal(err)
	}
	defer client.Close()
	var failed atomic.Int64
	var pending sync.WaitGroup
	answer := func(_ *kgo.Record, err error) {
		if err != nil {
			failed.Add(1)
		}
		pending.Done()
	}
	keys, value := keys(), make([]byte, size)
	pending.Add(1)
	client.Produce(context.Background(), &kgo.Record{Value: value}, answer)
	pending.Wait()
	b.ReportAllocs()
	b.SetBytes(int64(size))
	b.ResetTimer()
	for i := range b.N {
		pending.Add(1)
		client.Produce(context.Background(), &kgo.Record{Key: keys[i%len(keys)], Value: value}, answer)
	}
	if err := client.Flush(context.Background()); err != nil {
		b.Fatal(err)
	}
	pending.Wait()
	report(b, failed.Load())
}

func report(b *testing.B, failed int64) {
	b.Helper()
	if failed > 0 {
		b.Fatalf("%d records failed", failed)
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "records/s")
}
