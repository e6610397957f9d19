// Package run tells the story of a run, from the plan to the verdict, in one
// function ([Run.play]), and keeps the runs: their states, their folders on
// disk, and what is left of them when the process was killed.
//
// It is where the rooms meet that do not know each other: it gives the
// scenario's numbers to the cluster, the wire, the producer, the application
// and the scheduler, and all their facts to the ledger. It does not know HTTP.
package run
