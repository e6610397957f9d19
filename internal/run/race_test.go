//go:build race

package run

// raceDetector says that what copies much memory runs twenty times slower than it could.
const raceDetector = true
