package report

import (
	"slices"
	"strings"
	"testing"
	"time"
)

// TestEverySettingIsExplained: whatever is changed in a scenario shows in the
// list, and as something that somebody chose.
func TestEverySettingIsExplained(t *testing.T) {
	for _, c := range []struct{ path, value, name, shows string }{
		{"message.bytes", "1MiB", "message.bytes", "1 MiB"},
		{"message.key", "none", "message.key", "none"},
		{"load.first", "15s", "load.first", "15 s"},
		{"load.bursts", "1s", "load.bursts", "1 s"},
		{"load.phases[0].rate", "7", "load.phases.phase-1", "7 a second, 60 s"},
		{"publisher.send", "callback", "publisher.send", "callback"},
		{"publisher.workers", "8", "publisher.workers", "8"},
		{"publisher.wait", "1s", "publisher.wait", "1 s"},
		{"publisher.contention", "1", "publisher.contention", "1"},
		{"publisher.queue", "100", "publisher.queue", "100"},
		{"publisher.retry", "{attempts: 5, backoff: 1s, factor: 2, on: [timeout]}", "publisher.retry", "5 attempts, 1 s apart, 2 times longer each time, on timeout"},
		{"producer.acks", "1", "producer.acks", "1"},
		{"producer.buffer.memory", "2MiB", "producer.buffer.memory", "2 MiB"},
		{"producer.max.block.ms", "5000", "producer.max.block.ms", "5 s"},
		{"producer.delivery.timeout.ms", "300000", "producer.delivery.timeout.ms", "5 min"},
		{"producer.request.timeout.ms", "8000", "producer.request.timeout.ms", "8 s"},
		{"producer.linger.ms", "0", "producer.linger.ms", "0"},
		{"producer.batch.size", "1MiB", "producer.batch.size", "1 MiB"},
		{"producer.max.request.size", "2MiB", "producer.max.request.size", "2 MiB"},
		{"producer.max.in.flight.requests.per.connection", "1", "producer.max.in.flight.requests.per.connection", "1"},
		{"producer.retries", "0", "producer.retries", "0"},
		{"producer.retry.backoff.ms", "200", "producer.retry.backoff.ms", "200 ms"},
		{"producer.retry.backoff.max.ms", "2000", "producer.retry.backoff.max.ms", "2 s"},
		{"producer.reconnect.backoff.ms", "100", "producer.reconnect.backoff.ms", "100 ms"},
		{"producer.reconnect.backoff.max.ms", "2000", "producer.reconnect.backoff.max.ms", "2 s"},
		{"producer.metadata.max.age.ms", "60000", "producer.metadata.max.age.ms", "60 s"},
		{"producer.enable.idempotence", "false", "producer.enable.idempotence", "false"},
		{"producer.compression.type", "zstd", "producer.compression.type", "zstd"},
		{"topic.partitions", "3", "topic.partitions", "3"},
		{"topic.replication", "2", "topic.replication", "2"},
		{"topic.retention", "1h", "topic.retention", "1 h"},
		{"topic.max.message.bytes", "2MiB", "topic.max.message.bytes", "2 MiB"},
		{"topic.min.insync.replicas", "2", "topic.min.insync.replicas", "2"},
		{"quotas.producer_byte_rate", "1MiB", "quotas.producer_byte_rate", "1 MiB a second"},
		{"quotas.quota.window.size.seconds", "2", "quotas.quota.window.size.seconds", "2 s"},
		{"quotas.quota.window.num", "3", "quotas.quota.window.num", "3"},
		{"faults", "[{kind: slow, at: 5s, for: 10s, latency: 50ms, brokers: [1]}]", "faults[0]: slow", "at t = 5 s, for 10 s, brokers [1], 50 ms more each way"},
	} {
		list := calm(t, c.path, c.value).explained()
		i := slices.IndexFunc(list, func(s Setting) bool { return s.Name == c.name })
		if i < 0 {
			t.Errorf("%s is not in the list", c.name)
			continue
		}
		if s := list[i]; s.Value != c.shows || s.Usual {
			t.Errorf("%s = %s shows as %q, usual: %v; want %q", c.path, c.value, s.Value, s.Usual, c.shows)
		}
	}
}

// TestSettingsMeanSomethingInThisRun: with the run's own figures.
func TestSettingsMeanSomethingInThisRun(t *testing.T) {
	r := calm(t, "producer.buffer.memory", "2MiB", "quotas.producer_byte_rate", "1MiB", "publisher.wait", "1s", "producer.retries", "0")
	r.Brokers = 3
	r.Attempts["buffer_exhausted"] = 55
	all := r.explained()
	for name, want := range map[string]string{
		"producer.buffer.memory":      "room for about 20 messages of this size, where 50 workers send",
		"producer.batch.size":         "less than one message of this size: each is a batch of its own",
		"producer.max.block.ms":       "a send waits so long for buffer memory, then the message is refused: 55 times in this run",
		"producer.retries":            "one failed attempt, and the message is given up",
		"producer.acks":               "a yes means that every replica in sync has it, at least 1 broker",
		"producer.enable.idempotence": "a retry of the producer may make a copy, or change the order",
		"publisher.wait":              "shorter than delivery.timeout.ms (2 min): the application gives up while the producer still tries",
		"quotas.producer_byte_rate":   "on each broker about 10.2 messages of this size a second, on 3 brokers about 30.7; in the best minute of this run 5 a second went through",
	} {
		i := slices.IndexFunc(all, func(s Setting) bool { return s.Name == name })
		if i < 0 || all[i].Meaning != want {
			t.Errorf("%s means %q, want %q", name, all[i].Meaning, want)
		}
	}
	small := calm(t, "message.bytes", "100")
	all = small.explained()
	i := slices.IndexFunc(all, func(s Setting) bool { return s.Name == "producer.buffer.memory" })
	if want := "room for 2,048 batches of 16,384 bytes, about"; !strings.HasPrefix(all[i].Meaning, want) {
		t.Errorf("buffer.memory means %q", all[i].Meaning)
	}
}

func TestWhatWasPlayed(t *testing.T) {
	for _, c := range []struct {
		set  []string
		want string
	}{
		{nil, "300 messages of 100 KiB, 5 a second over 60 s, published by an application with 50 workers, each of which waits up to 15 s for its answer."},
		{
			[]string{"load.phases", "[{for: 60s, ramp: {from: 1, to: 9}}]", "publisher.send", "callback", "publisher.workers", "1"},
			"300 messages of 100 KiB, from 1 up to 9 a second over 60 s, published by an application with 1 worker that is told of each answer when it comes.",
		},
		{
			[]string{"quotas.producer_byte_rate", "1MiB", "faults", "[{kind: outage, at: 5s, for: 10s, leaders: first_back}, {kind: stop, at: 50s}]", "publisher.retry", "{attempts: 3}"},
			"300 messages of 100 KiB, 5 a second over 60 s, published by an application with 50 workers, each of which waits up to 15 s for its answer and tries up to 3 times. " +
				"Each broker lets 1 MiB a second through, about 10.2 messages. On the way: at t = 5 s an outage of 10 s, after which one broker leads all partitions for 5 min; at t = 50 s the application's stop.",
		},
	} {
		if got := calm(t, c.set...).lead(); got != c.want {
			t.Errorf("%q, want %q", got, c.want)
		}
	}
}

func TestSpan(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "0", 5 * time.Millisecond: "5 ms", 90 * time.Second: "90 s", 2 * time.Minute: "2 min", time.Hour: "1 h",
		165 * time.Second: "2 min 45 s", 3725 * time.Second: "1 h 2 min 5 s",
	} {
		if got := span(d); got != want {
			t.Errorf("%v is %q, want %q", d, got, want)
		}
	}
}
