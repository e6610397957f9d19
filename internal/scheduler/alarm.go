package scheduler

import (
	"context"
	"runtime"
	"time"
)

const (
	// coarse is how late a Go timer may be in an idle program: the runtime waits
	// for its next timer in epoll_wait, whose time-outs are whole milliseconds.
	// At 100,000 messages a second that would be a lag of half a millisecond for
	// the median and of more than one for the last.
	coarse = time.Millisecond
	// oneNap is short enough for the load, and for other goroutines that want the
	// processor meanwhile, and long enough not to be spinning.
	oneNap = 50 * time.Microsecond
)

// alarm is how one goroutine waits.
type alarm struct {
	timer *time.Timer
	naps  bool // the program is idle enough for naps
}

func newAlarm() *alarm {
	timer := time.NewTimer(time.Hour)
	timer.Stop()
	return &alarm{timer: timer}
}

// sleep waits for d, and says whether ctx lasted that long.
func (a *alarm) sleep(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return ctx.Err() == nil
	}
	a.timer.Reset(d)
	select {
	case <-a.timer.C:
		return true
	case <-ctx.Done():
		a.timer.Stop()
		return false
	}
}

// approach waits for about d, for a caller that looks at the clock again
// afterwards and wants to be on time to a tenth of a millisecond or so. It says
// whether ctx lasted.
//
// A busy program comes past its timers all the time, and they are the best there
// is. In an idle one they are late by up to a millisecond; there the last stretch
// is slept in the system's own, finer sleep:
//
//	now                                    due
//	 |---------- timer ---------|- coarse -|
//	                            |nap|nap|nap
//
// Which of the two it is shows in how late the last wait was: about a
// millisecond is an idle program's timer; much too late for a nap is a program
// that has better things to do with its processors. Where timers are never late
// (in a synctest bubble, whose clock would stand still during a nap), there
// are no naps.
func (a *alarm) approach(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return true
	}
	began := time.Now()
	switch {
	case !a.naps:
		lasted := a.sleep(ctx, d)
		late := time.Since(began) - d
		a.naps = canNap && coarse/2 < late && late < 2*coarse
		return lasted
	case d > coarse:
		return a.sleep(ctx, d-coarse)
	default:
		runtime.Gosched() // whoever wants to run goes first
		nap(oneNap)
		a.naps = time.Since(began) < oneNap+coarse/2
		return ctx.Err() == nil
	}
}
