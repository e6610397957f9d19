package dashboards

import (
	"github.com/grafana/grafana-foundation-sdk/go/common"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
)

// itself is the dashboard of simd's own health.
func itself() *boardBuilder {
	d := board("simd-itself", "simd itself", "Whether simd is well: a wind tunnel that is short of breath measures itself.")
	d.WithPanel(number(about{"Scraped", "Whether Prometheus reaches simd.", "none"}, query{legend: "up", expr: `up{job="simd"}`}).
		GraphMode(common.BigValueGraphModeNone).Thresholds(steps(red, step{1, green})).Span(4))
	d.WithPanel(number(about{"Runs under way", "Runs that have not ended.", "none"},
		query{legend: "runs", expr: `sum(simd_run_state{state=~"pending|running|draining|reconciling"})`}).Thresholds(steps(blue)).Span(5))
	d.WithPanel(number(about{"Memory", "What the operating system gives simd. The embedded cluster keeps its log in here too.", "bytes"},
		query{legend: "resident", expr: `process_resident_memory_bytes{job="simd"}`}).Thresholds(steps(green, step{2 << 30, orange}, step{4 << 30, red})).Span(5))
	d.WithPanel(number(about{"Processor", "Cores that simd keeps busy.", "suffix: cores"},
		query{legend: "cores", expr: `rate(process_cpu_seconds_total{job="simd"}[$__rate_interval])`}).Decimals(2).Thresholds(steps(green)).Span(5))
	d.WithPanel(number(about{"Facts not on disk", "Facts that are recorded and wait for the disk, over all runs. What waits is lost if simd is killed now.", "short"},
		query{legend: "pending", expr: "sum(simd_ledger_pending_facts)"}).Thresholds(steps(green, step{10_000, orange}, step{100_000, red})).Span(5))

	d.WithRow(dashboard.NewRowBuilder("Does it keep up?"))
	d.WithPanel(graph(about{"Schedule lag, p99", "How much later than planned messages were offered, in scenario time. When it grows, play at a lower speed.", "s"},
		picked("", []query{{legend: "{{scenario}} {{run}}", expr: quantile("0.99", "simd_schedule_lag_seconds")}})...))
	d.WithPanel(graph(about{"Facts not on disk, by run", "Facts that are recorded and wait for the disk.", "short"},
		query{legend: "{{scenario}} {{run}}", expr: "simd_ledger_pending_facts"}))
	d.WithPanel(graph(about{"Facts written", "How fast the files of facts grow.", "Bps"},
		query{legend: "{{scenario}} {{run}}", expr: "clamp_min(deriv(simd_ledger_file_bytes[$__rate_interval]), 0)"}))
	d.WithPanel(stacked(graph(about{"Runs by state", "Ended runs are shown for ten minutes more.", "none"},
		query{legend: "{{state}}", expr: "sum by (state) (" + seen("simd_run_state", "run, state") + ")"})).Decimals(0))

	d.WithRow(dashboard.NewRowBuilder("The process"))
	d.WithPanel(graph(about{"Memory in use", "Resident: what the operating system gives. Heap: what the Go program uses of it.", "bytes"},
		query{legend: "resident", expr: `process_resident_memory_bytes{job="simd"}`},
		query{legend: "heap", expr: `go_memstats_heap_alloc_bytes{job="simd"}`}))
	d.WithPanel(graph(about{"Cores", "Processor time in each second.", "suffix: cores"},
		query{legend: "cores", expr: `rate(process_cpu_seconds_total{job="simd"}[$__rate_interval])`}))
	d.WithPanel(graph(about{"Goroutines", "They go back to where they were when a run ends; if not, something leaks.", "short"},
		query{legend: "goroutines", expr: `go_goroutines{job="simd"}`}))
	d.WithPanel(graph(about{"Open files and connections", "With a real cluster, each run has connections of its own.", "short"},
		query{legend: "open", expr: `process_open_fds{job="simd"}`}))

	d.WithRow(dashboard.NewRowBuilder("The scrape"))
	d.WithPanel(graph(about{"How long a scrape takes", "It is to stay far below the second that lies between two.", "s"},
		query{legend: "scrape", expr: `scrape_duration_seconds{job="simd"}`}))
	d.WithPanel(graph(about{"Series", "What one scrape reads. It follows the number of runs shown, and nothing else.", "short"},
		query{legend: "series", expr: `scrape_samples_scraped{job="simd"}`}))
	return d
}
