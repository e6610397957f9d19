// Package ledger keeps the facts about every message of a run, and balances
// them: what the application was told against what the log really holds.
//
// A [Log] takes facts from many goroutines, compactly, and carries them to the
// run's file and to whoever wants them live. [Read] brings the same facts back.
// [Books] hold one small entry a message and put each in exactly one [Cell];
// [Reconcile] and [Differing] judge a whole file. The ledger does not know where
// facts come from: not Kafka, no clock, no scenario.
package ledger
