//go:build race

package run

// raceDetector says that the tests run five times slower than they could.
const raceDetector = true
