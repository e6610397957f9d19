package metrics

import (
	"maps"
	"math"

	"kafkasim.example/simd/internal/ledger"
	"kafkasim.example/simd/internal/report"
)

// experiments are the names of the published experiments, so that dashboards
// made for those find their data.
func experiments() []metric {
	return []metric{
		counter("kafka_scheduler_event_count_total", "Messages scheduled: what the application thinks it has published.",
			func(l *report.Live) float64 { return float64(l.Scheduled) }),
		{
			name: "kafka_producer_send_timer_seconds", kind: isSummary,
			help: "Time inside the application's send, its waits and retries included, in scenario time. Quantiles are of the last ten scenario seconds.",
			show: func(s *sight, p page) {
				quantiles := map[float64]float64{0.5: math.NaN(), 0.95: math.NaN()} // as of a summary that saw nothing lately
				if recent := s.live.Recent.Send; recent.Max > 0 {
					quantiles[0.5], quantiles[0.95] = recent.P50, recent.P95
				}
				p.summary(s.live.SendCount, s.live.SendSum, quantiles)
			},
		},
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

// client are the producer's own figures. Unlike kprom's they are sums over all
// brokers, for a run has one topic and one producer.
func client() []metric {
	return []metric{
		gauge("kafka_buffered_produce_bytes", "Buffer memory that is taken by records on their way, those under way to a broker included.",
			func(l *report.Live) float64 { return float64(l.BufferTotal - l.BufferAvailable) }),
		counter("kafka_produce_compressed_bytes_total", "Bytes of the batches that the producer sent, each try by itself.",
			func(l *report.Live) float64 { return float64(l.BytesSent) }),
		ofProducer("kafka_produce_batches_total", "Batches that the producer sent, each try by itself.", isCounter,
			func(p *Producer) float64 { return float64(p.Batches) }),
		ofProducer("kafka_produce_records_total", "Records that the producer sent, each try by itself.", isCounter,
			func(p *Producer) float64 { return float64(p.Records) }),
		{
			name: "kafka_request_duration_e2e_seconds", kind: isSummary,
			help: "Time from a produce request to its answer, in scenario time.",
			show: func(s *sight, p page) {
				if s.producer != nil {
					p.summary(s.producer.Requests, s.producer.RequestTime.Seconds()*s.run.Speed, nil)
				}
			},
		},
	}
}

// states are those of a run, in their order.
var states = [...]string{"pending", "running", "draining", "reconciling", "completed", "stopped", "failed", "interrupted"}

func runs() []metric {
	return []metric{
		{
			name: "simd_run_state", help: "1 for the state that the run is in, 0 for the others.",
			kind: isGauge, labels: []string{"state"},
			show: func(s *sight, p page) {
				for _, state := range states {
					p.value(isGauge, oneIf(s.live.State == state), state)
				}
			},
		},
		{
			name: "simd_run_speed_ratio", help: "Scenario seconds that pass in a second.", kind: isGauge,
			show: func(s *sight, p page) { p.value(isGauge, s.run.Speed) },
		},
		gauge("simd_run_progress_ratio", "Part of the planned messages that has had its last word.",
			func(l *report.Live) float64 { return l.Progress }),
		gauge("simd_run_elapsed_seconds", "Scenario time that has passed.",
			func(l *report.Live) float64 { return l.Seconds }),
		{
			name: "simd_fault_active", help: "1 while the scenario's fault is active.",
			kind: isGauge, labels: []string{"fault"},
			show: func(s *sight, p page) {
				for _, f := range s.live.Faults {
					p.value(isGauge, oneIf(f.Active), f.Name)
				}
			},
		},
	}
}

// endings are the causes without a broker's error behind them that an attempt can end with.
var endings = [...]ledger.Cause{
	ledger.BufferExhausted, ledger.WaitTimeout, ledger.DeliveryTimeout, ledger.RequestTimeout, ledger.Connection,
	ledger.MetadataTimeout, ledger.RecordTooLarge, ledger.Closed, ledger.ApplicationKilled, ledger.NotAwaited, ledger.Other,
}

func messages() []metric {
	return []metric{
		gauge("simd_messages_planned", "Messages in the whole plan.",
			func(l *report.Live) float64 { return float64(l.Planned) }),
		by("outcome", "simd_messages_total", "Messages by what the application was told: yes, no or nothing; or dropped before the producer had them.", isCounter,
			func(l *report.Live) map[string]int64 {
				return map[string]int64{"confirmed": l.Confirmed, "failed": l.Failed, "unknown": l.Unknown, "dropped": l.Dropped}
			}),
		gauge("simd_messages_in_flight", "Messages scheduled that have not had their last word.",
			func(l *report.Live) float64 { return float64(l.InFlight) }),
		gauge("simd_messages_unverified", "Messages told yes of which the log reader, a moment behind, has not read a copy yet.",
			func(l *report.Live) float64 { return float64(l.Unverified) }),
		by("cell", "simd_messages_by_cell", "Messages by what was told and what the log holds, as far as it has been read.", isGauge,
			func(l *report.Live) map[string]int64 { return l.Cells.ByName() }),
		{
			name: "simd_messages_by_outcome_and_copies", help: "The matrix behind the cells: messages by what was told (confirmed, failed, unknown) and by copies in the log (0, 1, 2+).",
			kind: isGauge, labels: []string{"outcome", "copies"},
			show: func(s *sight, p page) {
				m := s.live.Matrix
				m.Confirmed.None -= s.live.Unverified
				for _, row := range []struct {
					outcome string
					report.Copies
				}{{"confirmed", m.Confirmed}, {"failed", m.Failed}, {"unknown", m.Unknown}} {
					p.value(isGauge, float64(row.None), row.outcome, "0")
					p.value(isGauge, float64(row.One), row.outcome, "1")
					p.value(isGauge, float64(row.More), row.outcome, "2+")
				}
			},
		},
		gauge("simd_messages_lost", "Messages that have had their last word and of which the log, as far as it has been read, holds no copy.",
			func(l *report.Live) float64 { return float64(l.Lost) }),
		by("cause", "simd_messages_lost_by_cause", "The lost messages by why they are lost.", isGauge,
			func(l *report.Live) map[string]int64 { return l.Causes }),
		by("cause", "simd_send_errors_total", "Attempts of the application that did not end in a yes, by what it saw.", isCounter,
			func(l *report.Live) map[string]int64 {
				// A counter that appears with its first event has no rate for it.
				all := map[string]int64{}
				for _, cause := range endings {
					all[cause.String()] = 0
				}
				maps.Copy(all, l.Attempts)
				return all
			}),
		counter("simd_copies_written_total", "Copies of messages that were found in the log.",
			func(l *report.Live) float64 { return float64(l.Written) }),
		gauge("simd_extra_copies", "Copies in the log beyond the first of each message.",
			func(l *report.Live) float64 { return float64(l.ExtraCopies) }),
		by("maker", "simd_extra_copies_by_maker", "The extra copies by who made them.", isGauge,
			func(l *report.Live) map[string]int64 { return l.CopiesBy }),
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
		counter("simd_application_retries_total", "Attempts that the application made once more.",
			func(l *report.Live) float64 { return float64(l.Retries) }),
		gauge("simd_buffer_waiters", "Sends that wait for buffer memory.",
			func(l *report.Live) float64 { return float64(l.BufferWaiters) }),
		counter("simd_throttle_seconds_total", "How long brokers told the producer to hold back, in scenario time. Brokers count side by side: three that throttle make three seconds a second.",
			func(l *report.Live) float64 { return l.Throttle }),
		counter("simd_record_retries_total", "Records that the producer sent again.",
			func(l *report.Live) float64 { return float64(l.RecordRetries) }),
		counter("simd_record_errors_total", "Records that the producer gave up.",
			func(l *report.Live) float64 { return float64(l.RecordErrors) }),
		ofProducer("simd_requests_in_flight", "Produce requests that wait for their answer.", isGauge,
			func(p *Producer) float64 { return float64(p.InFlight) }),
	}
}

// clocks are native and classic histograms at once.
func clocks() []metric {
	return []metric{
		clock("simd_schedule_lag_seconds", "From when a message was due to when it was offered: what simd itself was late, in scenario time.",
			func(c *report.Clocks) *report.Histogram { return &c.ScheduleLag }),
		clock("simd_queue_wait_seconds", "From when a message was offered to when one of the application's workers had it, in scenario time.",
			func(c *report.Clocks) *report.Histogram { return &c.Queue }),
		clock("simd_blocked_seconds", "How long the producer's send blocked, for want of buffer memory or metadata, in scenario time.",
			func(c *report.Clocks) *report.Histogram { return &c.Blocked }),
		clock("simd_acknowledgement_seconds", "From when the producer accepted a record to its answer, in scenario time.",
			func(c *report.Clocks) *report.Histogram { return &c.Acknowledgement }),
		clock("simd_send_seconds", "Time inside the application's send, its waits and retries included, in scenario time.",
			func(c *report.Clocks) *report.Histogram { return &c.Send }),
		clock("simd_due_to_told_seconds", "From when a message was due to the application's last word on it, failures included, in scenario time.",
			func(c *report.Clocks) *report.Histogram { return &c.DueToTold }),
	}
}

func health() []metric {
	return []metric{
		ofLedger("simd_ledger_pending_facts", "Facts recorded that are not in the run's file yet.",
			func(l *Ledger) float64 { return float64(l.Pending) }),
		ofLedger("simd_ledger_file_bytes", "Size of the run's file of facts.",
			func(l *Ledger) float64 { return float64(l.Bytes) }),
	}
}
