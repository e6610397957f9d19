// Package scenario is the plan of a run as plain data: the load, the
// application and its producer, the broker's limits, the faults on the way, and
// what the run is expected to show. It reads and writes the plan's one format
// (YAML, or the same shape in JSON), judges it strictly, fills in defaults, and
// works out by arithmetic when each message is due. It knows no clock, no Kafka
// and no HTTP: whoever plays a scenario hands its figures on.
package scenario
