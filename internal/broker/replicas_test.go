package broker

import (
	"errors"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

func TestTooFewReplicas(t *testing.T) {
	c := embed(t)
	createTopic(t, c, Topic{Name: "simd-t", Partitions: 1, Replication: 3})
	heal, err := c.TooFewReplicas(t.Context(), "simd-t")
	if err != nil {
		t.Fatal(err)
	}
	if err := produceOne(t, c, "simd-t", kgo.AllISRAcks()); !errors.Is(err, kerr.NotEnoughReplicas) {
		t.Errorf("acks=all: %v, want NOT_ENOUGH_REPLICAS", err)
	}
	if err := produceOne(t, c, "simd-t", kgo.LeaderAck()); err != nil {
		t.Errorf("acks=1: %v", err)
	}
	heal()
	if err := produceOne(t, c, "simd-t", kgo.AllISRAcks()); err != nil {
		t.Errorf("acks=all, healed: %v", err)
	}
}

func TestTooFewReplicasElsewhereIsDoneByHand(t *testing.T) {
	c := connect(t, elsewhere(t))
	_, err := c.TooFewReplicas(t.Context(), "simd-t")
	if !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("%v, want that it is unsupported", err)
	}
	says(t, err, []string{"stop brokers of " + c.Name() + " by hand"})
}

// produceOne tries once to write a record.
func produceOne(t testing.TB, c *Cluster, topic string, acks kgo.Acks) error {
	t.Helper()
	p, err := kgo.NewClient(append(c.Opts(), kgo.RequiredAcks(acks), kgo.DisableIdempotentWrite(), kgo.RecordRetries(0))...)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	return p.ProduceSync(t.Context(), &kgo.Record{Topic: topic, Value: []byte("x")}).FirstErr()
}
