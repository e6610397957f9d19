package dashboards

import (
	"strings"

	"github.com/grafana/grafana-foundation-sdk/go/common"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
	"github.com/grafana/grafana-foundation-sdk/go/heatmap"
	"github.com/grafana/grafana-foundation-sdk/go/prometheus"
	"github.com/grafana/grafana-foundation-sdk/go/stat"
	"github.com/grafana/grafana-foundation-sdk/go/statetimeline"
	"github.com/grafana/grafana-foundation-sdk/go/table"
	"github.com/grafana/grafana-foundation-sdk/go/timeseries"
)

// The older shape of a dashboard, which every Grafana reads from files.
//
//nolint:staticcheck // The newer one, which the library prefers, cannot be provisioned before Grafana 12.
type (
	grafanaBoard = dashboard.Dashboard
	boardBuilder = dashboard.DashboardBuilder
)

// Colours mean the same on every panel: green is well, red is lost, orange is
// told otherwise than it is, yellow is told nothing, blue is what was planned,
// purple is what the log holds.
const (
	green   = "green"
	red     = "red"
	darkRed = "dark-red"
	orange  = "orange"
	yellow  = "yellow"
	blue    = "blue"
	purple  = "purple"
	grey    = "#8e8e8e"
	neutral = "text"
)

// colours are those of the names that series have.
func colours() map[string]string {
	return map[string]string{
		"scheduled": blue, "confirmed": green, "written": purple, "consumed": "light-purple",
		"failed": red, "unknown": yellow, "dropped": grey,
		"delivered": green, "vanished": darkRed, "duplicated": "super-light-purple", "refused": red,
		"phantom": orange, "lost_in_silence": "dark-orange", "unconfirmed": yellow,
		"available": green, "total": grey, "lag": orange, "queue": blue,
		"mean": blue, "p50": green, "p95": orange, "p99": red, "longest": darkRed,
		"buffer_exhausted": red, "wait_timeout": yellow, "delivery_timeout": orange,
	}
}

// query is one question to Prometheus, and what its answers are called.
type query struct {
	legend, expr string
	instant      bool // only its value at the end of what is shown
	table        bool
	heatmap      bool
}

func (q query) target(ref string) *prometheus.DataqueryBuilder {
	target := prometheus.NewDataqueryBuilder().RefId(ref).Datasource(source()).Expr(q.expr).LegendFormat(q.legend)
	if q.instant {
		target.Instant()
	} else {
		target.Range()
	}
	switch {
	case q.table:
		return target.Format(prometheus.PromQueryFormatTable)
	case q.heatmap:
		return target.Format(prometheus.PromQueryFormatHeatmap)
	default:
		return target.Format(prometheus.PromQueryFormatTimeSeries)
	}
}

// source is the data source that grafana/provisioning sets up.
func source() common.DataSourceRef {
	kind, uid := "prometheus", "prometheus"
	return common.DataSourceRef{Type: &kind, Uid: &uid}
}

func ref(i int) string { return string(rune('A' + i)) }

// about is what a panel is called, what it tells a newcomer, and its unit.
type about struct{ title, description, unit string }

const (
	full = 24 // a dashboard's width
	half = full / 2
)

// graph is a panel of lines over time.
func graph(a about, queries ...query) *timeseries.PanelBuilder {
	p := timeseries.NewPanelBuilder().
		Title(a.title).Description(a.description).Unit(a.unit).Datasource(source()).
		Span(half).Height(8).Min(0).
		LineWidth(2).FillOpacity(8).GradientMode(common.GraphGradientModeOpacity).ShowPoints(common.VisibilityModeNever).
		ColorScheme(dashboard.NewFieldColorBuilder().Mode(dashboard.FieldColorModeIdPaletteClassicByName)).
		Legend(common.NewVizLegendOptionsBuilder().ShowLegend(true).DisplayMode(common.LegendDisplayModeTable).
			Placement(common.LegendPlacementBottom).Calcs([]string{"lastNotNull", "max"})).
		Tooltip(common.NewVizTooltipOptionsBuilder().Mode(common.TooltipDisplayModeMulti).Sort(common.SortOrderDescending))
	for i, q := range queries {
		p.WithTarget(q.target(ref(i)))
		if colour, ok := colours()[q.legend]; ok {
			p.OverrideByName(q.legend, painted(colour))
		}
	}
	return p
}

// named gives the series that a label names their colours.
func named(p *timeseries.PanelBuilder, names ...string) *timeseries.PanelBuilder {
	for _, name := range names {
		p.OverrideByName(name, painted(colours()[name]))
	}
	return p
}

func painted(colour string) []dashboard.DynamicConfigValue {
	return []dashboard.DynamicConfigValue{{Id: "color", Value: map[string]string{"mode": "fixed", "fixedColor": colour}}}
}

// stacked lays the series of a graph on one another: they are parts of a whole.
func stacked(p *timeseries.PanelBuilder) *timeseries.PanelBuilder {
	return p.Stacking(common.NewStackingConfigBuilder().Mode(common.StackingModeNormal)).FillOpacity(45).LineWidth(1)
}

// steps are thresholds: the colour below the first, and from each value on.
func steps(below string, from ...step) *dashboard.ThresholdsConfigBuilder {
	all := []dashboard.Threshold{{Color: below}}
	for _, s := range from {
		all = append(all, dashboard.Threshold{Value: &s.value, Color: s.colour})
	}
	return dashboard.NewThresholdsConfigBuilder().Mode(dashboard.ThresholdsModeAbsolute).Steps(all)
}

type step struct {
	value  float64
	colour string
}

// number is a panel with the last value of a query.
func number(a about, q query) *stat.PanelBuilder {
	return stat.NewPanelBuilder().
		Title(a.title).Description(a.description).Unit(a.unit).Datasource(source()).
		Span(3).Height(4).WithTarget(q.target("A")).
		ColorMode(common.BigValueColorModeValue).GraphMode(common.BigValueGraphModeArea).
		ColorScheme(dashboard.NewFieldColorBuilder().Mode(dashboard.FieldColorModeIdThresholds)).
		Thresholds(steps(neutral)).
		ReduceOptions(common.NewReduceDataOptionsBuilder().Calcs([]string{"lastNotNull"}))
}

// rows is a table of the last values of some queries.
func rows(a about, queries ...query) *table.PanelBuilder {
	p := table.NewPanelBuilder().Footer(common.NewTableFooterOptionsBuilder().Show(false).Reducer([]string{"sum"})).
		Title(a.title).Description(a.description).Unit(a.unit).Datasource(source()).
		Span(half).Height(8)
	for i, q := range queries {
		q.instant, q.table = true, true
		p.WithTarget(q.target(ref(i)))
	}
	return p
}

// bands shows which of some states holds when; the value 1 is painted.
func bands(a about, colour, word string, q query) *statetimeline.PanelBuilder {
	off, on, offWord := grey, colour, " "
	return statetimeline.NewPanelBuilder().
		Title(a.title).Description(a.description).Datasource(source()).
		Span(half).Height(5).WithTarget(q.target("A")).
		Mappings([]dashboard.ValueMapping{{ValueMap: &dashboard.ValueMap{Type: dashboard.MappingTypeValueToText, Options: map[string]dashboard.ValueMappingResult{
			"0": {Text: &offWord, Color: &off}, "1": {Text: &word, Color: &on},
		}}}}).
		ColorScheme(dashboard.NewFieldColorBuilder().Mode(dashboard.FieldColorModeIdThresholds)).
		Thresholds(steps("transparent", step{1, colour})).
		FillOpacity(70).LineWidth(0).
		Legend(common.NewVizLegendOptionsBuilder().ShowLegend(false).DisplayMode(common.LegendDisplayModeList).Placement(common.LegendPlacementBottom))
}

// heat shows a histogram over time.
func heat(a about, q query) *heatmap.PanelBuilder {
	q.heatmap = true
	return heatmap.NewPanelBuilder().
		Title(a.title).Description(a.description).Datasource(source()).
		Span(half).Height(8).WithTarget(q.target("A")).
		Calculate(false).
		YAxis(heatmap.NewYAxisConfigBuilder().Unit(a.unit).AxisPlacement(common.AxisPlacementLeft)).
		Color(heatmap.NewHeatmapColorOptionsBuilder().Mode(heatmap.HeatmapColorModeScheme).Scheme("Turbo").Steps(64).Exponent(0.5).Fill(red))
}

// board begins a dashboard.
func board(uid, title, description string) *boardBuilder {
	b := dashboard.NewDashboardBuilder(title) //nolint:staticcheck // As above.
	return b.Uid(uid).Description(description).
		Tags([]string{"simd"}).Timezone("browser").Time("now-15m", "now").Refresh("5s").
		Tooltip(dashboard.DashboardCursorSyncCrosshair).
		Link(dashboard.NewDashboardLinkBuilder("simd").Type(dashboard.DashboardLinkTypeDashboards).Tags([]string{"simd"}).KeepTime(true))
}

// choice is a variable whose values are those of a label. Ids of runs rise with
// time, so the newest comes first.
func choice(name, label, description, ask string) *dashboard.QueryVariableBuilder {
	return dashboard.NewQueryVariableBuilder(name).Label(label).Description(description).
		Datasource(source()).Query(dashboard.StringOrMap{String: &ask}).Definition(ask).
		Refresh(dashboard.VariableRefreshOnTimeRangeChanged).Sort(dashboard.VariableSortAlphabeticalDesc)
}

// marks shades the time during which a query has a value.
func marks(name, colour, expr, title string) *dashboard.AnnotationQueryBuilder {
	return dashboard.NewAnnotationQueryBuilder().Name(name).Datasource(source()).Enable(true).IconColor(colour).
		Expr(expr).Step("1s").TitleFormat(title).TextFormat("run {{run}}")
}

// pick writes a query down: NAME{which} with which put into the braces that say $.
func pick(which string, expr string) string { return strings.ReplaceAll(expr, "{$}", "{"+which+"}") }
