// Package report is the judge of a run: a plan and the facts about it go in,
// a verdict that accounts for every single message comes out, as JSON, as text
// for a terminal and as one page of HTML, whose graphs are also pictures of their
// own; two or more verdicts can be put side by side.
//
// It is pure. It reads no clock, opens no file and speaks no HTTP: the same
// plan and the same facts, in whatever batches they come, make the same report,
// so a saved run can be judged anew at any time. Facts carry the run's own time;
// the report multiplies it by the run's speed, once, when a fact comes in, and
// everything that leaves this package is scenario time, in seconds.
package report
