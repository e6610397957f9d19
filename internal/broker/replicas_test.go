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
	if err := heal(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := produceOne(t, c, "simd-t", kgo.AllISRAcks()); err != nil {
		t.Errorf("acks=all, healed: %v", err)
	}
}

// On a cluster elsewhere it is a setting, and the one that was there comes back.
func TestTooFewReplicasPutsTheSettingBack(t *testing.T) {
	two := "2"
	for _, row := range []struct {
		name   string
		before *string
	}{
		{"the topic's own", &two},
		{"the cluster's", nil},
	} {
		t.Run(row.name, func(t *testing.T) {
			c := connect(t, elsewhere(t))
			topic := Topic{Name: "simd-t", Partitions: 1, Replication: 2}
			if row.before != nil {
				topic.Configs = map[string]*string{minInsync: row.before}
			}
			createTopic(t, c, topic)
			heal, err := c.TooFewReplicas(t.Context(), "simd-t")
			if err != nil {
				t.Fatal(err)
			}
			if got, err := c.ownSetting(t.Context(), "simd-t", minInsync); err != nil || got == nil || *got != "3" {
				t.Errorf("%s is %s (%v) for 2 replicas, want 3", minInsync, text(got), err)
			}
			if err := heal(t.Context()); err != nil {
				t.Fatal(err)
			}
			got, err := c.ownSetting(t.Context(), "simd-t", minInsync)
			if err != nil || (got == nil) != (row.before == nil) || text(got) != text(row.before) {
				t.Errorf("%s is %q (%v) afterwards, want %q", minInsync, text(got), err, text(row.before))
			}
		})
	}
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
