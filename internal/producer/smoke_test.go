package producer

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"
)

func javaDefaults() Config {
	return Config{
		ClientID: "app", Topic: topic, Acks: -1, BufferMemory: 32 << 20, BatchSize: 16384, MaxRequestSize: 1 << 20,
		Retries: 1<<31 - 1, MaxInFlight: 5, Idempotence: true, MaxBlock: time.Minute, Linger: 5 * time.Millisecond,
		DeliveryTimeout: 2 * time.Minute, RequestTimeout: 30 * time.Second, RetryBackoff: 100 * time.Millisecond,
		RetryBackoffMax: time.Second, ReconnectBackoff: 50 * time.Millisecond, ReconnectBackoffMax: time.Second, MetadataMaxAge: 5 * time.Minute,
	}
}

func TestSmoke(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := startCluster(t, 9, nil)
		p, err := New(javaDefaults(), c.opts()...)
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		var bad error
		for i := range 10000 {
			if err := p.Send(&Record{Key: fmt.Appendf(nil, "k%d", i), Value: make([]byte, 100)}, func(a Answer) {
				n++
				if a.Err != nil {
					bad = a.Err
				}
			}); err != nil {
				t.Fatal(err)
			}
		}
		p.Close(time.Minute)
		fmt.Println(n, bad, fmt.Sprintf("%+v", p.Stats()))
		var hw int64
		for _, pi := range c.PartitionInfos(topic) {
			hw += pi.HighWatermark
		}
		fmt.Println(hw)
	})
}
