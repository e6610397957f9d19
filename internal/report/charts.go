package report

import (
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/plot/plotter"
)

// stackedPoints and binsOfLosses bound what is stacked: a second's figure says
// little where messages come in bursts.
const (
	stackedPoints = 200
	lossBins      = 122
)

// graphs are all that the report can show, in the order in which a reader wants
// them: what was lost when comes first.
func (r *Report) graphs() []*graph {
	return []*graph{
		r.lossGraph(), r.messageGraph(), r.toldGraph(), r.sendGraph(), r.bufferGraph(), r.queueGraph(), r.lagGraph(), r.throttleGraph(),
	}
}

// graph is one over the run's time, with its phases and faults.
func (r *Report) graph(name, title string, lines ...line) *graph {
	g := &graph{name: name, title: title, about: r.Scenario, until: r.until(), least: leastOf(name), lines: lines}
	if r.ID != "" {
		g.about += ", run " + r.ID
	}
	for _, p := range r.Phases {
		if p.Kind == PhaseLoad {
			g.phases = append(g.phases, mark{p.Name, p.From, p.To})
		}
	}
	for _, f := range r.Faults {
		if f.Began {
			g.faults = append(g.faults, mark{plain(f.Name), f.From, f.To})
		}
	}
	return g
}

// leastOf is how far up the axis goes at least, so that one message does not
// fill a graph of messages.
func leastOf(name string) float64 {
	switch name {
	case "losses", "messages", "queue", "lag":
		return 4
	}
	return 0
}

// until is where the time axis ends.
func (r *Report) until() float64 {
	end := max(r.Seconds, r.RowSeconds)
	if end <= 0 {
		return 1
	}
	return end
}

// over makes a line's points: the rows are put together in stretches, and of
// gives each stretch its value, which holds over it.
func (r *Report) over(limit int, of func(rows []Row) (float64, bool)) func(int) []plotter.XYs {
	return func(most int) []plotter.XYs {
		if len(r.Timeline) == 0 {
			return nil
		}
		group := max((len(r.Timeline)+min(most, limit)-1)/min(most, limit), 1)
		var pieces []plotter.XYs
		broken := true
		for i := 0; i < len(r.Timeline); i += group {
			end := min(i+group, len(r.Timeline))
			y, known := of(r.Timeline[i:end])
			if !known {
				broken = true
				continue
			}
			from := r.Timeline[i].T
			to := min(r.Timeline[end-1].T+r.RowSeconds, r.until())
			if broken {
				pieces = append(pieces, plotter.XYs{{X: from, Y: y}})
				broken = false
			}
			last := &pieces[len(pieces)-1]
			*last = append(*last, plotter.XY{X: (from + to) / 2, Y: y}, plotter.XY{X: to, Y: y})
		}
		for i := range pieces {
			pieces[i] = centred(pieces[i])
		}
		return pieces
	}
}

// centred keeps the middle of each stretch, and the first's begin and the last's end.
func centred(piece plotter.XYs) plotter.XYs {
	out := plotter.XYs{piece[0]}
	for i := 1; i < len(piece); i += 2 {
		out = append(out, piece[i])
	}
	return append(out, piece[len(piece)-1])
}

// running is a total since the start.
func (r *Report) running(of func(*Row) int64) func(int) []plotter.XYs {
	return func(most int) []plotter.XYs {
		if len(r.Timeline) == 0 {
			return nil
		}
		group := max((len(r.Timeline)+most-1)/most, 1)
		points := plotter.XYs{{}}
		var sum int64
		for i := range r.Timeline {
			sum += of(&r.Timeline[i])
			if (i+1)%group == 0 || i+1 == len(r.Timeline) {
				points = append(points, plotter.XY{X: min(r.Timeline[i].T+r.RowSeconds, r.until()), Y: float64(sum)})
			}
		}
		return []plotter.XYs{points}
	}
}

// rate is how many a second.
func (r *Report) rate(of func(*Row) int64) func(int) []plotter.XYs {
	return r.over(stackedPoints, func(rows []Row) (float64, bool) {
		var sum int64
		for i := range rows {
			sum += of(&rows[i])
		}
		return float64(sum) / (float64(len(rows)) * r.RowSeconds), true
	})
}

// extreme is the largest or smallest value of a stretch.
func (r *Report) extreme(which func(a, b float64) float64, of func(*Row) (float64, bool)) func(int) []plotter.XYs {
	return r.over(math.MaxInt, func(rows []Row) (y float64, known bool) {
		for i := range rows {
			switch v, ok := of(&rows[i]); {
			case !ok:
			case !known:
				y, known = v, true
			default:
				y = which(y, v)
			}
		}
		return y, known
	})
}

func (r *Report) lossGraph() *graph {
	g := r.graph("losses", "Lost messages, by when the application had its last word on them")
	g.stacked = true
	group := max((len(r.Timeline)+lossBins-1)/lossBins, 1)
	if r.RowSeconds > 0 {
		g.title = fmt.Sprintf("Lost messages per %s s", tidy(float64(group)*r.RowSeconds))
	}
	colours := []role{red, amber, violet, teal, blue, grey}
	causes := ranked(r.rowCauses())
	if len(causes) > len(colours) {
		causes = causes[:len(colours)]
	}
	for i, cause := range causes {
		colour := colours[i]
		// Few at a time, so that the widest picture has as many bars as the narrowest.
		of := func(row *Row) int64 { return row.Causes[cause.Name] }
		if i == len(colours)-1 {
			named := causes[:i]
			of = func(row *Row) int64 {
				n := row.Lost
				for _, c := range named {
					n -= row.Causes[c.Name]
				}
				return n
			}
		}
		g.lines = append(g.lines, line{
			name: causeName(cause.Name), note: grouped(cause.Count), colour: colour, soft: colour, look: filled,
			points: func(int) []plotter.XYs { return r.bars(group, of) },
		})
	}
	return g
}

// bars are what happened in each stretch, as steps.
func (r *Report) bars(group int, of func(*Row) int64) []plotter.XYs {
	var steps plotter.XYs
	for i := 0; i < len(r.Timeline); i += group {
		end := min(i+group, len(r.Timeline))
		var sum int64
		for j := i; j < end; j++ {
			sum += of(&r.Timeline[j])
		}
		to := min(r.Timeline[end-1].T+r.RowSeconds, r.until())
		steps = append(steps, plotter.XY{X: r.Timeline[i].T, Y: float64(sum)}, plotter.XY{X: to, Y: float64(sum)})
	}
	if steps == nil {
		return nil
	}
	return []plotter.XYs{steps}
}

// rowCauses sums up why messages were lost, as the timeline says.
func (r *Report) rowCauses() map[string]int64 {
	sum := make(map[string]int64)
	for i := range r.Timeline {
		addAll(sum, r.Timeline[i].Causes)
	}
	return sum
}

func (r *Report) messageGraph() *graph {
	total := func(name string, colour role, l look, of func(*Row) int64) line {
		var sum int64
		for i := range r.Timeline {
			sum += of(&r.Timeline[i])
		}
		return line{name: name, note: grouped(sum), colour: colour, look: l, points: r.running(of)}
	}
	return r.graph("messages", "Messages since the start",
		total("scheduled", blue, solid, func(row *Row) int64 { return row.Scheduled }),
		total("written", green, solid, func(row *Row) int64 { return row.Written }),
		total("told yes", amber, dashed, func(row *Row) int64 { return row.Confirmed }))
}

func (r *Report) toldGraph() *graph {
	layer := func(name string, colour, soft role, of func(*Row) int64) line {
		return line{name: name, colour: colour, soft: soft, look: filled, points: r.rate(of)}
	}
	g := r.graph("told", "What the application was told, messages a second",
		layer("yes", green, greenSoft, func(row *Row) int64 { return row.Confirmed }),
		layer("no", red, red, func(row *Row) int64 { return row.Failed }),
		layer("nothing", amber, amber, func(row *Row) int64 { return row.Unknown }),
		layer("dropped", grey, grey, func(row *Row) int64 { return row.Dropped }),
		line{name: "scheduled", colour: blue, look: solid, points: r.rate(func(row *Row) int64 { return row.Scheduled })})
	g.stacked = true
	return g
}

// sendUnit is the unit that suits the send times of runs, and how many of it a
// second has.
func sendUnit(runs ...*Report) (name string, perSecond float64) {
	for _, r := range runs {
		if r.Latency.Send.Max >= 1 {
			return "seconds", 1
		}
	}
	return "milliseconds", 1000
}

func (r *Report) sendGraph() *graph {
	q := r.Latency.Send
	name, unit := sendUnit(r)
	return r.graph("send-time", "Time inside send, "+name,
		line{name: "longest", note: lasting(q.Max), colour: grey, look: hair, points: r.over(stackedPoints, func(rows []Row) (float64, bool) { return longestSend(rows, unit) })},
		line{name: "p95", note: lasting(q.P95), colour: amber, look: solid, points: r.send(func(q RowQuantiles) float64 { return q.P95 * unit })},
		line{name: "p50", note: lasting(q.P50), colour: teal, look: solid, points: r.send(func(q RowQuantiles) float64 { return q.P50 * unit })},
		line{name: "mean", note: lasting(q.Mean), colour: blue, look: solid, points: r.send(func(q RowQuantiles) float64 { return q.Mean * unit })})
}

// told is how many messages had their last word in the row, dropped ones left out.
func (row *Row) told() int64 { return row.Confirmed + row.Failed + row.Unknown }

// send is a figure of the send time: over several rows, their average by how
// many messages each has.
func (r *Report) send(of func(RowQuantiles) float64) func(int) []plotter.XYs {
	return r.over(stackedPoints, func(rows []Row) (float64, bool) {
		var sum float64
		var n int64
		for i := range rows {
			sum += of(rows[i].Send) * float64(rows[i].told())
			n += rows[i].told()
		}
		return sum / float64(max(n, 1)), n > 0
	})
}

func longestSend(rows []Row, unit float64) (y float64, known bool) {
	for i := range rows {
		y = math.Max(y, rows[i].Send.Max*unit)
		known = known || rows[i].told() > 0
	}
	return y, known
}

func (r *Report) bufferGraph() *graph {
	const mib = 1 << 20
	return r.graph("buffer", "Free buffer memory, MiB",
		line{name: "free", note: "least " + size(r.Buffer.LowestAvailable), colour: blue, soft: blueSoft, look: filled,
			points: r.extreme(math.Min, func(row *Row) (float64, bool) { return float64(row.BufferAvailable) / mib, row.BufferTotal > 0 })},
		line{name: "buffer.memory", note: size(r.Buffer.Total), colour: grey, look: dashed,
			points: r.extreme(math.Max, func(row *Row) (float64, bool) { return float64(row.BufferTotal) / mib, row.BufferTotal > 0 })})
}

func (r *Report) queueGraph() *graph {
	most := r.mostOf(func(row *Row) int64 { return row.Queued })
	return r.graph("queue", "Messages waiting for a worker of the application",
		line{name: "waiting", note: "most " + grouped(most), colour: violet, look: solid,
			points: r.extreme(math.Max, func(row *Row) (float64, bool) { return float64(row.Queued), true })})
}

func (r *Report) lagGraph() *graph {
	most := r.mostOf(func(row *Row) int64 { return row.Lag })
	return r.graph("lag", "Messages in the log that the consumer group has yet to commit",
		line{name: "lag", note: "most " + grouped(most), colour: teal, look: solid,
			points: r.extreme(math.Max, func(row *Row) (float64, bool) { return float64(row.Lag), true })})
}

func (r *Report) throttleGraph() *graph {
	g := r.graph("throttle", "Told to hold back by the brokers, seconds in each second",
		line{name: "throttled", note: clockTime(r.throttled()) + " in all", colour: red, soft: redSoft, look: filled,
			points: r.over(stackedPoints, func(rows []Row) (float64, bool) {
				var sum float64
				for i := range rows {
					sum += rows[i].Throttle
				}
				return sum / (float64(len(rows)) * r.RowSeconds), true
			})})
	return g
}

// throttled is how long brokers told the client to hold back, in all.
func (r *Report) throttled() float64 {
	var sum float64
	for i := range r.Timeline {
		sum += r.Timeline[i].Throttle
	}
	return sum
}

func (r *Report) mostOf(of func(*Row) int64) int64 {
	values := make([]int64, 1, len(r.Timeline)+1)
	for i := range r.Timeline {
		values = append(values, of(&r.Timeline[i]))
	}
	return slices.Max(values)
}
