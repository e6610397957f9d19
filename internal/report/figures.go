package report

import (
	"kafkasim.example/simd/internal/ledger"
)

// newFigures are zeros, with maps that encode as {} rather than null.
func newFigures() Figures {
	return Figures{
		Causes:   make(map[string]int64),
		CopiesBy: make(map[string]int64),
		Attempts: make(map[string]int64),
	}
}

// enter counts one message of settled books. The cells are named by add.
func (f *Figures) enter(e ledger.Entry) {
	if !e.Scheduled {
		return
	}
	f.Scheduled++
	f.Written += int64(e.Copies)
	f.Consumed += int64(e.Consumed)
	switch e.Outcome {
	case ledger.Confirmed:
		f.Confirmed++
		f.Matrix.Confirmed.count(e.Copies)
	case ledger.Failed:
		f.Failed++
		f.Matrix.Failed.count(e.Copies)
	case ledger.Unknown:
		f.Unknown++
		f.Matrix.Unknown.count(e.Copies)
	}
	if e.Dropped {
		f.Dropped++
	}
	if e.Lost() {
		f.Lost++
		f.Causes[e.Cause.String()]++
	}
	for maker, n := range e.Extra {
		if n > 0 {
			f.ExtraCopies += int64(n)
			f.CopiesBy[ledger.Maker(maker).String()] += int64(n)
		}
	}
}

func (c *Copies) count(copies int) {
	switch copies {
	case 0:
		c.None++
	case 1:
		c.One++
	default:
		c.More++
	}
}

func (c Copies) total() int64 { return c.None + c.One + c.More }

// add sums the figures of another part of the run up in f.
func (f *Figures) add(o *Figures) {
	f.Scheduled += o.Scheduled
	f.Confirmed += o.Confirmed
	f.Failed += o.Failed
	f.Unknown += o.Unknown
	f.Dropped += o.Dropped
	f.Written += o.Written
	f.Consumed += o.Consumed
	f.Lost += o.Lost
	f.ExtraCopies += o.ExtraCopies
	f.Matrix.Confirmed.add(o.Matrix.Confirmed)
	f.Matrix.Failed.add(o.Matrix.Failed)
	f.Matrix.Unknown.add(o.Matrix.Unknown)
	f.Cells = cellsOf(f.Matrix, f.Dropped)
	addAll(f.Causes, o.Causes)
	addAll(f.CopiesBy, o.CopiesBy)
	addAll(f.Attempts, o.Attempts)
}

func (c *Copies) add(o Copies) {
	c.None += o.None
	c.One += o.One
	c.More += o.More
}

func addAll(to, from map[string]int64) {
	for name, n := range from {
		to[name] += n
	}
}

// cellsOf names the matrix's cells.
func cellsOf(m Matrix, dropped int64) Cells {
	return Cells{
		Delivered:     m.Confirmed.One,
		Vanished:      m.Confirmed.None,
		Duplicated:    m.Confirmed.More + m.Failed.More + m.Unknown.More,
		Refused:       m.Failed.None,
		Phantom:       m.Failed.One,
		LostInSilence: m.Unknown.None,
		Unconfirmed:   m.Unknown.One,
		Dropped:       dropped,
	}
}

// figuresOf turns an account into figures.
func figuresOf(a ledger.Account) Figures {
	f := newFigures()
	f.Scheduled, f.Dropped = a.Scheduled, a.Dropped
	f.Confirmed, f.Failed, f.Unknown = a.Confirmed, a.Failed, a.Unknown
	f.Written, f.Consumed = a.Written, a.Consumed
	f.Lost, f.ExtraCopies = a.Lost, a.ExtraCopies
	row := func(o ledger.Outcome) Copies {
		r := a.Matrix[o-ledger.Confirmed]
		return Copies{None: r[0], One: r[1], More: r[2]}
	}
	f.Matrix = Matrix{Confirmed: row(ledger.Confirmed), Failed: row(ledger.Failed), Unknown: row(ledger.Unknown)}
	f.Cells = cellsOf(f.Matrix, f.Dropped)
	named(f.Causes, a.Causes)
	named(f.CopiesBy, a.CopiesBy)
	named(f.Attempts, a.Attempts)
	return f
}

// named copies counts under the names that reports use.
func named[K interface {
	comparable
	String() string
}](to map[string]int64, counts map[K]int64) {
	for key, n := range counts {
		to[key.String()] += n
	}
}
