//go:build kafka

package broker

import (
	"context"
	"errors"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// These tests want a real cluster of three brokers:
//
//	SIMD_TEST_BROKERS   its addresses
//	SIMD_TEST_CLUSTER   scripts/kafka/cluster, run with the same KAFKA_DIR and
//	                    KAFKA_PORT as the cluster; for the tests that kill it
//
// Each of them makes a topic of its own and takes it away.
func realCluster(t *testing.T) *Cluster {
	t.Helper()
	brokers := os.Getenv("SIMD_TEST_BROKERS")
	if brokers == "" {
		t.Skip("SIMD_TEST_BROKERS names no cluster")
	}
	return connect(t, strings.Split(brokers, ","))
}

// script runs a command of the cluster's script.
func script(t *testing.T, args ...string) {
	t.Helper()
	path := os.Getenv("SIMD_TEST_CLUSTER")
	if path == "" {
		t.Skip("SIMD_TEST_CLUSTER names no script to kill the cluster with")
	}
	if !filepath.IsAbs(path) {
		t.Fatalf("SIMD_TEST_CLUSTER is %q: tests run in their own directories, so want an absolute path", path)
	}
	out, err := exec.Command(path, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %v: %v\n%s", path, args, err, out)
	}
}

// unique is a name that no test has used before.
func unique(t *testing.T) string {
	return Prefix + "test-" + strings.ToLower(strings.TrimPrefix(t.Name(), "TestKafka")) + "-" + strconv.FormatInt(time.Now().UnixNano(), 36)
}

// makeTopic makes a topic of six partitions, three replicas each, and has it and
// all that goes by its name taken away at the test's end.
func makeTopic(t *testing.T, c *Cluster, configs map[string]*string) string {
	t.Helper()
	name := unique(t)
	createTopic(t, c, Topic{Name: name, Partitions: 6, Replication: 3, Retention: time.Hour, Configs: configs})
	t.Cleanup(func() {
		if err := c.Cleanup(context.Background(), name, name, name); err != nil {
			t.Error(err)
		}
	})
	return name
}

// eventually waits until something is so: the brokers of a real cluster hear of
// each change one after the other.
func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	for !is() {
		if pause(ctx); ctx.Err() != nil {
			t.Fatalf("%s: not within 30 s", what)
		}
	}
}

func TestKafkaTopicIsMadeSpreadMovedAndDeleted(t *testing.T) {
	c := realCluster(t)
	ids := c.BrokerIDs()
	if len(ids) != 3 {
		t.Fatalf("brokers %v, want three", ids)
	}
	topic := makeTopic(t, c, nil)
	leaders, replicas, err := c.Leaders(t.Context(), topic)
	if err != nil {
		t.Fatal(err)
	}
	for p := range int32(6) {
		if want := ids[p%3]; leaders[p] != want || replicas[p][0] != want || len(replicas[p]) != 3 {
			t.Errorf("partition %d: led by %d, replicas %v, want %d first of three", p, leaders[p], replicas[p], want)
		}
	}
	if err := c.CreateTopic(t.Context(), Topic{Name: topic, Partitions: 1, Replication: 1}); !errors.Is(err, ErrTopicExists) {
		t.Errorf("creating it again: %v, want ErrTopicExists", err)
	}
	says(t, c.CreateTopic(t.Context(), Topic{Name: topic + "-big", Partitions: 1, Replication: 4}), []string{"the cluster has 3 brokers"})

	if err := c.MoveLeaders(t.Context(), topic, func(int32) int32 { return ids[0] }); err != nil {
		t.Fatal(err)
	}
	if leaders, _, err = c.Leaders(t.Context(), topic); err != nil || slices.ContainsFunc(slices.Collect(maps.Values(leaders)), func(id int32) bool { return id != ids[0] }) {
		t.Errorf("leaders %v (%v), want all on broker %d", leaders, err, ids[0])
	}
	if err := c.MoveLeaders(t.Context(), topic, func(p int32) int32 { return ids[p%3] }); err != nil {
		t.Fatal(err)
	}

	if got, err := c.Leftovers(t.Context(), topic); err != nil || !slices.Equal(got, []string{topic}) {
		t.Errorf("left over: %v (%v)", got, err)
	}
	for range 2 {
		if err := c.DeleteTopic(t.Context(), topic); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, "the topic is gone", func() bool {
		got, err := c.Leftovers(t.Context(), topic)
		return err == nil && len(got) == 0
	})
}

func TestKafkaQuotaIsSetAndRemoved(t *testing.T) {
	c := realCluster(t)
	id := unique(t)
	t.Cleanup(func() { c.RemoveQuota(context.Background(), id) })
	if err := c.SetQuota(t.Context(), id, 1<<20); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the quota is set", func() bool { return quotas(t, c)[id] == 1<<20 })
	for range 2 {
		if err := c.RemoveQuota(t.Context(), id); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, "the quota is removed", func() bool { _, there := quotas(t, c)[id]; return !there })
}

func TestKafkaLogIsReadAndConsumed(t *testing.T) {
	c := realCluster(t)
	topic := makeTopic(t, c, nil)
	var log, got kept
	r, err := c.ReadLog(t.Context(), topic, log.add)
	if err != nil {
		t.Fatal(err)
	}
	k, err := c.Consume(t.Context(), topic, topic, nil, got.add)
	if err != nil {
		t.Fatal(err)
	}
	const n = 60_000
	produce(t, c, topic, 6, n, 100)
	if err := errors.Join(r.CaughtUp(t.Context()), k.CaughtUp(t.Context())); err != nil {
		t.Fatal(err)
	}
	k.Close()
	for p := range int32(6) {
		if !slices.Equal(log.of(p), upTo(0, n/6)) || !slices.Equal(got.of(p), upTo(0, n/6)) {
			t.Errorf("partition %d: read %d and consumed %d records, want %d once each, in order", p, len(log.of(p)), len(got.of(p)), n/6)
		}
	}
	ends, err := c.EndOffsets(t.Context(), topic)
	if err != nil {
		t.Fatal(err)
	}
	committed, err := c.CommittedOffsets(t.Context(), topic, topic)
	if err != nil || !maps.Equal(committed, ends) || !maps.Equal(r.Position(), ends) {
		t.Errorf("ends %v, committed %v (%v), read %v: want all the same", ends, committed, err, r.Position())
	}
}

func TestKafkaLogOvertakenByDeletionLeavesAGap(t *testing.T) {
	c := realCluster(t)
	topic := makeTopic(t, c, nil)
	produce(t, c, topic, 6, 600, 100)
	deleteTo(t, c, topic, map[int32]int64{2: 40})
	var log kept
	r, err := c.ReadLog(t.Context(), topic, log.add)
	if err != nil {
		t.Fatal(err)
	}
	if err := r.CaughtUp(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got, want := r.Unread(), []Gap{{Partition: 2, From: 0, To: 40}}; !slices.Equal(got, want) {
		t.Errorf("unread %v, want %v", got, want)
	}
	if got := log.of(2); !slices.Equal(got, upTo(40, 100)) {
		t.Errorf("partition 2: read %v, want 40 to 99 once each", got)
	}
}

// The whole cluster is killed while messages come and are read, and started
// again: both readers go on by themselves, and the log reader sees every offset
// once.
func TestKafkaReadersOutliveTheCluster(t *testing.T) {
	c := realCluster(t)
	script(t, "status")
	t.Cleanup(func() { script(t, "start") })
	// Two in-sync replicas acknowledge each record, so that none told is lost.
	two := "2"
	topic := makeTopic(t, c, map[string]*string{"min.insync.replicas": &two})
	var log, got kept
	r, err := c.ReadLog(t.Context(), topic, log.add)
	if err != nil {
		t.Fatal(err)
	}
	k, err := c.Consume(t.Context(), topic, topic, nil, got.add)
	if err != nil {
		t.Fatal(err)
	}
	produce(t, c, topic, 6, 6000, 100)
	if err := errors.Join(r.CaughtUp(t.Context()), k.CaughtUp(t.Context())); err != nil {
		t.Fatal(err)
	}

	script(t, "down")
	// Whoever asks while it is away waits for it.
	caughtUp := make(chan error, 1)
	go func() { caughtUp <- errors.Join(r.CaughtUp(t.Context()), k.CaughtUp(t.Context())) }()
	script(t, "start")
	if err := <-caughtUp; err != nil {
		t.Fatal(err)
	}

	produceThrough(t, c, topic, 6, 6000)
	if err := errors.Join(r.CaughtUp(t.Context()), k.CaughtUp(t.Context())); err != nil {
		t.Fatal(err)
	}
	ends, err := c.EndOffsets(t.Context(), topic)
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Unread()) != 0 || len(r.Truncated()) != 0 {
		t.Errorf("unread %v, truncated %v, want none", r.Unread(), r.Truncated())
	}
	k.Close()
	for p := range int32(6) {
		if !slices.Equal(log.of(p), upTo(0, ends[p])) {
			t.Errorf("partition %d: read %d records, want the %d of its log once each", p, len(log.of(p)), ends[p])
		}
		consumed := got.of(p)
		slices.Sort(consumed)
		if once := slices.Compact(consumed); !slices.Equal(once, upTo(0, ends[p])) {
			t.Errorf("partition %d: consumed %d of the %d records of its log", p, len(once), ends[p])
		}
	}
}

// produceThrough is produce for a cluster that is just coming back.
func produceThrough(t *testing.T, c *Cluster, topic string, partitions int32, n int) {
	t.Helper()
	p, err := kgo.NewClient(append(c.Opts(), kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.RecordDeliveryTimeout(2*time.Minute))...)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	var failed firstError
	for i := range n {
		p.Produce(t.Context(), &kgo.Record{Topic: topic, Partition: int32(i) % partitions, Value: []byte("x")}, func(_ *kgo.Record, err error) { failed.note(err) })
	}
	if err := p.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := failed.get(); err != nil {
		t.Fatal(err)
	}
}

// A broker that is stopped in its tracks keeps its connections and answers
// nothing; the others take over, and nobody waits for it for ever.
func TestKafkaReaderGoesOnWhenABrokerHangs(t *testing.T) {
	c := realCluster(t)
	topic := makeTopic(t, c, nil)
	var log kept
	r, err := c.ReadLog(t.Context(), topic, log.add)
	if err != nil {
		t.Fatal(err)
	}
	produce(t, c, topic, 6, 600, 100)
	if err := r.CaughtUp(t.Context()); err != nil {
		t.Fatal(err)
	}
	script(t, "pause", "2")
	resumed := false
	t.Cleanup(func() {
		if !resumed {
			script(t, "resume", "2")
		}
	})
	produceThrough(t, c, topic, 6, 600)
	if err := r.CaughtUp(t.Context()); err != nil {
		t.Fatal(err)
	}
	script(t, "resume", "2")
	resumed = true
	for p := range int32(6) {
		if got := log.of(p); !slices.Equal(got, upTo(0, 200)) {
			t.Errorf("partition %d: read %d records, want 200 once each", p, len(got))
		}
	}
}
