package metrics

import (
	"maps"
	"slices"
	"strconv"

	"github.com/prometheus/client_golang/prometheus"

	"kafkasim.example/simd/internal/report"
)

// sight is all that can be seen of a run at one scrape.
type sight struct {
	run        *Run
	live       *report.Live
	partitions []Partition
}

// metric is one name on the page, and how its values are read. The labels run
// and scenario go before its own.
type metric struct {
	name, help string
	kind       prometheus.ValueType
	labels     []string
	show       func(s *sight, emit func(value float64, labels ...string))
}

func counter(name, help string, value func(*report.Live) float64) metric {
	return metric{name: name, help: help, kind: prometheus.CounterValue, show: one(value)}
}

func gauge(name, help string, value func(*report.Live) float64) metric {
	return metric{name: name, help: help, kind: prometheus.GaugeValue, show: one(value)}
}

// one is the reading of a metric that has a single value.
func one(value func(*report.Live) float64) func(*sight, func(float64, ...string)) {
	return func(s *sight, emit func(float64, ...string)) { emit(value(s.live)) }
}

// by is the reading of a metric that has a value for each of some names. They
// come from the project's own lists and Kafka's error names, so they are few.
func by(counts func(*report.Live) map[string]int64) func(*sight, func(float64, ...string)) {
	return func(s *sight, emit func(float64, ...string)) {
		all := counts(s.live)
		for _, name := range slices.Sorted(maps.Keys(all)) {
			emit(float64(all[name]), name)
		}
	}
}

// byPartition is the reading of a gauge of the topic.
func byPartition(name, help string, value func(Partition) float64) metric {
	return metric{
		name: name, help: help, kind: prometheus.GaugeValue, labels: []string{"partition"},
		show: func(s *sight, emit func(float64, ...string)) {
			for _, p := range s.partitions {
				emit(value(p), strconv.Itoa(int(p.ID)))
			}
		},
	}
}

// table lists every metric but the send timer, which has quantiles.
func table() []metric {
	return slices.Concat(experiments(), runs(), messages(), gauges())
}

// experiments are the names of the published experiments, so that dashboards
// made for those find their data.
func experiments() []metric {
	return []metric{
		counter("kafka_scheduler_event_count_total", "Messages scheduled: what the application thinks it has published.",
			func(l *report.Live) float64 { return float64(l.Scheduled) }),
		gauge("kafka_producer_send_timer_seconds_max", "Longest send that ended in the last two minutes, both in scenario time.",
			func(l *report.Live) float64 { return l.SendMax }),
		counter("kafka_producer_confirmed_total", "Sends that got an answer in time: yes.",
			func(l *report.Live) float64 { return float64(l.Confirmed) }),
		counter("kafka_producer_unconfirmed_total", "Sends that ended in a time-out or an error, each of the application's own attempts by itself.",
			func(l *report.Live) float64 { return float64(sum(l.Attempts)) }),
		counter("kafka_consumer_count_total", "Messages that the application's consumer group has read back.",
			func(l *report.Live) float64 { return float64(l.Consumed) }),
		byPartition("kafka_admin_latest_offset", "End offset of a partition. Their sum is what has really been written.",
			func(p Partition) float64 { return float64(p.EndOffset) }),
		byPartition("kafka_admin_consumer_group_offset", "Offset that the application's consumer group has committed.",
			func(p Partition) float64 { return float64(p.Committed) }),
		byPartition("kafka_admin_partition_leader", "Id of the broker that leads a partition, -1 for none.",
			func(p Partition) float64 { return float64(p.Leader) }),
		byPartition("kafka_admin_partition_replicas", "Replicas of a partition.",
			func(p Partition) float64 { return float64(p.Replicas) }),
		gauge("kafka_producer_buffer_total_bytes", "The producer's buffer.memory.",
			func(l *report.Live) float64 { return float64(l.BufferTotal) }),
		gauge("kafka_producer_buffer_available_bytes", "Part of the producer's buffer memory that is free.",
			func(l *report.Live) float64 { return float64(l.BufferAvailable) }),
	}
}

// states are those of a run, in their order.
var states = [...]string{"pending", "running", "draining", "reconciling", "completed", "stopped", "failed", "interrupted"}

func runs() []metric {
	return []metric{
		{
			name: "simd_run_state", help: "1 for the state that the run is in, 0 for the others.",
			kind: prometheus.GaugeValue, labels: []string{"state"},
			show: func(s *sight, emit func(float64, ...string)) {
				for _, state := range states {
					emit(flag(s.live.State == state), state)
				}
			},
		},
		{
			name: "simd_run_speed_ratio", help: "Scenario seconds that pass in a second.", kind: prometheus.GaugeValue,
			show: func(s *sight, emit func(float64, ...string)) { emit(s.run.Speed) },
		},
		gauge("simd_run_progress_ratio", "Part of the planned messages that has had its last word.",
			func(l *report.Live) float64 { return l.Progress }),
		gauge("simd_run_elapsed_seconds", "Scenario time that has passed.",
			func(l *report.Live) float64 { return l.Seconds }),
		{
			name: "simd_fault_active", help: "1 while the scenario's fault is active.",
			kind: prometheus.GaugeValue, labels: []string{"fault"},
			show: func(s *sight, emit func(float64, ...string)) {
				for _, f := range s.live.Faults {
					emit(flag(f.Active), f.Name)
				}
			},
		},
	}
}

func messages() []metric {
	return []metric{
		gauge("simd_messages_planned", "Messages in the whole plan.",
			func(l *report.Live) float64 { return float64(l.Planned) }),
		{
			name: "simd_messages_total", help: "Messages by what the application was told: yes, no or nothing; or dropped before the producer had them.",
			kind: prometheus.CounterValue, labels: []string{"outcome"},
			show: by(func(l *report.Live) map[string]int64 {
				return map[string]int64{"confirmed": l.Confirmed, "failed": l.Failed, "unknown": l.Unknown, "dropped": l.Dropped}
			}),
		},
		gauge("simd_messages_in_flight", "Messages scheduled that have not had their last word.",
			func(l *report.Live) float64 { return float64(l.InFlight) }),
		gauge("simd_messages_unverified", "Messages told yes of which the log reader, a moment behind, has not read a copy yet.",
			func(l *report.Live) float64 { return float64(l.Unverified) }),
		{
			name: "simd_messages_by_cell", help: "Messages by what was told and what the log holds, as far as it has been read.",
			kind: prometheus.GaugeValue, labels: []string{"cell"},
			show: by(func(l *report.Live) map[string]int64 { return l.Cells.ByName() }),
		},
		gauge("simd_messages_lost", "Messages that have had their last word and of which the log, as far as it has been read, holds no copy.",
			func(l *report.Live) float64 { return float64(l.Lost) }),
		{
			name: "simd_messages_lost_by_cause", help: "The lost messages by why they are lost.",
			kind: prometheus.GaugeValue, labels: []string{"cause"},
			show: by(func(l *report.Live) map[string]int64 { return l.Causes }),
		},
		{
			name: "simd_send_errors_total", help: "Attempts of the application that did not end in a yes, by what it saw.",
			kind: prometheus.CounterValue, labels: []string{"cause"},
			show: by(func(l *report.Live) map[string]int64 { return l.Attempts }),
		},
		counter("simd_copies_written_total", "Copies of messages that were found in the log.",
			func(l *report.Live) float64 { return float64(l.Written) }),
		gauge("simd_extra_copies", "Copies in the log beyond the first of each message.",
			func(l *report.Live) float64 { return float64(l.ExtraCopies) }),
		{
			name: "simd_extra_copies_by_maker", help: "The extra copies by who made them.",
			kind: prometheus.GaugeValue, labels: []string{"maker"},
			show: by(func(l *report.Live) map[string]int64 { return l.CopiesBy }),
		},
		counter("simd_offsets_unread_total", "Offsets that retention deleted before the log reader came.",
			func(l *report.Live) float64 { return float64(l.Unread) }),
	}
}

func gauges() []metric {
	return []metric{
		gauge("simd_consumer_lag", "Copies in the log that the consumer group has not committed yet.",
			func(l *report.Live) float64 { return float64(l.Lag) }),
		gauge("simd_queue_messages", "Messages that wait for one of the application's workers.",
			func(l *report.Live) float64 { return float64(l.Queued) }),
		gauge("simd_workers_busy", "Messages that a worker has in hand.",
			func(l *report.Live) float64 { return float64(l.Busy) }),
		gauge("simd_buffer_waiters", "Sends that wait for buffer memory.",
			func(l *report.Live) float64 { return float64(l.BufferWaiters) }),
		counter("simd_throttle_seconds_total", "How long brokers told the producer to hold back, in scenario time.",
			func(l *report.Live) float64 { return l.Throttle }),
		counter("simd_record_retries_total", "Records that the producer sent again.",
			func(l *report.Live) float64 { return float64(l.RecordRetries) }),
		counter("simd_record_errors_total", "Records that the producer gave up.",
			func(l *report.Live) float64 { return float64(l.RecordErrors) }),
		counter("simd_sent_bytes_total", "Bytes that the producer sent.",
			func(l *report.Live) float64 { return float64(l.BytesSent) }),
	}
}

func sum(counts map[string]int64) int64 {
	var n int64
	for _, v := range counts {
		n += v
	}
	return n
}

func flag(on bool) float64 {
	if on {
		return 1
	}
	return 0
}
