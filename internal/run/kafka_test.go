//go:build kafka

package run

import (
	"context"
	"flag"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"kafkasim.example/simd/internal/broker"
	"kafkasim.example/simd/internal/report"
)

// These tests want a real cluster of three brokers. SIMD_TEST_BROKERS holds its
// addresses, and SIMD_TEST_CLUSTER the script (scripts/kafka/cluster, by its
// absolute path) that kills and revives it.

var kafkaSpeed = flag.Float64("fidelity.kafka-speed", 4, "how fast the comparisons on a real cluster are played; the figures in docs/fidelity.md are at 1")

// onKafka opens a registry whose runs play on the real cluster.
func onKafka(t *testing.T, dir string) *Registry {
	t.Helper()
	brokers := addresses(t)
	return embedded(t, dir, func(c *Config) {
		c.ClusterName = strings.Join(brokers, ",")
		c.Cluster = func(ctx context.Context) (*broker.Cluster, error) {
			return broker.Connect(ctx, broker.ConnectConfig{Brokers: brokers})
		}
	})
}

func addresses(t *testing.T) []string {
	t.Helper()
	brokers := os.Getenv("SIMD_TEST_BROKERS")
	if brokers == "" {
		t.Skip("SIMD_TEST_BROKERS names no cluster; make test-kafka starts one")
	}
	return strings.Split(brokers, ",")
}

// admin is a client of the test's own.
func admin(t *testing.T) *kadm.Client {
	t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(addresses(t)...))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return kadm.NewClient(client)
}

// nothingLeft checks that a run has taken away what it made.
func nothingLeft(t *testing.T, r *Run) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	adm := admin(t)
	topics, err := adm.ListTopics(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if topics.Has(r.rec.name()) {
		t.Errorf("the topic %s is still there", r.rec.name())
	}
	groups, err := adm.ListGroups(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := groups[r.rec.name()]; ok {
		t.Errorf("the group %s is still there", r.rec.name())
	}
	quotas, err := adm.DescribeClientQuotas(ctx, false, []kadm.DescribeClientQuotaComponent{{Type: "client-id", MatchType: 2}})
	if err != nil {
		t.Fatal(err)
	}
	for _, q := range quotas {
		if strings.Contains(q.Entity.String(), r.rec.name()) {
			t.Errorf("the quota %v is still there", q)
		}
	}
}

func TestKafkaARunLeavesNothingBehind(t *testing.T) {
	s := preset(t, "hello", "quotas.producer_byte_rate", "1MiB")
	r := start(t, onKafka(t, t.TempDir()), Request{Scenario: s})
	rep := finish(t, r)
	if rep.State != "completed" || rep.Cells.Delivered != rep.Planned || rep.Consumed != rep.Planned {
		t.Errorf("state %s, %d of %d delivered, %d consumed, notes %v", rep.State, rep.Cells.Delivered, rep.Planned, rep.Consumed, rep.Notes)
	}
	nothingLeft(t, r)
}

func TestKafkaWhatAKilledProcessLeftIsTakenAway(t *testing.T) {
	dir := t.TempDir()
	g := onKafka(t, dir)
	r := start(t, g, Request{Scenario: parse(t, overloaded)})
	statuses, cancel := r.Watch()
	defer cancel()
	for s := range statuses {
		if s.State == Running && s.Figures.Written > 0 {
			break
		}
	}
	// The same folder, as another process finds it after this one was killed.
	back, err := onKafka(t, crash(t, dir)).Get(r.ID())
	if err != nil {
		t.Fatal(err)
	}
	if s := back.Status(); s.State != Interrupted || s.Figures.Written == 0 {
		t.Errorf("it is %s with %d written", s.State, s.Figures.Written)
	}
	closeNow(t, g)
	nothingLeft(t, back)
}

// around is the minutes around saturation: case 1 and 2 with 20 messages a
// second, then 36, where the quotas let 30.7 through.
const around = `{first: 5s, bursts: 1s, phases: [{name: under, for: 30s, rate: 20}, {name: over, for: 150s, rate: 36}]}`

var stressAround = stretch{from: 90, loadEnds: 185, to: 190}

// TestKafkaSaturation compares send times and buffer with the Java client's on
// the same sort of cluster.
func TestKafkaSaturation(t *testing.T) {
	g := onKafka(t, t.TempDir())
	for _, name := range []string{"case-1", "case-2"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel() // each has its own client id, and so its own quota
			s := preset(t, name, "load", around, "expect", "{}", "publisher.contention", "0.1")
			r := start(t, g, Request{Scenario: s, Speed: *kafkaSpeed})
			m := measure(t, r, finish(t, r), stressAround)
			note(t, "real Kafka, minutes around saturation", "0.1", m)
			for _, b := range bounds(name, 0.1) {
				switch b.figure {
				case "scheduled", "saturated at", "drained at":
					continue // of the whole case
				}
				if got := b.of(m); got < b.from || got > b.to {
					t.Errorf("%s is %.4g; the Java client's lies within %.4g and %.4g", b.figure, got, b.from, b.to)
				}
			}
			if m.State != "completed" || m.Scheduled != 30*20+150*36 {
				t.Errorf("%s with %d scheduled, notes %v", m.State, m.Scheduled, m.Notes)
			}
		})
	}
}

// TestKafkaIsKilledAndComesBack is case 3's minutes on a cluster that is really
// killed, all brokers at once, and started again.
func TestKafkaIsKilledAndComesBack(t *testing.T) {
	script := os.Getenv("SIMD_TEST_CLUSTER")
	if script == "" {
		t.Skip("SIMD_TEST_CLUSTER names no script to kill the cluster with; make test-kafka does")
	}
	cluster := func(command string) {
		if out, err := exec.Command(script, command).CombinedOutput(); err != nil {
			t.Fatalf("%s %s: %v\n%s", script, command, err, out)
		}
	}
	s := preset(t, "case-2", "load", around, "expect", "{}", "publisher.contention", "0.1")
	r := start(t, onKafka(t, t.TempDir()), Request{Scenario: s, Speed: 4})
	statuses, cancel := r.Watch()
	defer cancel()
	down := false
	for status := range statuses {
		if !down && status.ScenarioSeconds > 80 {
			cluster("down")
			down = true
			cluster("start")
		}
	}
	rep := finish(t, r)
	t.Log(rep.Story, rep.Causes, rep.Matrix)
	if rep.State != "completed" || len(rep.Notes) > 0 {
		t.Fatalf("the run ended %s: %v", rep.State, rep.Notes)
	}
	for what, wrong := range map[string]bool{
		"nothing is lost":             rep.Lost == 0,
		"everything after it is lost": rep.Confirmed < rep.Scheduled/4,
		"a copy too many":             rep.ExtraCopies > 0,
		// With acks=1 a killed leader may have acknowledged what its followers had not
		// fetched yet, and one of them may lead when all are back: some messages of
		// that moment may be gone, no more.
		"told yes and gone, by the hundred":   rep.Cells.Vanished > 100,
		"no buffer was exhausted":             rep.Causes["buffer_exhausted"] == 0,
		"every no and every silence was true": toldOtherwise(rep) == 0,
	} {
		if wrong {
			t.Errorf("%s: %+v", what, rep.Figures)
		}
	}
	nothingLeft(t, r)
}

// toldOtherwise are the messages that lie in the log though the application was
// told no, or nothing.
func toldOtherwise(rep *report.Report) int64 { return rep.Cells.Phantom + rep.Cells.Unconfirmed }
