package main

import (
	"fmt"
	"io"
	"sync/atomic"
	"time"

	"github.com/vbauerster/cupwriter"
	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"

	runs "kafkasim.example/simd/internal/run"
)

// progress shows how far a run is.
type progress interface {
	status(runs.Status)
	say(line string)
	end()
}

// newProgress is a bar on a terminal, and lines elsewhere.
func newProgress(w io.Writer, name string) progress {
	if terminal(w) {
		return newBar(w, name)
	}
	return &lines{w: w, name: name}
}

// terminal says whether somebody reads along.
func terminal(w io.Writer) bool { return cupwriter.New(w, false).IsTerminal() }

// silent shows nothing.
type silent struct{}

func (silent) status(runs.Status) {}
func (silent) say(string)         {}
func (silent) end()               {}

// figures is the state of a run on one line. What matters most comes first: a
// narrow terminal cuts the rest off.
func figures(s runs.Status) string {
	text := string(s.State)
	if !s.State.Ended() && s.RemainingSeconds > 0 {
		text += ", " + span(s.RemainingSeconds) + " left"
	}
	f := s.Figures
	text += fmt.Sprintf("  %d sent, %d told yes, %d lost", f.Scheduled, f.Confirmed, f.Lost)
	if f.ExtraCopies > 0 {
		text += fmt.Sprintf(", %d copies too many", f.ExtraCopies)
	}
	return text
}

// span is a length of time on the clock: 0:35, 12:03, 1:02:03.
func span(seconds float64) string {
	d := time.Duration(seconds * float64(time.Second)).Round(time.Second)
	h, m, s := int(d.Hours()), int(d.Minutes())%60, int(d.Seconds())%60
	if h > 0 {
		return fmt.Sprintf("%d:%02d:%02d", h, m, s)
	}
	return fmt.Sprintf("%d:%02d", m, s)
}

// lines are for logs: one at every change of state, and one every few seconds.
type lines struct {
	w     io.Writer
	name  string
	state runs.State
	next  float64 // elapsed seconds at which the next line is due
}

const lineEvery = 5 // seconds

func (l *lines) status(s runs.Status) {
	if s.State == l.state && s.ElapsedSeconds < l.next {
		return
	}
	l.state, l.next = s.State, s.ElapsedSeconds+lineEvery
	fmt.Fprintf(l.w, "%s %3.0f %%  %s\n", l.name, 100*s.Progress, figures(s))
}

func (l *lines) say(line string) { fmt.Fprintln(l.w, line) }
func (l *lines) end()            {}

// bar is for people at a terminal.
type bar struct {
	container *mpb.Progress
	bar       *mpb.Bar
	text      atomic.Pointer[string]
}

// barScale is how finely the bar knows the progress.
const barScale = 1000

func newBar(w io.Writer, name string) *bar {
	b := &bar{container: mpb.New(mpb.WithOutput(w), mpb.WithWidth(28), mpb.WithRefreshRate(200*time.Millisecond))}
	b.text.Store(new(string))
	b.bar = b.container.AddBar(barScale,
		mpb.PrependDecorators(decor.Name(name+" "), decor.Percentage()),
		mpb.AppendDecorators(decor.Any(func(decor.Statistics) string { return *b.text.Load() })),
	)
	return b
}

func (b *bar) status(s runs.Status) {
	text := figures(s)
	b.text.Store(&text)
	b.bar.SetCurrent(min(int64(s.Progress*barScale), barScale-1)) // whole only at the end: see end
}

// say puts a line above the bar. The terminal's echo of a Ctrl-C has moved the
// cursor, so the line is begun anew.
func (b *bar) say(line string) { _, _ = fmt.Fprintf(b.container, "\r\x1b[K%s\n", line) }

// end leaves the bar as it stands, and waits until it is drawn.
func (b *bar) end() {
	b.bar.Abort(false)
	b.container.Wait()
}
