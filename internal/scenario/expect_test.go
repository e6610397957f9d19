package scenario

import (
	"math"
	"testing"
)

func TestHolds(t *testing.T) {
	report := func(name string) (float64, bool) {
		v, ok := map[string]float64{"lost": 5, "scheduled": 100}[name]
		return v, ok
	}
	for _, c := range []struct {
		got  float64
		want string
		ok   bool
	}{
		{5, "== 5", true}, {5, "==5", true}, {5, "== 6", false}, {5, "!= 6", true},
		{5, "< 5", false}, {5, "<= 5", true}, {5, "> 5", false}, {5, ">= 5", true},
		{5, "== lost", true}, {6, "> lost", true},
		{112, ">= 1.12 * scheduled", true}, {111, ">= 1.12*scheduled", false},
		{50, "<= scheduled * 0.5", true}, {51, "<= scheduled*0.5", false},
		{0.2, "< 1e0", true}, {-1, ">= -1.5", true},
		{math.NaN(), "== 5", false}, {math.NaN(), "<= 5", false},
	} {
		ok, err := Expectation{"written", c.want}.Holds(c.got, report)
		if err != nil || ok != c.ok {
			t.Errorf("%v %s: %v, %v", c.got, c.want, ok, err)
		}
	}
}

func TestAConditionThatCannotBeJudgedIsAnError(t *testing.T) {
	nothing := func(string) (float64, bool) { return 0, false }
	for want, sentence := range map[string]string{
		"== lost": "expect.written compares with lost, which the report does not have",
		"= 5":     `expect.written is the text "= 5"; want ` + wantWords,
	} {
		if ok, err := (Expectation{"written", want}).Holds(1, nothing); ok || err == nil || err.Error() != sentence {
			t.Errorf("%s: %v, %v", want, ok, err)
		}
	}
}

func TestWhatAConditionMayBe(t *testing.T) {
	for want, ok := range map[string]bool{
		"== 0": true, "<=600": true, "  >  0.5 ": true, "== 1e3": true, "== causes.x": true, "== 2 * causes.UNKNOWN_SERVER_ERROR": true,
		"== latency_seconds.send.p95": true, ">= matrix.confirmed.2+": true,
		"": false, "5": false, "=> 5": false, "== ": false, "== five": false, "== 5 5": false, "== 2 * 3": false, "== lost * lost": false,
		"== 2 * 3 * lost": false, "== lost*": false, "== 1e999": false, "== NaN": false, "== .inf": false, "== 0x10": false, "== *": false,
		"== lost + 1": false, "== latency_seconds.send.p42": false, "== causes.": false, "== causes.a.b": false,
	} {
		if _, problem, _ := (Expectation{"lost", want}).parse(); (problem == "") != ok {
			t.Errorf("%q: %s", want, problem)
		}
	}
}

// These are the names that the report answers to.
func TestFiguresByName(t *testing.T) {
	for name, ok := range map[string]bool{
		"lost": true, "planned": true, "drained_seconds": true, "cells.phantom": true, "phantom": true, "dropped": true,
		"matrix.unknown.2+": true, "causes.buffer_exhausted": true, "late_causes.connection": true, "attempts.wait_timeout": true,
		"latency_seconds.queue.p999": true, "latency_seconds.send.count": true, "stress.from": true, "stress.under.mean": true,
		"buffer.lowest_available_bytes": true,
		"phases.climb.lost":             true, "phases.warm up.send.p95": true, "phases.outage.during.causes.buffer_exhausted": true, "phases.a.b.matrix.failed.0": true,
		"": false, "causes": false, "causes.*": false, "causes.": false, "latency_seconds": false, "latency_seconds.send": false,
		"stress.during.mean": false, "matrix.confirmed.3": false, "phases.lost": false, "phases.climb": false, "phases.climb.planned": false, "phases..lost": false,
	} {
		if problem, want := judgeFigure(name); (problem == "") != ok || !ok && want == "" {
			t.Errorf("%q: %s; want %s", name, problem, want)
		}
	}
}

func TestAnExpectationOfAPhaseWantsThatPhase(t *testing.T) {
	for name, ok := range map[string]bool{
		"phases.phase-1.lost": true, "phases.outage.after.lost": true, "phases.outage-1.during.send.p95": true,
		"phases.climb.lost": false, "phases.slow.during.lost": false, "phases.outage.lost": false,
	} {
		_, err := Parse([]byte(fault("kind: outage, at: 0s, for: 1s") + "\nexpect: {" + name + ": == 0}"))
		if (err == nil) != ok {
			t.Errorf("%s: %v", name, err)
		}
		_, err = Parse([]byte(fault("kind: outage, at: 0s, for: 1s") + "\nexpect: {lost: == 2 * " + name + "}"))
		if (err == nil) != ok {
			t.Errorf("as a bound, %s: %v", name, err)
		}
	}
}
