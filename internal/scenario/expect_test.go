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
