//go:build !linux

package scheduler

import "time"

// canNap is false: elsewhere the Go timers must do.
const canNap = false

func nap(time.Duration) {}
