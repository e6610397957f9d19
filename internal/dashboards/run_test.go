package dashboards

import (
	"github.com/grafana/grafana-foundation-sdk/go/common"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
	"github.com/grafana/grafana-foundation-sdk/go/timeseries"
)

const (
	messages  = "suffix: msg"
	perSecond = "suffix: msg/s"
)

// Queries say {$} where the runs to be shown are named.

// rate is how much a counter grows in a second of the scenario's time, whatever
// the run's speed.
func rate(counter string) string {
	return "rate(" + counter + "[$__rate_interval]) / on (run, scenario) group_left () simd_run_speed_ratio"
}

// quantile is a histogram's. Where Prometheus keeps native histograms they
// answer; where it does not, or did not then, the coarser classic ones do.
func quantile(q, histogram string) string {
	return "histogram_quantile(" + q + ", sum by (run, scenario) (rate(" + histogram + "{$}[$__rate_interval])))" +
		" or histogram_quantile(" + q + ", sum by (run, scenario, le) (rate(" + histogram + "_bucket{$}[$__rate_interval])))"
}

// mean is how long something took on average.
func mean(of string) string {
	return "rate(" + of + "_sum{$}[$__rate_interval]) / (rate(" + of + "_count{$}[$__rate_interval]) > 0)"
}

// last is a metric's last value in the time that is shown: a run that has left
// the page is still there.
func last(metric string) string { return "last_over_time(" + metric + "[$__range])" }

// seen leaves out what has been 0 all the time, by the labels that tell apart.
func seen(metric, labels string) string {
	return metric + " and on (" + labels + ") max_over_time(" + metric + "[$__range]) > 0"
}

// ofRun puts the run that is looked at into queries.
func ofRun(queries ...query) []query { return picked(`run="$run"`, queries) }

func picked(which string, queries []query) []query {
	for i := range queries {
		queries[i].expr = pick(which, queries[i].expr)
	}
	return queries
}

// aRun is the dashboard of one run.
func aRun() *boardBuilder {
	d := board("simd-run", "A run", "What an application believes it has published to Kafka, and what is really there: one run of simd, as it happens.").
		WithVariable(choice("scenario", "Scenario", "The scenarios that were played.", "label_values(simd_run_state, scenario)").
			IncludeAll(true).AllValue(".*").Multi(false)).
		WithVariable(choice("run", "Run", "The run to look at; the newest comes first.", `label_values(simd_run_state{scenario=~"$scenario"}, run)`)).
		Annotation(marks("Faults", red, `simd_fault_active{run="$run"} == 1`, "{{fault}}")).
		Annotation(marks("Draining and reconciling", blue, `simd_run_state{run="$run", state=~"draining|reconciling"} == 1`, "{{state}}"))
	verdict(d)
	published(d)
	truth(d)
	whereTimeGoes(d)
	theClient(d)
	theCluster(d)
	return d
}

// verdict is the first screen's head: how it stands.
func verdict(d *boardBuilder) {
	one := func(legend, expr string) query { return ofRun(query{legend: legend, expr: expr})[0] }
	// Over time each state that ever held would be there; at the end it is one.
	state := one("{{state}}", last("simd_run_state{$}")+" == 1")
	state.instant = true
	d.WithPanel(number(about{"State", "pending, running, draining (what is on its way is waited for), reconciling (the log is read to its end), and then how it ended.", "none"}, state).
		TextMode(common.BigValueTextModeName).GraphMode(common.BigValueGraphModeNone).Thresholds(steps(blue)))
	d.WithPanel(number(about{"Progress", "The part of the planned messages on which the application has had its last word.", "percentunit"},
		one("progress", "simd_run_progress_ratio{$}")).Max(1).Thresholds(steps(blue)))
	d.WithPanel(number(about{"Scheduled", "Messages the application was asked to publish. It thinks it has.", messages},
		one("scheduled", "kafka_scheduler_event_count_total{$}")).Thresholds(steps(blue)))
	d.WithPanel(number(about{"Confirmed", "Messages of which the application was told: yes, written.", messages},
		one("confirmed", "kafka_producer_confirmed_total{$}")).Thresholds(steps(green)))
	d.WithPanel(number(about{"Written", "Copies that were found in the log, by a reader that misses nothing.", messages},
		one("written", "simd_copies_written_total{$}")).Thresholds(steps(purple)))
	d.WithPanel(number(about{"Lost", "Messages that nobody will send again and of which the log holds no copy.", messages},
		one("lost", "simd_messages_lost{$}")).Thresholds(steps(green, step{1, red})))
	d.WithPanel(number(about{"Extra copies", "Copies beyond the first of each message: what a consumer will see twice.", messages},
		one("extra copies", "simd_extra_copies{$}")).Thresholds(steps(green, step{1, orange})))
	d.WithPanel(number(about{"Told otherwise", "Messages whose fate in the log is not what the application was told: vanished, phantom, lost in silence, unconfirmed or duplicated.", messages},
		one("told otherwise", "simd:messages_told_otherwise:sum{$}")).Thresholds(steps(green, step{1, orange})))
	d.WithPanel(bands(about{"Faults", "When each of the scenario's faults was active. The same times are shaded on the graphs below.", "none"}, red, "active",
		one("{{fault}}", "simd_fault_active{$}")).NoValue("This scenario has no faults."))
	d.WithPanel(bands(about{"Alerts", "The alerts of prometheus/rules that fired for this run: what an engineer on call would have been told, and when.", "none"}, orange, "firing",
		one("{{alertname}}", `max by (alertname) (ALERTS{alertstate="firing", run="$run"})`)).NoValue("No alert fired."))
}

// published are the graphs of the published experiments.
func published(d *boardBuilder) {
	d.WithRow(dashboard.NewRowBuilder("What the application believes, and what is there"))
	d.WithPanel(graph(about{"Scheduled, confirmed, written", "Messages in each second of the scenario's time. Confirmed falls behind scheduled when the brokers, or the producer's buffer, take no more.", perSecond}, ofRun(
		query{legend: "scheduled", expr: rate("kafka_scheduler_event_count_total{$}")},
		query{legend: "confirmed", expr: rate("kafka_producer_confirmed_total{$}")},
		query{legend: "written", expr: rate("simd_copies_written_total{$}")})...))
	d.WithPanel(graph(about{"Send time", "How long the application's send took, its waits and retries included. In an overload it jumps to what the buffer's queue makes of it, and ends at a time-out.", "s"}, ofRun(
		query{legend: "mean", expr: mean("kafka_producer_send_timer_seconds")},
		query{legend: "p50", expr: quantile("0.5", "simd_send_seconds")},
		query{legend: "p95", expr: quantile("0.95", "simd_send_seconds")},
		query{legend: "p99", expr: quantile("0.99", "simd_send_seconds")},
		query{legend: "longest", expr: "kafka_producer_send_timer_seconds_max{$}"})...))
	d.WithPanel(graph(about{"Free buffer", "The part of the producer's buffer.memory that is free. At 0 every send waits, and fails after max.block.ms.", "bytes"}, ofRun(
		query{legend: "available", expr: "kafka_producer_buffer_available_bytes{$}"},
		query{legend: "total", expr: "kafka_producer_buffer_total_bytes{$}"})...).
		OverrideByName("total", append(painted(grey), dashed())))
	d.WithPanel(graph(about{"Thought published, and written", "Since the run's start. Scheduled is what the application thinks it has published; the partitions' end offsets are what is written. Below: lost. Above: duplicates.", messages}, ofRun(
		query{legend: "scheduled", expr: "kafka_scheduler_event_count_total{$}"},
		query{legend: "written", expr: "sum by (run, scenario) (kafka_admin_latest_offset{$})"},
		query{legend: "confirmed", expr: "kafka_producer_confirmed_total{$}"},
		query{legend: "consumed", expr: "kafka_consumer_count_total{$}"})...).FillOpacity(0))
	d.WithPanel(graph(about{"Lag", "How many messages the consumer group is behind: end offsets less committed offsets. A lag older than the topic's retention is loss.", messages}, ofRun(
		query{legend: "lag", expr: "sum by (run, scenario) (kafka_admin_latest_offset{$}) - sum by (run, scenario) (kafka_admin_consumer_group_offset{$})"})...))
	d.WithPanel(graph(about{"Where messages wait", "In the application's queue for a worker; with a worker, inside send; of those, blocked for want of buffer memory.", messages}, ofRun(
		query{legend: "queue", expr: "simd_queue_messages{$}"},
		query{legend: "workers busy", expr: "simd_workers_busy{$}"},
		query{legend: "waiting for buffer", expr: "simd_buffer_waiters{$}"},
		query{legend: "in flight", expr: "simd_messages_in_flight{$}"})...))
}

func dashed() dashboard.DynamicConfigValue {
	return dashboard.DynamicConfigValue{Id: "custom.lineStyle", Value: map[string]any{"fill": "dash", "dash": []int{6, 6}}}
}

// truth is every message, by what was told and what the log holds.
func truth(d *boardBuilder) {
	d.WithRow(dashboard.NewRowBuilder("Every message: what was told, and what the log holds"))
	d.WithPanel(rows(about{"The matrix", "Rows: what the application was told (yes, no, nothing). Columns: copies in the log. Only told yes with one copy is as it should be; told yes with none is the worst.", "none"}, ofRun(
		query{legend: "{{outcome}}", expr: last("simd_messages_by_outcome_and_copies{$}")})...).
		WithTransformation(dashboard.DataTransformerConfig{Id: "groupingToMatrix", Options: map[string]string{
			"rowField": "outcome", "columnField": "copies", "valueField": "Value",
		}}).
		WithTransformation(dashboard.DataTransformerConfig{Id: "organize", Options: map[string]any{"renameByName": map[string]string{
			`outcome\copies`: "told", "0": "no copy", "1": "one copy", "2+": "two or more",
		}}}).
		OverrideByName("told", []dashboard.DynamicConfigValue{{Id: "mappings", Value: []any{map[string]any{"type": "value", "options": map[string]any{
			"confirmed": map[string]string{"text": "yes", "color": green},
			"failed":    map[string]string{"text": "no", "color": red},
			"unknown":   map[string]string{"text": "nothing", "color": yellow},
		}}}}}))
	cells := stacked(graph(about{"Messages by cell", "The matrix over time, each cell under its name. Anything but delivered and refused is told otherwise than it is.", messages}, ofRun(
		query{legend: "{{cell}}", expr: seen("simd_messages_by_cell{$}", "run, cell")})...))
	d.WithPanel(named(cells, "delivered", "vanished", "duplicated", "refused", "phantom", "lost_in_silence", "unconfirmed", "dropped"))
	outcomes := stacked(graph(about{"Outcomes", "What the application was told in each second of the scenario's time: yes (confirmed), no (failed), nothing (unknown); dropped never reached the producer.", perSecond}, ofRun(
		query{legend: "{{outcome}}", expr: rate("simd_messages_total{$}")})...))
	d.WithPanel(named(outcomes, "confirmed", "failed", "unknown", "dropped"))
	d.WithPanel(named(stacked(graph(about{"Lost, by cause", "Why the lost messages are lost. buffer_exhausted: no memory within max.block.ms. wait_timeout: the application stopped waiting. delivery_timeout: the producer gave up.", messages}, ofRun(
		query{legend: "{{cause}}", expr: "simd_messages_lost_by_cause{$}"})...)), "buffer_exhausted", "wait_timeout", "delivery_timeout").NoValue("Nothing is lost."))
	d.WithPanel(named(graph(about{"Errors that the application saw", "Attempts in each second of the scenario's time that did not end in a yes. One message may have several, and may be written all the same.", perSecond}, ofRun(
		query{legend: "{{cause}}", expr: rate("simd_send_errors_total{$}") + " and on (run, cause) simd_send_errors_total > 0"})...), "buffer_exhausted", "wait_timeout", "delivery_timeout").NoValue("No attempt failed."))
	d.WithPanel(stacked(graph(about{"Extra copies, by who made them", "application_retry: the application sent a message again that was written already. client_retry: the producer did.", messages}, ofRun(
		query{legend: "{{maker}}", expr: "simd_extra_copies_by_maker{$}"})...)).NoValue("No message is there twice."))
}

// whereTimeGoes are the four clocks.
func whereTimeGoes(d *boardBuilder) {
	d.WithRow(dashboard.NewRowBuilder("Where the time goes"))
	d.WithPanel(stacked(graph(about{"The four clocks", "The mean of each part of a message's way: late to be offered (simd's own fault), waiting for a worker, blocked inside send, waiting for the broker's answer.", "s"}, ofRun(
		query{legend: "schedule lag", expr: mean("simd_schedule_lag_seconds")},
		query{legend: "queue", expr: mean("simd_queue_wait_seconds")},
		query{legend: "blocked", expr: mean("simd_blocked_seconds")},
		query{legend: "acknowledgement", expr: mean("simd_acknowledgement_seconds")})...)))
	d.WithPanel(heat(about{"Send times", "How many sends took how long. A second band, far from the first, is a time-out at work.", "s"}, ofRun(
		query{legend: "{{le}}", expr: "sum by (le) (increase(simd_send_seconds_bucket{$}[$__rate_interval]))"})[0]))
	d.WithPanel(graph(about{"From due to told", "The whole way, from when a message was due to the application's last word on it, failures included. A load that does not wait for the broker shows here what its users wait.", "s"}, ofRun(
		query{legend: "p50", expr: quantile("0.5", "simd_due_to_told_seconds")},
		query{legend: "p95", expr: quantile("0.95", "simd_due_to_told_seconds")},
		query{legend: "p99", expr: quantile("0.99", "simd_due_to_told_seconds")})...))
	d.WithPanel(graph(about{"Is simd itself late?", "How much later than planned messages were offered. When this is not small beside the send time, the machine is too slow for the speed, and the graphs above say less.", "s"}, ofRun(
		query{legend: "p50", expr: quantile("0.5", "simd_schedule_lag_seconds")},
		query{legend: "p99", expr: quantile("0.99", "simd_schedule_lag_seconds")})...))
}

// theClient is the producer's own view.
func theClient(d *boardBuilder) {
	d.WithRow(dashboard.NewRowBuilder("The producer"))
	d.WithPanel(graph(about{"Throttled", "Seconds that brokers told the producer to hold back, in each second of the scenario's time. Brokers count side by side: three that throttle all the time make 3.", "s"}, ofRun(
		query{legend: "throttled", expr: rate("simd_throttle_seconds_total{$}")})...))
	d.WithPanel(graph(about{"Bytes sent", "Batches, as they go over the wire, in each second of the scenario's time. A quota shows as a ceiling.", "Bps"}, ofRun(
		query{legend: "sent", expr: rate("kafka_produce_compressed_bytes_total{$}")})...))
	d.WithPanel(graph(about{"Records in a batch", "Few records in a batch cost the brokers much for little; linger.ms and batch.size make more of them.", "short"}, ofRun(
		query{legend: "records", expr: "rate(kafka_produce_records_total{$}[$__rate_interval]) / (rate(kafka_produce_batches_total{$}[$__rate_interval]) > 0)"})...))
	d.WithPanel(graph(about{"Request latency", "From a produce request to its answer, on average. The time in the buffer before it is not in here.", "s"}, ofRun(
		query{legend: "mean", expr: mean("kafka_request_duration_e2e_seconds")})...))
	d.WithPanel(graph(about{"Retries and errors", "Retries of the application and of the producer, and records that the producer gave up or refused, in each second of the scenario's time.", perSecond}, ofRun(
		query{legend: "application retries", expr: rate("simd_application_retries_total{$}")},
		query{legend: "producer retries", expr: rate("simd_record_retries_total{$}")},
		query{legend: "record errors", expr: rate("simd_record_errors_total{$}")})...))
	d.WithPanel(graph(about{"Requests in flight", "Produce requests that wait for their answer; at most max.in.flight.requests.per.connection for each broker.", "short"}, ofRun(
		query{legend: "requests", expr: "simd_requests_in_flight{$}"})...))
}

func theCluster(d *boardBuilder) {
	d.WithRow(dashboard.NewRowBuilder("The cluster"))
	d.WithPanel(graph(about{"Written, by partition", "Each partition's end offset. One that stays behind has no leader, or no keys.", messages}, ofRun(
		query{legend: "{{partition}}", expr: "kafka_admin_latest_offset{$}"})...).FillOpacity(0))
	d.WithPanel(steady(graph(about{"Leaders", "The broker that leads each partition; -1 for none. It moves when a broker goes away.", "none"}, ofRun(
		query{legend: "{{partition}}", expr: "kafka_admin_partition_leader{$}"})...)))
}

// steady draws values that hold until they change.
func steady(p *timeseries.PanelBuilder) *timeseries.PanelBuilder {
	return p.LineInterpolation(common.LineInterpolationStepAfter).FillOpacity(0).Decimals(0)
}
