package metrics

import (
	"bytes"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	"github.com/prometheus/common/expfmt"

	"kafkasim.example/simd/internal/ledger"
	"kafkasim.example/simd/internal/report"
	"kafkasim.example/simd/internal/scenario"
)

const plan = `
name: ten
load: {phases: [{for: 10s, rate: 1}]}
faults: [{kind: outage, at: 5s, for: 1s}, {kind: slow, at: 9s, for: 1s, latency: 1s}]
`

// known are the figures of ten planned messages, nine of which were scheduled:
// 0 to 3 are delivered, 3 twice; 4 is acknowledged and gone; 5 found no buffer
// memory; 6 was given up and is in the log; 7 was dropped; 8 is in flight.
func known(t *testing.T) *report.Builder {
	t.Helper()
	s, err := scenario.Parse([]byte(plan))
	if err != nil {
		t.Fatal(err)
	}
	b := report.NewBuilder(report.Meta{ID: "r1", Speed: 2, Scenario: s})
	// The run's own time: half the scenario's.
	at := func(seq int64) time.Duration { return time.Duration(seq) * time.Second / 2 }
	add := func(f ledger.Fact) { b.Add(&f) }
	add(ledger.Fact{Kind: ledger.StateChanged, Note: "running"})
	add(ledger.Fact{Kind: ledger.FaultBegan, Seq: 0, At: at(5)})
	for seq := range int64(9) {
		add(ledger.Fact{Kind: ledger.Offered, Seq: seq, At: at(seq), Lag: time.Millisecond})
	}
	add(ledger.Fact{Kind: ledger.Accepted, Seq: 0, At: at(0), Attempt: 1, Queue: 2 * time.Second, Blocked: 3 * time.Second})
	add(ledger.Fact{Kind: ledger.Answered, Seq: 0, At: at(0), Attempt: 1, Outcome: ledger.Confirmed, Ack: 4 * time.Second})
	told := func(seq int64, outcome ledger.Outcome, cause ledger.Cause, send time.Duration) {
		add(ledger.Fact{Kind: ledger.Told, Seq: seq, At: at(seq), Attempt: 1, Outcome: outcome, Cause: cause, Send: send / 2, Total: send / 2})
	}
	for seq := range int64(5) {
		told(seq, ledger.Confirmed, ledger.NoCause, 100*time.Millisecond)
	}
	add(ledger.Fact{Kind: ledger.Retried, Seq: 5, At: at(5), Attempt: 1, Outcome: ledger.Failed, Cause: ledger.BufferExhausted})
	add(ledger.Fact{Kind: ledger.Told, Seq: 5, At: at(5), Attempt: 2, Outcome: ledger.Failed, Cause: ledger.BufferExhausted, Send: 4 * time.Second})
	told(6, ledger.Unknown, ledger.WaitTimeout, 2*time.Second)
	add(ledger.Fact{Kind: ledger.Dropped, Seq: 7, At: at(7), Cause: ledger.QueueFull})
	for _, seq := range []int64{0, 1, 2, 3, 3, 6} {
		add(ledger.Fact{Kind: ledger.Written, Seq: seq, At: at(7), Attempt: 1})
	}
	for _, seq := range []int64{0, 1, 2, 3} {
		add(ledger.Fact{Kind: ledger.Consumed, Seq: seq, At: at(7), Attempt: 1})
	}
	add(ledger.Fact{Kind: ledger.Unread, At: at(8), Offset: 7, Until: 10})
	add(ledger.Fact{Kind: ledger.Sampled, At: at(8), Sample: &ledger.Sample{
		BufferTotal: 1000, BufferAvailable: 400, BufferWaiters: 2, Queued: 3, InFlight: 4, ThrottleTime: 5 * time.Second,
		EndOffsets: 6, Committed: 2, RecordRetries: 11, RecordErrors: 12, BytesSent: 13,
	}})
	return b
}

// shown is a registry that shows the known figures.
func shown(t *testing.T) (*prometheus.Registry, func()) {
	t.Helper()
	reg := prometheus.NewRegistry()
	set := New(reg)
	b := known(t)
	detach := set.Attach(Run{
		ID: "r1", Scenario: "ten", Speed: 2, Live: b.Live,
		Producer: func() *Producer {
			return &Producer{Batches: 14, Records: 28, Requests: 7, RequestTime: 3 * time.Second, InFlight: 5}
		},
		Ledger: func() *Ledger { return &Ledger{Pending: 15, Bytes: 16} },
		Partitions: func() []Partition {
			return []Partition{{ID: 0, EndOffset: 4, Committed: 2, Leader: 1, Replicas: 3}, {ID: 1, EndOffset: 2, Leader: -1, Replicas: 3}}
		},
	}, time.Minute)
	return reg, detach
}

// TestEveryValue: the whole page after known facts, each value on it. Quantiles
// are within 1 % of the truth.
func TestEveryValue(t *testing.T) {
	reg, _ := shown(t)
	want := `
kafka_admin_consumer_group_offset{partition="0"} 2
kafka_admin_consumer_group_offset{partition="1"} 0
kafka_admin_latest_offset{partition="0"} 4
kafka_admin_latest_offset{partition="1"} 2
kafka_admin_partition_leader{partition="0"} 1
kafka_admin_partition_leader{partition="1"} -1
kafka_admin_partition_replicas{partition="0"} 3
kafka_admin_partition_replicas{partition="1"} 3
kafka_buffered_produce_bytes 600
kafka_consumer_count_total 4
kafka_produce_batches_total 14
kafka_produce_compressed_bytes_total 13
kafka_produce_records_total 28
kafka_producer_buffer_available_bytes 400
kafka_producer_buffer_total_bytes 1000
kafka_producer_confirmed_total 5
kafka_producer_send_timer_seconds{quantile="0.5"} 0.100351
kafka_producer_send_timer_seconds{quantile="0.95"} 8
kafka_producer_send_timer_seconds_sum 10.5
kafka_producer_send_timer_seconds_count 7
kafka_producer_send_timer_seconds_max 8
kafka_producer_unconfirmed_total 3
kafka_request_duration_e2e_seconds_sum 6
kafka_request_duration_e2e_seconds_count 7
kafka_scheduler_event_count_total 9
simd_acknowledgement_seconds_sum 8
simd_acknowledgement_seconds_count 1
simd_application_retries_total 1
simd_blocked_seconds_sum 6
simd_blocked_seconds_count 1
simd_buffer_waiters 2
simd_consumer_lag 4
simd_copies_written_total 6
simd_due_to_told_seconds_sum 2.5
simd_due_to_told_seconds_count 7
simd_extra_copies 1
simd_extra_copies_by_maker{maker="client_retry"} 1
simd_fault_active{fault="outage"} 1
simd_fault_active{fault="slow"} 0
simd_ledger_file_bytes 16
simd_ledger_pending_facts 15
simd_messages_by_cell{cell="delivered"} 3
simd_messages_by_cell{cell="dropped"} 1
simd_messages_by_cell{cell="duplicated"} 1
simd_messages_by_cell{cell="lost_in_silence"} 0
simd_messages_by_cell{cell="phantom"} 0
simd_messages_by_cell{cell="refused"} 1
simd_messages_by_cell{cell="unconfirmed"} 1
simd_messages_by_cell{cell="vanished"} 0
simd_messages_by_outcome_and_copies{copies="0",outcome="confirmed"} 0
simd_messages_by_outcome_and_copies{copies="0",outcome="failed"} 1
simd_messages_by_outcome_and_copies{copies="0",outcome="unknown"} 0
simd_messages_by_outcome_and_copies{copies="1",outcome="confirmed"} 3
simd_messages_by_outcome_and_copies{copies="1",outcome="failed"} 0
simd_messages_by_outcome_and_copies{copies="1",outcome="unknown"} 1
simd_messages_by_outcome_and_copies{copies="2+",outcome="confirmed"} 1
simd_messages_by_outcome_and_copies{copies="2+",outcome="failed"} 0
simd_messages_by_outcome_and_copies{copies="2+",outcome="unknown"} 0
simd_messages_in_flight 1
simd_messages_lost 2
simd_messages_lost_by_cause{cause="buffer_exhausted"} 1
simd_messages_lost_by_cause{cause="queue_full"} 1
simd_messages_planned 10
simd_messages_total{outcome="confirmed"} 5
simd_messages_total{outcome="dropped"} 1
simd_messages_total{outcome="failed"} 1
simd_messages_total{outcome="unknown"} 1
simd_messages_unverified 1
simd_offsets_unread_total 3
simd_queue_messages 3
simd_queue_wait_seconds_sum 4
simd_queue_wait_seconds_count 1
simd_record_errors_total 12
simd_record_retries_total 11
simd_requests_in_flight 5
simd_run_elapsed_seconds 8
simd_run_progress_ratio 0.8
simd_run_speed_ratio 2
simd_run_state{state="completed"} 0
simd_run_state{state="draining"} 0
simd_run_state{state="failed"} 0
simd_run_state{state="interrupted"} 0
simd_run_state{state="pending"} 0
simd_run_state{state="reconciling"} 0
simd_run_state{state="running"} 1
simd_run_state{state="stopped"} 0
simd_schedule_lag_seconds_sum 0.018
simd_schedule_lag_seconds_count 9
simd_send_errors_total{cause="application_killed"} 0
simd_send_errors_total{cause="buffer_exhausted"} 2
simd_send_errors_total{cause="closed"} 0
simd_send_errors_total{cause="connection"} 0
simd_send_errors_total{cause="delivery_timeout"} 0
simd_send_errors_total{cause="metadata_timeout"} 0
simd_send_errors_total{cause="not_awaited"} 0
simd_send_errors_total{cause="other"} 0
simd_send_errors_total{cause="record_too_large"} 0
simd_send_errors_total{cause="request_timeout"} 0
simd_send_errors_total{cause="wait_timeout"} 1
simd_send_seconds_sum 10.5
simd_send_seconds_count 7
simd_throttle_seconds_total 10
simd_workers_busy 4
`
	// The buckets have a test of their own.
	buckets := regexp.MustCompile(`(?m)^\w+_bucket\{.*\n`)
	got := strings.NewReplacer(`,run="r1",scenario="ten"`, "", `{run="r1",scenario="ten",`, "{", `{run="r1",scenario="ten"}`, "", `,run="r1",scenario="ten",`, ",").
		Replace(buckets.ReplaceAllString(scraped(t, reg), ""))
	if got != strings.TrimPrefix(want, "\n") {
		t.Errorf("the page is\n%s", got)
	}
}

// scraped is what a scrape reads, without the comments.
func scraped(t *testing.T, reg *prometheus.Registry) string {
	t.Helper()
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	for _, family := range families {
		if _, err := expfmt.MetricFamilyToText(&b, family); err != nil {
			t.Fatal(err)
		}
	}
	var lines []string
	for line := range strings.Lines(b.String()) {
		if !strings.HasPrefix(line, "#") {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines, "")
}

// TestNamesAreAsPrometheusWantsThem: what promtool check metrics would say.
func TestNamesAreAsPrometheusWantsThem(t *testing.T) {
	reg, _ := shown(t)
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	problems, err := promlint.NewWithMetricFamilies(families).Lint()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
}

// TestARunLeavesThePage some time after it has ended, and is frozen until then.
func TestARunLeavesThePage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		reg := prometheus.NewRegistry()
		set := New(reg)
		live := report.Live{State: "running", Scheduled: 5}
		asked := 0
		detach := set.Attach(Run{ID: "a", Scenario: "x", Live: func() report.Live { asked++; return live }}, time.Minute)
		other := set.Attach(Run{ID: "b", Scenario: "x", Live: func() report.Live { return report.Live{} }}, 0)
		onPage := func() int { return strings.Count(scraped(t, reg), "kafka_scheduler_event_count_total") }
		if n := onPage(); n != 2 {
			t.Fatalf("%d runs on the page, want 2", n)
		}
		other()
		if n := onPage(); n != 1 {
			t.Fatalf("%d runs on the page, one of which is to leave at once", n)
		}
		live.Scheduled = 7
		detach()
		detach()
		live.Scheduled, asked = 9, 0
		time.Sleep(time.Minute - 1)
		if got := scraped(t, reg); !strings.Contains(got, "kafka_scheduler_event_count_total{run=\"a\",scenario=\"x\"} 7\n") || asked != 0 {
			t.Errorf("asked %d times after its end; the page is\n%s", asked, got)
		}
		time.Sleep(2 * time.Nanosecond)
		synctest.Wait()
		if got := scraped(t, reg); got != "" {
			t.Errorf("still there:\n%s", got)
		}
	})
}

// TestASummaryThatSawNothing has no quantiles to show, but counts.
func TestASummaryThatSawNothing(t *testing.T) {
	reg := prometheus.NewRegistry()
	New(reg).Attach(Run{ID: "a", Scenario: "x", Live: func() report.Live { return report.Live{} }}, 0)
	got := scraped(t, reg)
	for _, line := range []string{
		`kafka_producer_send_timer_seconds{run="a",scenario="x",quantile="0.5"} NaN`,
		`kafka_producer_send_timer_seconds_count{run="a",scenario="x"} 0`,
	} {
		if !strings.Contains(got, line+"\n") {
			t.Errorf("the page lacks %s", line)
		}
	}
}
