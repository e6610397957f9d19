package report

import (
	"math"
	"strings"

	"kafkasim.example/simd/internal/ledger"
)

// Figure looks a figure up by the name that expectations use, which is its path
// in the JSON: "lost", "causes.buffer_exhausted", "latency_seconds.send.p95",
// "matrix.confirmed.2+", "stress.under.mean", "buffer.lowest_available_bytes".
// The cells also go by their bare names ("vanished"), and a window's figures by
// its name ("phases.climb.lost", "phases.outage.during.send.p95"). A cause or a
// maker that the run did not meet is 0; a name that no report could hold is not found.
func (r *Report) Figure(name string) (float64, bool) {
	group, rest, dotted := strings.Cut(name, ".")
	if !dotted {
		return r.plainFigure(name)
	}
	switch group {
	case "latency_seconds":
		clock, which, _ := strings.Cut(rest, ".")
		q, ok := r.Latency.clock(clock)
		if !ok {
			return 0, false
		}
		return q.figure(which)
	case "stress":
		return r.stressFigure(rest)
	case "buffer":
		switch rest {
		case "total_bytes":
			return float64(r.Buffer.Total), true
		case "lowest_available_bytes":
			return float64(r.Buffer.LowestAvailable), true
		}
		return 0, false
	case "phases":
		return r.phaseFigure(rest)
	default:
		return r.Figures.figure(name)
	}
}

func (r *Report) plainFigure(name string) (float64, bool) {
	switch name {
	case "planned":
		return float64(r.Planned), true
	case "unread":
		return float64(r.Unread), true
	case "duration_seconds":
		return r.Seconds, true
	case "drained_seconds":
		return r.Drained, true
	case "speed":
		return r.Speed, true
	}
	return r.Figures.figure(name)
}

func (r *Report) stressFigure(name string) (float64, bool) {
	if r.Stress == nil {
		return 0, false
	}
	part, which, _ := strings.Cut(name, ".")
	switch part {
	case "from":
		return r.Stress.From, which == ""
	case "to":
		return r.Stress.To, which == ""
	case "before":
		return r.Stress.Before.figure(which)
	case "under":
		return r.Stress.Under.figure(which)
	}
	return 0, false
}

// phaseFigure finds the window whose name begins the path. Names may hold dots,
// so the longest one that fits is meant.
func (r *Report) phaseFigure(path string) (float64, bool) {
	var found *Phase
	for i := range r.Phases {
		p := &r.Phases[i]
		if strings.HasPrefix(path, p.Name+".") && (found == nil || len(p.Name) > len(found.Name)) {
			found = p
		}
	}
	if found == nil {
		return 0, false
	}
	rest := path[len(found.Name)+1:]
	if which, ok := strings.CutPrefix(rest, "send."); ok {
		return found.Send.figure(which)
	}
	return found.Figures.figure(rest)
}

func (l *Latency) clock(name string) (Quantiles, bool) {
	switch name {
	case "send":
		return l.Send, true
	case "schedule_lag":
		return l.ScheduleLag, true
	case "queue":
		return l.Queue, true
	case "blocked":
		return l.Blocked, true
	case "acknowledgement":
		return l.Acknowledgement, true
	case "due_to_confirmed":
		return l.DueToConfirmed, true
	}
	return Quantiles{}, false
}

func (q Quantiles) figure(name string) (float64, bool) {
	switch name {
	case "count":
		return float64(q.Count), true
	case "mean":
		return q.Mean, true
	case "p50":
		return q.P50, true
	case "p95":
		return q.P95, true
	case "p99":
		return q.P99, true
	case "p999":
		return q.P999, true
	case "max":
		return q.Max, true
	}
	return 0, false
}

// figure looks one of the counts up by its path.
func (f *Figures) figure(name string) (float64, bool) {
	if n, ok := f.counts()[name]; ok {
		return float64(n), true
	}
	group, rest, _ := strings.Cut(name, ".")
	switch group {
	case "cells":
		n, ok := f.Cells.ByName()[rest]
		return float64(n), ok
	case "matrix":
		return f.Matrix.figure(rest)
	case "causes":
		return openEnded(f.Causes, rest, isCause)
	case "late_causes":
		return openEnded(f.LateCauses, rest, isCause)
	case "attempts":
		return openEnded(f.Attempts, rest, isCause)
	case "copies_by":
		return openEnded(f.CopiesBy, rest, isMaker)
	}
	n, ok := f.Cells.ByName()[name]
	return float64(n), ok
}

// counts are the plain counts by their names.
func (f *Figures) counts() map[string]int64 {
	return map[string]int64{
		"scheduled": f.Scheduled, "confirmed": f.Confirmed, "failed": f.Failed,
		"unknown": f.Unknown, "dropped": f.Dropped, "written": f.Written,
		"consumed": f.Consumed, "lost": f.Lost, "extra_copies": f.ExtraCopies,
	}
}

// ByName are the cells by their names, empty ones included.
func (c Cells) ByName() map[string]int64 {
	return map[string]int64{
		string(ledger.CellDelivered):     c.Delivered,
		string(ledger.CellVanished):      c.Vanished,
		string(ledger.CellDuplicated):    c.Duplicated,
		string(ledger.CellRefused):       c.Refused,
		string(ledger.CellPhantom):       c.Phantom,
		string(ledger.CellLostInSilence): c.LostInSilence,
		string(ledger.CellUnconfirmed):   c.Unconfirmed,
		string(ledger.CellDropped):       c.Dropped,
	}
}

func (m Matrix) figure(path string) (float64, bool) {
	row, column, _ := strings.Cut(path, ".")
	copies, ok := map[string]Copies{"confirmed": m.Confirmed, "failed": m.Failed, "unknown": m.Unknown}[row]
	if !ok {
		return 0, false
	}
	n, ok := map[string]int64{"0": copies.None, "1": copies.One, "2+": copies.More}[column]
	return float64(n), ok
}

// openEnded looks a name up among counts that list only what was met.
func openEnded(counts map[string]int64, name string, possible func(string) bool) (float64, bool) {
	n, met := counts[name]
	return float64(n), met || possible(name)
}

// isCause says whether any cause has this name: a wrongly spelled one must not
// pass for one that was never met.
func isCause(name string) bool {
	for c := -1; c <= int(ledger.Other); c++ {
		if ledger.Cause(c).String() == name && !strings.HasPrefix(name, "error_") {
			return true
		}
	}
	return false
}

func isMaker(name string) bool {
	for m := ledger.Maker(0); m < math.MaxUint8; m++ {
		if m.String() == name {
			return name != "unknown"
		}
		if m.String() == "unknown" {
			break
		}
	}
	return false
}
