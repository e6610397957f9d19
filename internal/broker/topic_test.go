package broker

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"pgregory.net/rapid"
)

// Whatever is asked for, no broker leads more than one partition more than another.
func TestLeadersAreSpreadEvenly(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		brokers := rapid.IntRange(1, 5).Draw(t, "brokers")
		partitions := rapid.Int32Range(1, 20).Draw(t, "partitions")
		replication := int16(rapid.IntRange(1, brokers).Draw(t, "replication"))
		c, err := Embed(context.Background(), EmbedConfig{Brokers: brokers})
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if err := c.CreateTopic(context.Background(), Topic{Name: "simd-t", Partitions: partitions, Replication: replication}); err != nil {
			t.Fatal(err)
		}
		leaders, replicas, err := c.Leaders(context.Background(), "simd-t")
		if err != nil {
			t.Fatal(err)
		}
		led := make(map[int32]int)
		for p := range partitions {
			if want := p % int32(brokers); leaders[p] != want {
				t.Errorf("partition %d is led by broker %d, want %d", p, leaders[p], want)
			}
			if len(replicas[p]) != int(replication) || replicas[p][0] != leaders[p] {
				t.Errorf("partition %d has the replicas %v, want %d, the leader first", p, replicas[p], replication)
			}
			led[leaders[p]]++
		}
		for _, n := range led {
			if n < int(partitions)/brokers || n > int(partitions)/brokers+1 {
				t.Errorf("the brokers lead %v of %d partitions", led, partitions)
			}
		}
	})
}

func TestCreateTopicRefuses(t *testing.T) {
	c := embed(t)
	createTopic(t, c, Topic{Name: "simd-old", Partitions: 1, Replication: 1})
	for _, row := range []struct {
		name  string
		topic Topic
		want  []string
	}{
		{"a name that is not simd's", Topic{Name: "orders", Partitions: 1, Replication: 1}, []string{`topic "orders" is not simd's`, "left alone", `begin with "simd-"`}},
		{"more replicas than brokers", Topic{Name: "simd-t", Partitions: 1, Replication: 4}, []string{"replication 4", "the cluster has 3 brokers", "ask for 3"}},
		{"no partitions", Topic{Name: "simd-t", Partitions: 0, Replication: 1}, []string{"0 partitions", "want 1 or more"}},
		{"a name that is taken", Topic{Name: "simd-old", Partitions: 1, Replication: 1}, []string{`creating topic "simd-old"`, "exists already", "take it away first"}},
	} {
		t.Run(row.name, func(t *testing.T) { says(t, c.CreateTopic(context.Background(), row.topic), row.want) })
	}
	if err := c.CreateTopic(t.Context(), Topic{Name: "simd-old", Partitions: 1, Replication: 1}); !errors.Is(err, ErrTopicExists) {
		t.Errorf("%v is not ErrTopicExists", err)
	}
}

func TestTopicSettingsReachTheCluster(t *testing.T) {
	bytes, isr := "2097152", "2"
	topic := Topic{Name: "simd-t", Partitions: 1, Replication: 2, Retention: time.Minute,
		Configs: map[string]*string{"max.message.bytes": &bytes, "min.insync.replicas": &isr}}
	for _, row := range []struct {
		name    string
		cluster func(t *testing.T) *Cluster
		want    map[string]string
	}{
		// kfake's own retention could outrun the log reader, so it never hears of it.
		{"embedded", func(t *testing.T) *Cluster { return embed(t) },
			map[string]string{"max.message.bytes": bytes, "min.insync.replicas": isr, "retention.ms": "604800000", "segment.bytes": "65536"}},
		{"elsewhere", func(t *testing.T) *Cluster { return connect(t, elsewhere(t)) },
			map[string]string{"max.message.bytes": bytes, "min.insync.replicas": isr, "retention.ms": "60000", "segment.bytes": "104857600"}},
	} {
		t.Run(row.name, func(t *testing.T) {
			c := row.cluster(t)
			createTopic(t, c, topic)
			described, err := c.admin.DescribeTopicConfigs(t.Context(), topic.Name)
			if err != nil {
				t.Fatal(err)
			}
			for _, cfg := range described[0].Configs {
				if want, ok := row.want[cfg.Key]; ok && cfg.MaybeValue() != want {
					t.Errorf("%s is %s, want %s", cfg.Key, cfg.MaybeValue(), want)
				}
			}
		})
	}
}

func TestCleanupTakesAwayEverythingOfARunAndNothingElse(t *testing.T) {
	k, err := kfake.NewCluster(kfake.NumBrokers(2), kfake.SeedTopics(1, "orders"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(k.Close)
	c := connect(t, k.ListenAddrs())
	ctx := t.Context()
	createTopic(t, c, Topic{Name: "simd-a-1", Partitions: 2, Replication: 1})
	createTopic(t, c, Topic{Name: "simd-b-1", Partitions: 2, Replication: 1})
	for _, id := range []string{"simd-a", "simd-b"} {
		if err := c.SetQuota(ctx, id, 1<<20); err != nil {
			t.Fatal(err)
		}
	}
	produce(t, c, "simd-a-1", 2, 10, 10)
	consumer, err := c.Consume(ctx, "simd-a-1", "simd-a", nil, func(Record) {})
	if err != nil {
		t.Fatal(err)
	}
	if err := consumer.CaughtUp(ctx); err != nil {
		t.Fatal(err)
	}
	consumer.kill() // as if its process had been killed: it does not leave its group

	if got, err := c.Leftovers(ctx, "simd-"); err != nil || !slices.Equal(got, []string{"simd-a-1", "simd-b-1"}) {
		t.Errorf("left over: %v (%v)", got, err)
	}
	for range 2 { // the second time, nothing is there any more, and that is no error
		if err := c.Cleanup(ctx, "simd-a-1", "simd-a", "simd-a"); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := c.Leftovers(ctx, "simd-"); err != nil || !slices.Equal(got, []string{"simd-b-1"}) {
		t.Errorf("left over: %v (%v), want simd-b-1", got, err)
	}
	if got := quotas(t, c); !maps.Equal(got, map[string]float64{"simd-b": 1 << 20}) {
		t.Errorf("quotas: %v, want simd-b's alone", got)
	}
	if groups, err := c.admin.ListGroups(ctx); err != nil || len(groups) != 0 {
		t.Errorf("groups: %v (%v), want none", groups.Groups(), err)
	}
	for what, err := range map[string]error{
		"topic":     c.Cleanup(ctx, "orders", "", ""),
		"client id": c.Cleanup(ctx, "", "billing", ""),
		"group":     c.Cleanup(ctx, "", "", "billing"),
	} {
		says(t, err, []string{what, "is not simd's, and is left alone"})
	}
	if topics, err := c.admin.ListTopics(ctx); err != nil || !topics.Has("orders") {
		t.Errorf("somebody's topic is gone: %v (%v)", topics.Names(), err)
	}
}

// quotas are the producers' quotas by client id.
func quotas(t testing.TB, c *Cluster) map[string]float64 {
	t.Helper()
	described, err := c.admin.DescribeClientQuotas(t.Context(), false, []kadm.DescribeClientQuotaComponent{{Type: "client-id", MatchType: 2}})
	if err != nil {
		t.Fatal(err)
	}
	got := make(map[string]float64)
	for _, q := range described {
		for _, v := range q.Values {
			if v.Key == producerByteRate {
				got[*q.Entity[0].Name] = v.Value
			}
		}
	}
	return got
}

// A user without a permission is told which one.
func TestMissingPermissionIsNamed(t *testing.T) {
	describe := []kfake.ACL{
		{Resource: kmsg.ACLResourceTypeTopic, Name: "simd-", Pattern: kmsg.ACLResourcePatternTypePrefixed, Operation: kmsg.ACLOperationDescribe, Allow: true},
		{Resource: kmsg.ACLResourceTypeCluster, Name: "kafka-cluster", Pattern: kmsg.ACLResourcePatternTypeLiteral, Operation: kmsg.ACLOperationDescribe, Allow: true},
	}
	k, err := kfake.NewCluster(kfake.NumBrokers(2), kfake.EnableSASL(), kfake.EnableACLs(),
		kfake.Superuser("PLAIN", "root", "r"), kfake.User("PLAIN", "ann", "a", describe...), kfake.User("PLAIN", "nobody", "n"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(k.Close)
	enter := func(user string) *Cluster {
		c, err := Connect(t.Context(), ConnectConfig{Brokers: k.ListenAddrs(), SASL: SASL{"PLAIN", user, user[:1]}})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		return c
	}
	root, ann, nobody := enter("root"), enter("ann"), enter("nobody")
	createTopic(t, root, Topic{Name: "simd-t", Partitions: 1, Replication: 2})
	produce(t, root, "simd-t", 1, 1, 10)
	leaders, _, err := root.Leaders(t.Context(), "simd-t")
	if err != nil {
		t.Fatal(err)
	}
	ctx := t.Context()

	for _, row := range []struct {
		name string
		err  func() error
		want string
	}{
		{"create a topic", func() error { return ann.CreateTopic(ctx, Topic{Name: "simd-new", Partitions: 1, Replication: 1}) }, "Create on the topic or the cluster"},
		{"delete a topic", func() error { return ann.DeleteTopic(ctx, "simd-t") }, "Delete on the topic"},
		{"see a topic", func() error { _, _, err := nobody.Leaders(ctx, "simd-t"); return err }, "Describe on the topic"},
		{"ask for its end", func() error { _, err := nobody.EndOffsets(ctx, "simd-t"); return err }, "Describe on the topic"},
		{"set a quota", func() error { return ann.SetQuota(ctx, "simd-c", 1) }, "AlterConfigs on the cluster"},
		{"remove a quota", func() error { return ann.RemoveQuota(ctx, "simd-c") }, "AlterConfigs on the cluster"},
		{"move leaders", func() error { return ann.MoveLeaders(ctx, "simd-t", func(p int32) int32 { return 1 - leaders[p] }) }, "Alter on the cluster"},
		{"delete a group", func() error { return ann.Cleanup(ctx, "", "", "simd-g") }, "Delete on the group"},
		{"see a group's commits", func() error { _, err := ann.CommittedOffsets(ctx, "simd-g", "simd-t"); return err }, "Describe on the group"},
		{"read a topic", func() error {
			r, err := ann.ReadLog(ctx, "simd-t", func(Record) {})
			if err != nil {
				return err
			}
			defer r.Close()
			return r.CaughtUp(ctx)
		}, "Read on the topic"},
		{"join a group", func() error {
			c, err := ann.Consume(ctx, "simd-t", "simd-g", nil, func(Record) {})
			if err != nil {
				return err
			}
			defer c.Close()
			return c.CaughtUp(ctx)
		}, "Read on the group"},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			err := row.err()
			says(t, err, []string{"not allowed: this user needs " + row.want})
			if err != nil && !strings.Contains(err.Error(), "simd-") {
				t.Errorf("%q does not say what it was about", err)
			}
		})
	}
}

func TestMoveLeaders(t *testing.T) {
	for _, row := range []struct {
		name    string
		cluster func(t *testing.T) *Cluster
	}{
		{"embedded", func(t *testing.T) *Cluster { return embed(t) }},
		// kfake elects the next broker in turn, whatever the preferred one: it takes
		// more than one election, as on a real cluster whose brokers come back.
		{"elsewhere", func(t *testing.T) *Cluster { return connect(t, elsewhere(t)) }},
	} {
		t.Run(row.name, func(t *testing.T) {
			c := row.cluster(t)
			createTopic(t, c, Topic{Name: "simd-t", Partitions: 6, Replication: 2})
			for range 2 { // the second time, there is nothing to do
				if err := c.MoveLeaders(t.Context(), "simd-t", func(int32) int32 { return 1 }); err != nil {
					t.Fatal(err)
				}
			}
			leaders, _, err := c.Leaders(t.Context(), "simd-t")
			if err != nil {
				t.Fatal(err)
			}
			for p, leader := range leaders {
				if leader != 1 {
					t.Errorf("partition %d is led by broker %d, want 1", p, leader)
				}
			}
			if err := c.MoveLeaders(t.Context(), "simd-t", func(int32) int32 { return 9 }); err == nil {
				t.Error("leaders moved to broker 9, which does not exist")
			}
		})
	}
}

func TestEmbeddedQuotasAreTheWires(t *testing.T) {
	c := embed(t)
	if err := c.SetQuota(t.Context(), "simd-c", 1); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("SetQuota: %v, want that it is unsupported", err)
	}
	if err := c.Cleanup(t.Context(), "simd-none", "simd-c", "simd-g"); err != nil {
		t.Errorf("Cleanup: %v, want no error for a quota that cannot be there", err)
	}
}

func TestClosedClusterSaysSo(t *testing.T) {
	c, err := Embed(t.Context(), EmbedConfig{})
	if err != nil {
		t.Fatal(err)
	}
	createTopic(t, c, Topic{Name: "simd-t", Partitions: 1, Replication: 1})
	r, err := c.ReadLog(t.Context(), "simd-t", func(Record) {})
	if err != nil {
		t.Fatal(err)
	}
	// A client that is still connected does not keep it.
	late, err := kgo.NewClient(c.Opts()...)
	if err != nil {
		t.Fatal(err)
	}
	defer late.Close()
	if err := late.Ping(t.Context()); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := c.Close(); err != nil {
			t.Fatal(err)
		}
	}
	r.Close() // Close of the cluster has done it
	if _, err := c.ReadLog(t.Context(), "simd-t", func(Record) {}); !errors.Is(err, errClosed) {
		t.Errorf("ReadLog: %v, want that the cluster is closed", err)
	}
	if err := c.MoveLeaders(t.Context(), "simd-t", func(int32) int32 { return 0 }); !errors.Is(err, errClosed) {
		t.Errorf("MoveLeaders: %v, want that the cluster is closed", err)
	}
}

// connect enters a cluster elsewhere, and leaves it at the test's end.
func connect(t testing.TB, brokers []string) *Cluster {
	t.Helper()
	c, err := Connect(t.Context(), ConnectConfig{Brokers: brokers})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}
