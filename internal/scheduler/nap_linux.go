package scheduler

import (
	"syscall"
	"time"
)

const canNap = true

// nap sleeps for about d in the kernel, some 60 microseconds longer than asked.
// It may be interrupted and end early.
func nap(d time.Duration) {
	ts := syscall.NsecToTimespec(int64(d))
	_ = syscall.Nanosleep(&ts, nil) // interrupted is as good as slept
}
