package run

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"kafkasim.example/simd/internal/ledger"
	"kafkasim.example/simd/internal/producer"
	"kafkasim.example/simd/internal/report"
)

var (
	seeds    = flag.Int("fidelity.seeds", 1, "how many seeds each case is played with in virtual time")
	table    = flag.String("fidelity.table", "", "append what was measured to this file, a Markdown row a run")
	liveTest = flag.Bool("fidelity.live", false, "play each case once at 20x by the clock on the wall as well")
)

// measured are the figures by which a run is compared with the Java client on a
// real cluster. Times are scenario seconds.
type measured struct {
	*report.Report
	mean, p50, p95, max float64 // send time of messages taken up under stress
	saturated           float64 // when the first minute begins whose mean send time passes 0.5 s
	free                int64   // buffer bytes, the median while the load was on and stress too
	full                int64   // buffer.memory less 50 messages
}

// stretch is a part of a run, in scenario seconds: stress, and when the load ends in it.
type stretch struct{ from, loadEnds, to float64 }

// ofTheArticle is where its cases are under stress.
var ofTheArticle = stretch{from: 800, loadEnds: 1200, to: 1380}

// measure reads a run's facts.
func measure(t *testing.T, r *Run, rep *report.Report, s stretch) measured {
	t.Helper()
	m := measured{Report: rep}
	speed := rep.Speed
	minutes := make(map[int][]float64)
	var stressed []float64
	var free []int64
	for f, err := range ledger.Read(r.FactsPath()) {
		if err != nil {
			t.Fatal(err)
		}
		switch f.Kind {
		case ledger.Told:
			send := f.Send.Seconds() * speed
			began := f.At.Seconds()*speed - send
			minutes[int(began/60)] = append(minutes[int(began/60)], send)
			if began >= s.from && began < s.to {
				stressed = append(stressed, send)
			}
		case ledger.Sampled:
			if at := f.At.Seconds() * speed; at >= s.from && at < s.loadEnds {
				free = append(free, f.Sample.BufferAvailable)
			}
		}
	}
	for minute := range 30 {
		if sends := minutes[minute]; m.saturated == 0 && mean(sends) > 0.5 {
			m.saturated = float64(minute) * 60
		}
	}
	slices.Sort(stressed)
	slices.Sort(free)
	if len(stressed) > 0 {
		m.mean, m.max = mean(stressed), stressed[len(stressed)-1]
		m.p50, m.p95 = stressed[len(stressed)/2], stressed[len(stressed)*95/100]
	}
	if len(free) > 0 {
		m.free = free[len(free)/2]
	}
	msg := &producer.Record{Key: key(1, 0), Value: payload(1, r.rec.Scenario.Message.Bytes), Headers: []producer.Header{
		{Key: headerRun, Value: []byte(r.ID())}, {Key: headerSeq, Value: []byte("15000")}, {Key: headerAttempt, Value: []byte("1")},
	}}
	m.full = r.rec.Scenario.Producer.BufferMemory - 50*producer.RecordUpperBound(msg)
	return m
}

func mean(of []float64) float64 {
	if len(of) == 0 {
		return 0
	}
	sum := 0.0
	for _, v := range of {
		sum += v
	}
	return sum / float64(len(of))
}

// bound is a range that a figure must lie in.
type bound struct {
	figure   string
	of       func(measured) float64
	from, to float64
}

// The figures of the Java client 4.4.0 on three real brokers, with room for how
// much they differ from run to run; docs/fidelity.md has both side by side.
func bounds(name string, contention float64) []bound {
	scheduled := bound{"scheduled", func(m measured) float64 { return float64(m.Scheduled) }, 28765, 28765}
	sendMean := bound{"mean send time, t 800 to 1,380", func(m measured) float64 { return m.mean }, 1.55, 1.80}
	saturates := bound{"saturated at", func(m measured) float64 { return m.saturated }, 700, 800}
	drains := bound{"drained at", func(m measured) float64 { return m.Drained }, 1370, 1430}
	lost := func(from, to float64) bound {
		return bound{"lost", func(m measured) float64 { return float64(m.Lost) }, from, to}
	}
	extra := bound{"extra copies", func(m measured) float64 { return float64(m.ExtraCopies) }, 0, 0}
	vanished := bound{"vanished", func(m measured) float64 { return float64(m.Cells.Vanished) }, 0, 0}
	p50 := func(from, to float64) bound {
		return bound{"p50 of the same", func(m measured) float64 { return m.p50 }, from, to}
	}
	p95 := func(from, to float64) bound {
		return bound{"p95 of the same", func(m measured) float64 { return m.p95 }, from, to}
	}
	byBuffer := bound{"lost for other causes than the buffer", func(m measured) float64 { return float64(m.Lost - m.Causes["buffer_exhausted"]) }, 0, 0}
	free := bound{"free buffer less what 50 messages leave", func(m measured) float64 { return float64(m.free - m.full) }, -50 * 5, 50 * 5}
	over := func(from, to float64) bound {
		return bound{"written over scheduled", func(m measured) float64 { return float64(m.Written)/float64(m.Scheduled) - 1 }, from, to}
	}
	cause := func(name string) bound {
		return bound{"lost for " + name, func(m measured) float64 { return float64(m.Causes[name]) }, 1, 28765}
	}
	switch name {
	case "case-1":
		return []bound{scheduled, sendMean, p50(0.3, 1.5), p95(4.3, 7.5), saturates, drains, lost(0, 0), extra, vanished, free}
	case "case-2":
		if contention == 1 {
			return []bound{scheduled, sendMean, saturates, drains, lost(0, 600), byBuffer, extra, vanished}
		}
		return []bound{scheduled, sendMean, p50(1.3, 1.75), p95(3.4, 5.0), saturates, drains, lost(0, 40), byBuffer, extra, vanished}
	case "case-3":
		return []bound{scheduled, lost(200, 3000), extra, vanished, cause("buffer_exhausted"), cause("wait_timeout"), cause("delivery_timeout")}
	case "case-3-restart":
		there := bound{"told nothing or no, and yet written", func(m measured) float64 {
			return float64(m.Matrix.Failed.One + m.Matrix.Unknown.One)
		}, 1, 28765}
		return []bound{scheduled, lost(2500, 7000), extra, vanished, there, cause("buffer_exhausted"), cause("wait_timeout"), cause("delivery_timeout")}
	case "case-4":
		return []bound{scheduled, over(0.24, 0.42), lost(0, 100), byBuffer, vanished}
	case "case-4-as-run":
		return []bound{scheduled, over(0.12, 0.25), lost(0, 100), byBuffer, vanished}
	}
	panic("no bounds for " + name)
}

// cases are the article's, and case 2 once more on a machine with cores to spare.
var cases = []struct {
	name       string
	contention string // as the preset has it, where empty
}{
	{"case-1", ""}, {"case-2", ""}, {"case-2", "0.1"}, {"case-3", ""}, {"case-3-restart", ""}, {"case-4", ""}, {"case-4-as-run", ""},
}

// TestFidelity plays the article's cases in virtual time, and compares them
// with what the Java client did on a real cluster.
func TestFidelity(t *testing.T) {
	if raceDetector {
		t.Skip("a whole case takes minutes with the race detector, and seconds without: make fidelity plays them all")
	}
	for _, c := range cases {
		t.Run(strings.TrimSuffix(c.name+"@"+c.contention, "@"), func(t *testing.T) {
			var lost []int64
			for seed := range uint64(*seeds) {
				t.Run(fmt.Sprint("seed-", seed+1), func(t *testing.T) {
					dir := t.TempDir()
					synctest.Test(t, func(t *testing.T) {
						m := playCase(t, embedded(t, dir), c.name, c.contention, Request{Speed: 1, Seed: seed + 1})
						lost = append(lost, m.Lost)
						note(t, "virtual time", c.contention, m)
					})
				})
			}
			slices.Sort(lost)
			if c.name == "case-2" && c.contention == "" && len(lost) >= 20 {
				if median := lost[len(lost)/2]; median < 30 || median > 350 {
					t.Errorf("the median of lost messages over %d seeds is %d; want 30 to 350 (%v)", len(lost), median, lost)
				}
			}
		})
	}
}

// TestFidelityLive plays them at 20x by the clock on the wall.
func TestFidelityLive(t *testing.T) {
	if !*liveTest {
		t.Skip("takes five minutes and an idle machine: go test ./internal/run -run FidelityLive -fidelity.live")
	}
	for _, c := range cases {
		t.Run(strings.TrimSuffix(c.name+"@"+c.contention, "@"), func(t *testing.T) {
			t.Parallel() // two at once leave the cores half idle
			note(t, "20x", c.contention, playCase(t, embedded(t, t.TempDir()), c.name, c.contention, Request{Speed: 20, Seed: 1}))
		})
	}
}

// playCase plays a preset and holds it to its bounds and its expectations.
func playCase(t *testing.T, g *Registry, name, contention string, req Request) measured {
	t.Helper()
	req.Scenario = preset(t, name)
	if contention != "" {
		req.Scenario = preset(t, name, "publisher.contention", contention)
	}
	r := start(t, g, req)
	m := measure(t, r, finish(t, r), ofTheArticle)
	if m.State != string(Completed) || len(m.Notes) > 0 {
		t.Fatalf("the run ended %s: %v", m.State, m.Notes)
	}
	for _, b := range bounds(name, req.Scenario.Publisher.Contention) {
		if got := b.of(m); got < b.from || got > b.to {
			t.Errorf("%s is %.4g; the Java client's lies within %.4g and %.4g", b.figure, got, b.from, b.to)
		}
	}
	for _, e := range m.Expectations {
		if !e.Ok {
			t.Errorf("the preset expects %s %s and got %v", e.Of, e.Want, e.Got)
		}
	}
	return m
}

// note writes what was measured as a row of a table.
func note(t *testing.T, how, contention string, m measured) {
	t.Helper()
	name := m.Scenario
	if contention != "" {
		name += ", contention " + contention
	}
	row := fmt.Sprintf("| %s | %s | %d | %d | %+.1f %% | %d | %.2f | %.2f | %.2f | %.1f | %d | %.0f | %.0f |\n",
		name, how, m.Scheduled, m.Lost, 100*(float64(m.Written)/float64(m.Scheduled)-1), m.ExtraCopies,
		m.mean, m.p50, m.p95, m.max, m.free, m.saturated, m.Drained)
	t.Log(row, m.Causes, m.CopiesBy, m.Attempts, m.Matrix)
	if *table == "" {
		return
	}
	f, err := os.OpenFile(*table, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteString(row); err != nil {
		t.Fatal(err)
	}
}
