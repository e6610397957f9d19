package dashboards

import (
	"context"
	"fmt"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/grafana/grafana-foundation-sdk/go/prometheus"

	"kafkasim.example/simd/internal/report"
)

// TestPrometheusAnswersEveryPanel plays two runs, has a real Prometheus scrape
// them, and asks it all that the dashboards ask: as they are checked in, with
// their variables filled in as Grafana does. What it answers must agree with the
// runs' reports.
func TestPrometheusAnswersEveryPanel(t *testing.T) {
	if testing.Short() {
		t.Skip("plays runs for ten seconds")
	}
	for attempt := range 3 {
		missed := ""
		t.Run(fmt.Sprintf("Play%d", attempt+1), func(t *testing.T) { missed = answerEveryPanel(t) })
		if missed == "" {
			return
		}
		t.Log(missed)
	}
	t.Skip("the machine was too busy for a scrape a second, so that rates say little")
}

// answerEveryPanel is one play. When scrapes failed it judges nothing, and says so.
func answerEveryPanel(t *testing.T) (missed string) {
	var classic, native *server
	var from time.Time
	runs := play(t, func(address string) {
		classic = startServer(t, address)
		// It takes native histograms alone: before version 3 both cannot be had.
		native = startServer(t, address, "--enable-feature=native-histograms")
		for _, s := range []*server{classic, native} {
			s.until(t, 1, `up{job="simd"} == 1`)
		}
		from = time.Now()
	}, overload, quiet)
	for _, s := range []*server{classic, native} {
		s.until(t, len(runs), `simd_run_state{state="completed"} == 1`)
		// The rules have been worked out since.
		s.until(t, len(runs), `(simd:messages_told_otherwise:sum == on (run) sum by (run) (simd_messages_by_cell{cell!~"delivered|refused|dropped"})) and on (run) (simd_run_state{state="completed"} == 1)`)
	}
	// Rates over the last seconds see the end only some seconds behind it.
	classic.until(t, len(runs), `rate(kafka_scheduler_event_count_total[4s]) == 0 and on (run) (simd_run_state{state="completed"} == 1)`)
	to := time.Now()
	// Whole seconds, so that the last of them is now.
	asked := times{to.Add(-time.Duration(to.Sub(from).Seconds()+1) * time.Second), to}
	for _, s := range []*server{classic, native} {
		if missed := s.missed(t, asked); missed != "" {
			return missed
		}
	}

	wanted := expected()
	for file, d := range checkedIn(t) {
		names := regexp.MustCompile(`\$run`)
		for _, p := range d.Panels {
			if p.Panel == nil {
				continue
			}
			for i, target := range p.Panel.Targets {
				q := target.(*prometheus.Dataquery)
				title := *p.Panel.Title
				if i >= len(wanted[file][title]) {
					t.Errorf("%s: nobody says what is right for query %d of panel %q", file, i, title)
					continue
				}
				shown := runs
				if file == "run.json" {
					shown = runs[:1]
				}
				expr := filled(q.Expr, names, shown, asked)
				once := q.Instant != nil && *q.Instant
				at := fmt.Sprintf("%s: %s: %s", file, title, *q.RefId)
				check(t, at, classic, expr, once, asked, shown, file == "itself.json" && !strings.Contains(*q.LegendFormat, "{{run}}"), wanted[file][title][i], *q.LegendFormat)
				if strings.Contains(expr, "histogram_quantile") {
					check(t, at+" (native)", native, expr, once, asked, shown, false, wanted[file][title][i], *q.LegendFormat)
				}
			}
			delete(wanted[file], *p.Panel.Title)
		}
		for _, a := range d.Annotations.List {
			title := "annotation " + a.Name
			shown := runs
			if file == "run.json" {
				shown = runs[:1]
			}
			if len(wanted[file][title]) != 1 {
				t.Errorf("%s: nobody says what is right for %s", file, title)
				continue
			}
			check(t, file+": "+title, classic, filled(*a.Expr, names, shown, asked), false, asked, shown, false, wanted[file][title][0], "")
			delete(wanted[file], title)
		}
		for _, v := range d.Templating.List {
			variable(t, file, classic, v.Name, *v.Query.String, runs)
		}
		for title := range wanted[file] {
			t.Errorf("%s has no panel %q", file, title)
		}
	}
	t.Run("Published", func(t *testing.T) { publishedQueries(t, classic, asked, &runs[0]) })
	t.Run("Quantiles", func(t *testing.T) { wholeQuantiles(t, classic, native, asked, runs) })
	return ""
}

// missed says whether scrapes of simd failed, or came late.
func (s *server) missed(t *testing.T, asked times) string {
	t.Helper()
	for expr, least := range map[string]float64{
		`min_over_time(up{job="simd"}[` + asked.span() + `])`:   1,
		`count_over_time(up{job="simd"}[` + asked.span() + `])`: asked.to.Sub(asked.from).Seconds() - 1,
	} {
		got, err := s.at(t.Context(), expr, asked.to)
		if err != nil || len(got) != 1 {
			t.Fatalf("%s: %d answers, %v", expr, len(got), err)
		}
		if got[0].last() < least {
			return fmt.Sprintf("%s is %v, which is less than %v", expr, got[0].last(), least)
		}
	}
	return ""
}

type times struct{ from, to time.Time }

func (a times) span() string { return fmt.Sprintf("%ds", int(a.to.Sub(a.from).Seconds())+1) }

// filled puts values into a query's variables, as Grafana does.
func filled(expr string, run *regexp.Regexp, shown []played, asked times) string {
	ids := make([]string, 0, len(shown))
	for _, p := range shown {
		ids = append(ids, p.id)
	}
	value := ids[0]
	if len(ids) > 1 {
		value = "(" + strings.Join(ids, "|") + ")"
	}
	// Data comes each second, and Grafana's rates look at four times that.
	return run.ReplaceAllString(strings.NewReplacer("$__rate_interval", "4s", "$__range", asked.span(), "$scenario", ".*").Replace(expr), value)
}

// check asks one query and holds each run's part of the answer against its report.
func check(t *testing.T, name string, s *server, expr string, once bool, asked times, runs []played, ofAll bool, right want, legend string) {
	t.Helper()
	ask := s.over
	if once {
		ask = func(ctx context.Context, expr string, _, to time.Time) ([]series, error) { return s.at(ctx, expr, to) }
	}
	got, err := ask(t.Context(), expr, asked.from, asked.to)
	if err != nil {
		t.Errorf("%s: %s: %v", name, expr, err)
		return
	}
	for _, label := range regexp.MustCompile(`\{\{(\w+)\}\}`).FindAllStringSubmatch(legend, -1) {
		for _, one := range got {
			if one.labels[label[1]] == "" {
				t.Errorf("%s: %s: the legend wants a label %s, and there is none in %v", name, expr, label[1], one.labels)
			}
		}
	}
	if ofAll {
		runs = runs[:1]
	}
	for i := range runs {
		part := got
		if !ofAll {
			part = slices.DeleteFunc(slices.Clone(got), func(one series) bool { return one.labels["run"] != "" && one.labels["run"] != runs[i].id })
		}
		if err := right(&runs[i], part); err != nil {
			t.Errorf("%s: run %s:\n%s\n%v", name, runs[i].scenario, expr, err)
		}
	}
}

// variable asks for the values that a variable can have.
func variable(t *testing.T, file string, s *server, name, ask string, runs []played) {
	t.Helper()
	parts := regexp.MustCompile(`^label_values\((.+), (\w+)\)$`).FindStringSubmatch(ask)
	if parts == nil {
		t.Errorf("%s: variable %s asks %q, which is no label_values", file, name, ask)
		return
	}
	selector := strings.ReplaceAll(parts[1], "$scenario", ".*")
	var answer struct{ Data []string }
	if err := s.get(t.Context(), "/api/v1/label/"+parts[2]+"/values?"+url.Values{"match[]": {selector}}.Encode(), &answer); err != nil {
		t.Fatal(err)
	}
	want := map[string]bool{}
	for _, p := range runs {
		want[map[string]string{"run": p.id, "scenario": p.scenario}[name]] = true
	}
	if expected := slices.Sorted(maps.Keys(want)); !slices.Equal(slices.Sorted(slices.Values(answer.Data)), expected) {
		t.Errorf("%s: variable %s has the values %v, want %v", file, name, answer.Data, expected)
	}
}

// publishedQueries are what a dashboard made for the published experiments asks.
func publishedQueries(t *testing.T, s *server, asked times, p *played) {
	for _, q := range []struct {
		expr      string
		want      figure
		tolerance float64
	}{
		{`increase(kafka_scheduler_event_count_total{$}[$__range])`, scheduled, 0.05},
		{`increase(kafka_producer_confirmed_total{$}[$__range])`, confirmed, 0.05},
		{`increase(kafka_producer_unconfirmed_total{$}[$__range])`, func(p *played) float64 { return attempts(p) }, 0.05},
		{`increase(kafka_consumer_count_total{$}[$__range])`, consumed, 0.05},
		{`kafka_scheduler_event_count_total{$}`, scheduled, 0},
		{`kafka_producer_confirmed_total{$}`, confirmed, 0},
		{`kafka_producer_unconfirmed_total{$}`, attempts, 0},
		{`kafka_consumer_count_total{$}`, consumed, 0},
		{`sum(kafka_admin_latest_offset{$})`, inLog, 0},
		{`sum(kafka_admin_latest_offset{$}) - sum(kafka_admin_consumer_group_offset{$})`, func(p *played) float64 { return float64(p.last.Lag) }, 0},
		{`sum(kafka_scheduler_event_count_total{$}) - sum(kafka_admin_latest_offset{$})`, func(p *played) float64 { return scheduled(p) - inLog(p) }, 0},
		{`count(kafka_admin_partition_leader{$} >= 0)`, exactly(3), 0},
		{`sum(kafka_admin_partition_replicas{$})`, exactly(9), 0},
		{`kafka_producer_send_timer_seconds_count{$}`, func(p *played) float64 { return float64(p.report.Latency.Send.Count) }, 0},
		{`kafka_producer_send_timer_seconds_sum{$} / kafka_producer_send_timer_seconds_count{$}`, func(p *played) float64 { return p.report.Latency.Send.Mean }, 1e-4},
		{`max_over_time(kafka_producer_send_timer_seconds_max{$}[$__range])`, longest, 0.01},
		{`kafka_producer_buffer_total_bytes{$}`, buffer, 0},
		{`kafka_producer_buffer_available_bytes{$}`, buffer, 0},
		{`kafka_produce_compressed_bytes_total{$}`, func(p *played) float64 { return float64(p.last.BytesSent) }, 0},
		{`simd_record_retries_total{$}`, func(p *played) float64 { return float64(p.last.RecordRetries) }, 0},
		{`simd_record_errors_total{$}`, func(p *played) float64 { return float64(p.last.RecordErrors) }, 0},
	} {
		expr := strings.ReplaceAll(pick(`run="`+p.id+`"`, q.expr), "$__range", asked.span())
		got, err := s.at(t.Context(), expr, asked.to)
		if err == nil {
			err = single(got, func(one series) error { return near(one.last(), q.want(p), q.tolerance) })
		}
		if err != nil {
			t.Errorf("%s: %v", expr, err)
		}
	}
}

func attempts(p *played) float64 {
	var n int64
	for _, count := range p.report.Attempts {
		n += count
	}
	return float64(n)
}

// wholeQuantiles: a run's quantiles from its histograms at its end are the
// report's. Native buckets are 9 % wide; classic ones only say which of them it
// is. Where times leap, so does a quantile from one message to the next: the
// report's must lie between those of half a percent less and more.
func wholeQuantiles(t *testing.T, classic, native *server, asked times, runs []played) {
	for i := range runs {
		l := &runs[i].report.Latency
		for name, q := range map[string]*report.Quantiles{
			"simd_schedule_lag_seconds": &l.ScheduleLag, "simd_queue_wait_seconds": &l.Queue, "simd_blocked_seconds": &l.Blocked,
			"simd_acknowledgement_seconds": &l.Acknowledgement, "simd_send_seconds": &l.Send, "simd_due_to_told_seconds": &l.DueToConfirmed,
		} {
			for quantile, want := range map[float64]float64{0.5: q.P50, 0.95: q.P95, 0.99: q.P99} {
				if want < 1e-5 {
					continue // the report's own resolution is a microsecond
				}
				at := func(s *server, q float64, histogram string) float64 {
					expr := fmt.Sprintf(`histogram_quantile(%g, %s{run="%s"})`, q, histogram, runs[i].id)
					got, err := s.at(t.Context(), expr, asked.to)
					if err != nil || len(got) != 1 {
						t.Fatalf("%s: %d answers, %v", expr, len(got), err)
					}
					return got[0].last()
				}
				if err := between(want, at(native, quantile-0.005, name)*0.91, at(native, quantile+0.005, name)*1.1); err != nil {
					t.Errorf("%s: quantile %v of %s by the native histogram: the report's %v", runs[i].scenario, quantile, name, err)
				}
				name := name + "_bucket"
				if err := between(want, bucketBelow(at(classic, quantile-0.005, name)), bucketAbove(at(classic, quantile+0.005, name))); err != nil {
					t.Errorf("%s: quantile %v of %s by the classic histogram: the report's %v", runs[i].scenario, quantile, name, err)
				}
			}
		}
	}
}

func bucketBelow(seconds float64) float64 {
	below := 0.0
	for _, bound := range report.ClassicBounds() {
		if bound < seconds {
			below = bound
		}
	}
	return below
}
