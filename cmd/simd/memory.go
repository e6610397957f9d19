package main

import "runtime/debug"

const (
	// garbage is how much garbage may pile up before it is collected, in percent of
	// what is alive. Half of Go's own figure keeps case-2 at 20x near 110 MB instead
	// of 145, for a fifth more work of the processor's.
	garbage = 50
	// memoryLimit is where the collector works harder still, in bytes. A run of ten
	// million messages, the largest that simd is made for, takes less.
	memoryLimit = 800 << 20
)

// limitMemory keeps simd small beside what it measures, unless the user has said
// what the garbage collector is to do.
func limitMemory(environment map[string]string) {
	if _, ok := environment["GOGC"]; !ok {
		debug.SetGCPercent(garbage)
	}
	if _, ok := environment["GOMEMLIMIT"]; !ok {
		debug.SetMemoryLimit(memoryLimit)
	}
}
