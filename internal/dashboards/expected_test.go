package dashboards

import (
	"errors"
	"fmt"
	"strconv"

	"kafkasim.example/simd/internal/report"
)

// The figures that more than one query is to agree with.
var (
	scheduled = of(func(r *report.Report) int64 { return r.Scheduled })
	confirmed = of(func(r *report.Report) int64 { return r.Confirmed })
	inLog     = of(func(r *report.Report) int64 { return r.Written })
	consumed  = of(func(r *report.Report) int64 { return r.Consumed })
	lost      = of(func(r *report.Report) int64 { return r.Lost })
	extra     = of(func(r *report.Report) int64 { return r.ExtraCopies })
	otherwise = of(func(r *report.Report) int64 {
		c := r.Cells
		return c.Vanished + c.Phantom + c.LostInSilence + c.Unconfirmed + c.Duplicated
	})
	buffer  = of(func(r *report.Report) int64 { return r.Buffer.Total })
	longest = figure(func(p *played) float64 { return p.report.Latency.Send.Max })
	zero    = exactly(0)
)

func send(l *report.Latency) *report.Quantiles    { return &l.Send }
func overall(l *report.Latency) *report.Quantiles { return &l.DueToConfirmed }
func late(l *report.Latency) *report.Quantiles    { return &l.ScheduleLag }

func p50(q *report.Quantiles) float64 { return q.P50 }
func p95(q *report.Quantiles) float64 { return q.P95 }
func p99(q *report.Quantiles) float64 { return q.P99 }

// expected says for each panel's queries, in their order, what is right.
func expected() map[string]map[string][]want {
	sending := []want{quantileOf(p50, send), quantileOf(p95, send)}
	sentLongest := both(peaks(atMost(longest, 0.95), atMost(longest, 1.01)))
	free := both(peaks(buffer, buffer), dips)
	cells := split("cell", func(p *played) map[string]int64 { return p.report.Cells.ByName() }, ends)
	return map[string]map[string][]want{
		"run.json": {
			"State":                           {state},
			"Progress":                        {ends(exactly(1))},
			"Scheduled":                       {ends(scheduled)},
			"Confirmed":                       {ends(confirmed)},
			"Written":                         {ends(inLog)},
			"Lost":                            {ends(lost)},
			"Extra copies":                    {ends(extra)},
			"Told otherwise":                  {ends(otherwise)},
			"Faults":                          {faults},
			"Alerts":                          {alerts},
			"Scheduled, confirmed, written":   {makes(scheduled), makes(confirmed), makes(inLog)},
			"Send time":                       {meanOf(send), sending[0], sending[1], quantileOf(p99, send), sentLongest},
			"Free buffer":                     {free, ends(buffer)},
			"Thought published, and written":  {ends(scheduled), ends(inLog), ends(confirmed), ends(consumed)},
			"Lag":                             {both(peaks(exactly(1), inLog), atLeast(0))},
			"Where messages wait":             {waits(1), waits(1, 50), waits(1, 50), waits(1)},
			"The matrix":                      {matrix},
			"Messages by cell":                {cells},
			"Outcomes":                        {split("outcome", outcomes, makes)},
			"Lost, by cause":                  {split("cause", func(p *played) map[string]int64 { return p.report.Causes }, ends)},
			"Errors that the application saw": {split("cause", func(p *played) map[string]int64 { return p.report.Attempts }, makes)},
			"Extra copies, by who made them":  {split("maker", func(p *played) map[string]int64 { return p.report.CopiesBy }, ends)},
			"The four clocks": {
				meanOf(late),
				meanOf(func(l *report.Latency) *report.Quantiles { return &l.Queue }),
				meanOf(func(l *report.Latency) *report.Quantiles { return &l.Blocked }),
				meanOf(func(l *report.Latency) *report.Quantiles { return &l.Acknowledgement }),
			},
			"Send times":            {heatOf(send)},
			"From due to told":      {quantileOf(p50, overall), quantileOf(p95, overall), quantileOf(p99, overall)},
			"Is simd itself late?":  {quantileOf(p50, late), quantileOf(p99, late)},
			"Throttled":             {makes(func(p *played) float64 { return p.last.Throttle })},
			"Bytes sent":            {makes(func(p *played) float64 { return float64(p.last.BytesSent) })},
			"Records in a batch":    {peaks(exactly(1), exactly(20))},
			"Request latency":       {peaks(exactly(1e-6), exactly(20))},
			"Retries and errors":    {makes(func(p *played) float64 { return float64(p.last.Retries) }), makes(func(p *played) float64 { return float64(p.last.RecordRetries) }), makes(func(p *played) float64 { return float64(p.last.RecordErrors) })},
			"Requests in flight":    {both(peaks(exactly(1), exactly(3)), atLeast(0))},
			"Written, by partition": {partitions(func(p *played) float64 { return float64(p.report.Written) })},
			"Leaders":               {partitions(exactly(0 + 1 + 2))},
			"annotation Faults":     {region("fault", "slow", 20)},
			"annotation Draining and reconciling": {func(_ *played, got []series) error {
				for _, s := range got {
					if err := near(greatest(s.values), 1, 0); err != nil {
						return err
					}
				}
				return nil
			}},
		},
		"compare.json": {
			"The figures": {
				ends(scheduled), ends(confirmed), ends(inLog), ends(consumed), ends(lost), ends(extra), ends(otherwise), ends(exactly(speed)),
			},
			"Scheduled, confirmed, written: $run": {makes(scheduled), makes(confirmed), makes(inLog)},
			"Send time: $run":                     {sending[0], sending[1], sentLongest},
			"Free buffer: $run":                   {peaks(buffer, buffer), ends(buffer)},
			"Messages by cell: $run":              {cells},
			"Confirmed":                           {makes(confirmed)},
			"Send time, p95":                      {sending[1]},
			"Lost":                                {ends(lost)},
			"Lag":                                 {both(peaks(zero, inLog), atLeast(0))},
			"annotation Faults":                   {region("fault", "slow", 20)},
		},
		"itself.json": {
			"Scraped":                    {ends(exactly(1))},
			"Runs under way":             {both(peaks(exactly(2), exactly(2)), ends(zero))},
			"Memory":                     {peaks(exactly(10<<20), exactly(4<<30))},
			"Processor":                  {peaks(exactly(0.01), exactly(64))},
			"Facts not on disk":          {atLeast(0)},
			"Schedule lag, p99":          {quantileOf(p99, late)},
			"Facts not on disk, by run":  {atLeast(0)},
			"Facts written":              {file},
			"Runs by state":              {states},
			"Memory in use":              {peaks(exactly(10<<20), exactly(4<<30)), peaks(exactly(1<<20), exactly(4<<30))},
			"Cores":                      {peaks(exactly(0.01), exactly(64))},
			"Goroutines":                 {peaks(exactly(10), exactly(10_000))},
			"Open files and connections": {peaks(exactly(3), exactly(10_000))},
			"How long a scrape takes":    {peaks(exactly(1e-5), exactly(1))},
			"Series":                     {peaks(exactly(300), exactly(3000))},
		},
	}
}

func atMost(f figure, factor float64) figure { return func(p *played) float64 { return factor * f(p) } }

func atLeast(low float64) want {
	return func(_ *played, got []series) error {
		for _, s := range got {
			if err := between(least(s.values), low, 1e12); err != nil {
				return err
			}
		}
		if len(got) == 0 {
			return errors.New("no series")
		}
		return nil
	}
}

// dips: the buffer ran dry, though between two scrapes it may have been emptier.
func dips(p *played, got []series) error {
	return single(got, func(s series) error {
		return between(least(s.values), float64(p.report.Buffer.LowestAvailable), 0.25*float64(p.report.Buffer.Total))
	})
}

// waits: there were messages, at most so many, and in the end there are none.
func waits(from float64, to ...float64) want {
	high := scheduled
	if len(to) > 0 {
		high = exactly(to[0])
	}
	return both(peaks(exactly(from), high), ends(zero))
}

// states: two runs ran, and two have ended.
func states(_ *played, got []series) error {
	most := map[string]float64{}
	for _, s := range got {
		most[s.labels["state"]] = greatest(s.values)
	}
	if most["running"] != 2 || most["completed"] != 2 || most["failed"] != 0 {
		return fmt.Errorf("the most runs in a state were %v, want 2 running, 2 completed", most)
	}
	return nil
}

func state(p *played, got []series) error {
	return single(got, func(s series) error {
		if s.labels["state"] != p.report.State {
			return fmt.Errorf("state is %q, want %q", s.labels["state"], p.report.State)
		}
		return nil
	})
}

// faults: each is there for as long as it was active.
func faults(p *played, got []series) error {
	return single(got, func(s series) error {
		f := p.report.Faults[0]
		if s.labels["fault"] != f.Name {
			return fmt.Errorf("fault %q, want %q", s.labels["fault"], f.Name)
		}
		return near(sum(s.values)*speed, f.To-f.From, 0.5) // a scrape more or less at each end
	})
}

// region: the annotation shades as much of the scenario's time.
func region(label, name string, seconds float64) want {
	return func(p *played, got []series) error {
		if len(p.report.Faults) == 0 {
			if len(got) > 0 {
				return fmt.Errorf("%d regions, want none", len(got))
			}
			return nil
		}
		return single(got, func(s series) error {
			if s.labels[label] != name {
				return fmt.Errorf("%s is %q, want %q", label, s.labels[label], name)
			}
			return near(sum(s.values)*speed, seconds, 0.5)
		})
	}
}

// alerts: what has happened was told.
func alerts(_ *played, got []series) error {
	fired := map[string]bool{}
	for _, s := range got {
		fired[s.labels["alertname"]] = true
	}
	for _, name := range []string{"SimdMessagesLost", "SimdToldAndWrittenDiverge"} {
		if !fired[name] {
			return fmt.Errorf("%s did not fire; %v did", name, fired)
		}
	}
	return nil
}

func matrix(p *played, got []series) error {
	if len(got) != 9 {
		return fmt.Errorf("%d cells, want 9", len(got))
	}
	m := p.report.Matrix
	for _, s := range got {
		row := map[string]report.Copies{"confirmed": m.Confirmed, "failed": m.Failed, "unknown": m.Unknown}[s.labels["outcome"]]
		cell := map[string]int64{"0": row.None, "1": row.One, "2+": row.More}[s.labels["copies"]]
		if err := near(s.last(), float64(cell), 0); err != nil {
			return fmt.Errorf("told %s, copies %s: %w", s.labels["outcome"], s.labels["copies"], err)
		}
	}
	return nil
}

func outcomes(p *played) map[string]int64 {
	r := p.report
	return map[string]int64{"confirmed": r.Confirmed, "failed": r.Failed, "unknown": r.Unknown, "dropped": r.Dropped}
}

// heatOf: the counts of four seconds, a second apart, hold each send four times.
func heatOf(clock func(l *report.Latency) *report.Quantiles) want {
	return func(p *played, got []series) error {
		if len(got) != len(report.ClassicBounds())+1 {
			return fmt.Errorf("%d buckets, want %d", len(got), len(report.ClassicBounds())+1)
		}
		for _, s := range got {
			if s.labels["le"] == "+Inf" {
				return near(sum(s.values)/4, float64(clock(&p.report.Latency).Count), 0.1)
			}
		}
		return errors.New("no bucket without an end")
	}
}

// partitions: three series, whose last values are in all what is right.
func partitions(f figure) want {
	return func(p *played, got []series) error {
		if len(got) != 3 {
			return fmt.Errorf("%d partitions, want 3", len(got))
		}
		total := 0.0
		for _, s := range got {
			if _, err := strconv.Atoi(s.labels["partition"]); err != nil {
				return err
			}
			total += s.last()
		}
		return near(total, f(p), 0)
	}
}

// file: what was written is about what there is.
func file(p *played, got []series) error {
	return single(got, func(s series) error { return near(sum(s.values), float64(p.facts), 0.4) })
}
