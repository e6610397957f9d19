package main

import "runtime/debug"

// memoryLimit is where the garbage collector begins to work harder, in bytes. A
// run of ten million messages, the largest that simd is made for, takes less.
const memoryLimit = 800 << 20

// limitMemory keeps simd small beside what it measures, unless the user has said
// what the garbage collector is to do (GOMEMLIMIT, GOGC).
func limitMemory(environment map[string]string) {
	if _, ok := environment["GOMEMLIMIT"]; !ok {
		debug.SetMemoryLimit(memoryLimit)
	}
}
