package dashboards

import (
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
	"github.com/grafana/grafana-foundation-sdk/go/table"
	"github.com/grafana/grafana-foundation-sdk/go/timeseries"
)

// compare is the dashboard of two runs or more: their figures in a table, then
// each graph once a run, side by side, and all in one where they overlap.
func compare() *boardBuilder {
	d := board("simd-compare", "Compare runs", "Two runs of simd or more, side by side.").Time("now-1h", "now").
		WithVariable(choice("scenario", "Scenario", "The scenarios that were played.", "label_values(simd_run_state, scenario)").
			IncludeAll(true).AllValue(".*").Multi(true)).
		WithVariable(choice("run", "Runs", "The runs to compare.", `label_values(simd_run_state{scenario=~"$scenario"}, run)`).
			Multi(true).IncludeAll(true)).
		Annotation(marks("Faults", red, `simd_fault_active{run=~"$run"} == 1`, "{{scenario}}: {{fault}}"))
	d.WithPanel(figures())
	d.WithRow(dashboard.NewRowBuilder("Side by side"))
	for _, p := range []*timeseries.PanelBuilder{
		graph(about{"Scheduled, confirmed, written: $run", "Messages in each second of the scenario's time.", perSecond}, ofRuns(
			query{legend: "scheduled", expr: rate("kafka_scheduler_event_count_total{$}")},
			query{legend: "confirmed", expr: rate("kafka_producer_confirmed_total{$}")},
			query{legend: "written", expr: rate("simd_copies_written_total{$}")})...),
		graph(about{"Send time: $run", "How long the application's send took, its waits and retries included.", "s"}, ofRuns(
			query{legend: "p50", expr: quantile("0.5", "simd_send_seconds")},
			query{legend: "p95", expr: quantile("0.95", "simd_send_seconds")},
			query{legend: "longest", expr: "kafka_producer_send_timer_seconds_max{$}"})...),
		graph(about{"Free buffer: $run", "The part of the producer's buffer.memory that is free.", "bytes"}, ofRuns(
			query{legend: "available", expr: "kafka_producer_buffer_available_bytes{$}"},
			query{legend: "total", expr: "kafka_producer_buffer_total_bytes{$}"})...).
			OverrideByName("total", append(painted(grey), dashed())),
		named(stacked(graph(about{"Messages by cell: $run", "What was told and what the log holds, each cell under its name.", messages}, ofRuns(
			query{legend: "{{cell}}", expr: seen("simd_messages_by_cell{$}", "run, cell")})...)),
			"delivered", "vanished", "duplicated", "refused", "phantom", "lost_in_silence", "unconfirmed", "dropped"),
	} {
		d.WithPanel(p.Span(full).Repeat("run").RepeatDirection(dashboard.PanelRepeatDirectionH).MaxPerRow(4))
	}
	d.WithRow(dashboard.NewRowBuilder("All in one"))
	overlay := func(a about, expr string) *timeseries.PanelBuilder {
		return graph(a, picked(`run=~"$run"`, []query{{legend: "{{scenario}} {{run}}", expr: expr}})...)
	}
	d.WithPanel(overlay(about{"Confirmed", "Messages of which the application was told yes, in each second of the scenario's time.", perSecond}, rate("kafka_producer_confirmed_total{$}")))
	d.WithPanel(overlay(about{"Send time, p95", "All but the slowest twentieth of the sends took at most that.", "s"}, quantile("0.95", "simd_send_seconds")))
	d.WithPanel(overlay(about{"Lost", "Messages that nobody will send again and of which the log holds no copy.", messages}, "simd_messages_lost{$}"))
	d.WithPanel(overlay(about{"Lag", "How many messages the consumer group is behind.", messages}, "simd_consumer_lag{$}"))
	return d
}

// ofRuns puts the runs that are compared into queries.
func ofRuns(queries ...query) []query { return picked(`run=~"$run"`, queries) }

// figures is the table with a row for each run.
func figures() *table.PanelBuilder {
	columns := []struct{ name, metric string }{
		{"scheduled", "kafka_scheduler_event_count_total"},
		{"confirmed", "kafka_producer_confirmed_total"},
		{"written", "simd_copies_written_total"},
		{"consumed", "kafka_consumer_count_total"},
		{"lost", "simd_messages_lost"},
		{"extra copies", "simd_extra_copies"},
		{"told otherwise", "simd:messages_told_otherwise:sum"},
		{"speed", "simd_run_speed_ratio"},
	}
	var queries []query
	rename := map[string]string{}
	hide := map[string]bool{"Time": true}
	for i, c := range columns {
		queries = append(queries, query{legend: c.name, expr: "sum by (run, scenario) (" + last(c.metric+"{$}") + ")"})
		rename["Value #"+ref(i)] = c.name
	}
	p := rows(about{"The figures", "The last of each run in the time that is shown.", "none"}, ofRuns(queries...)...).Span(full).Height(7).
		WithTransformation(dashboard.DataTransformerConfig{Id: "merge", Options: map[string]any{}}).
		WithTransformation(dashboard.DataTransformerConfig{Id: "organize", Options: map[string]any{"renameByName": rename, "excludeByName": hide}})
	worse := 1.0
	for _, column := range []struct{ name, colour string }{{"lost", red}, {"extra copies", orange}, {"told otherwise", orange}} {
		p.OverrideByName(column.name, []dashboard.DynamicConfigValue{
			{Id: "custom.cellOptions", Value: map[string]string{"type": "color-text"}},
			{Id: "thresholds", Value: map[string]any{"mode": "absolute", "steps": []dashboard.Threshold{{Color: green}, {Value: &worse, Color: column.colour}}}},
		})
	}
	return p
}
