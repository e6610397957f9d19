package scenario

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"
)

// smallest is the least that a scenario may say.
const smallest = "name: small\nload: {phases: [{for: 1s, rate: 1}]}\n"

func TestWhatIsLeftOutHasItsDefault(t *testing.T) {
	s, err := Parse([]byte(smallest))
	if err != nil {
		t.Fatal(err)
	}
	if s.Topic != (Topic{9, 3, time.Minute, 1048588, 1}) {
		t.Errorf("topic = %+v", s.Topic)
	}
	if s.Message != (Message{1024, "uuid"}) {
		t.Errorf("message = %+v", s.Message)
	}
	if s.Publisher != (Publisher{Send: "blocking", Workers: 50, Wait: 15 * time.Second, Contention: 0.1}) {
		t.Errorf("publisher = %+v", s.Publisher)
	}
	if s.Quotas != (Quotas{0, time.Second, 11}) {
		t.Errorf("quotas = %+v", s.Quotas)
	}
	p := s.Producer
	if p.Acks != "all" || p.BufferMemory != 33554432 || p.Linger != 5*time.Millisecond || p.Retries != math.MaxInt32 || !p.Idempotent() {
		t.Errorf("producer = %+v", p)
	}
}

func TestEverySpellingOfAValue(t *testing.T) {
	s, err := Parse([]byte(`
name: spellings
message: {bytes: 100kB}
topic: {retention: 1d12h, max.message.bytes: 1.5 MiB}
load:
  first: 1m30s
  phases:
    - for: 1.5s
      rate: 1e1
producer: {acks: -1, buffer.memory: 2MiB, max.block.ms: 5s, linger.ms: 0.25, request.timeout.ms: 8000.0}
quotas: {producer_byte_rate: 1MiB, quota.window.size.seconds: 0.5}
publisher: {retry: {}}
faults:
  - {kind: outage, at: 0s, for: 1s, leaders: first_back}
`))
	if err != nil {
		t.Fatal(err)
	}
	for what, ok := range map[string]bool{
		"100kB":                     s.Message.Bytes == 100_000,
		"1d12h":                     s.Topic.Retention == 36*time.Hour,
		"1.5 MiB":                   s.Topic.MaxMessageBytes == 1572864,
		"1m30s":                     s.Load.First == 90*time.Second,
		"1.5s":                      s.Load.Phases[0].For == 1500*time.Millisecond,
		"1e1":                       *s.Load.Phases[0].Rate == 10,
		"acks -1":                   s.Producer.Acks == "all",
		"2MiB":                      s.Producer.BufferMemory == 2097152,
		"max.block.ms 5s":           s.Producer.MaxBlock == 5*time.Second,
		"0.25 ms":                   s.Producer.Linger == 250*time.Microsecond,
		"8000.0 ms":                 s.Producer.RequestTimeout == 8*time.Second,
		"1MiB a second":             s.Quotas.ProducerByteRate == 1048576,
		"half a second":             s.Quotas.Window == 500*time.Millisecond,
		"the library's retry":       s.Publisher.Retry.Attempts == 3 && s.Publisher.Retry.Backoff == 500*time.Millisecond && len(s.Publisher.Retry.On) == 2,
		"Kafka's rebalance, 5 min.": s.Faults[0].Rebalance == 300*time.Second,
	} {
		if !ok {
			t.Errorf("%s was read as something else", what)
		}
	}
}

// Each row is a scenario with one mistake, and the sentence about it.
func TestAMistakeIsOneSentence(t *testing.T) {
	duration := func(from, to string) string {
		return "a duration with its unit from " + from + " to " + to + ", such as 15s or 1m30s"
	}
	for _, c := range []struct{ text, want string }{
		// The text as a whole.
		{"", "the scenario is empty; want a mapping with the fields name, title, about, topic, message, load, publisher, producer, quotas, faults, expect"},
		{"[]", "the scenario is a list; want a mapping with the fields name, title, about, topic, message, load, publisher, producer, quotas, faults, expect"},
		{"name: a\n---\nname: b\n", "the scenario is 2 YAML documents; want one"},
		{"name: \xff\n", "the scenario is not valid UTF-8; want YAML or JSON in UTF-8"},
		{"name: &a x\nabout: *a\n", "the scenario uses anchors and aliases at line 1, column 7, which simd does not read; want plain mappings, lists and values; quotes around a text that begins with a special character"},
		{"name: !!str x\n", "the scenario uses tags at line 1, column 7, which simd does not read; want plain mappings, lists and values; quotes around a text that begins with a special character"},

		// Names and texts.
		{"load: {phases: [{for: 1s, rate: 1}]}", "name is missing; want a name of 1 to 63 characters of a-z, 0-9 and -, which - does not begin"},
		{smallest + "name: twice", "name is there twice; want it once"},
		{`{"name": "small", "load": {"phases": [{"for": "1s", "rate": 1}]}, "name": "twice"}`, "name is there twice; want it once"},
		{base("name", "../../etc/passwd"), `name is the text "../../etc/passwd"; want a name of 1 to 63 characters of a-z, 0-9 and -, which - does not begin`},
		{base("name", strings.Repeat("a", 64)), "name is 64 characters long; want a name of 1 to 63 characters of a-z, 0-9 and -, which - does not begin"},
		{base("name", "5"), "name is 5, not a text; want a name of 1 to 63 characters of a-z, 0-9 and -, which - does not begin"},
		{smallest + "title: \"two\\nlines\"", `title holds the character '\n'; want a text of up to 200 characters on one line`},
		{smallest + "about: \"\\u0007\"", `about holds the character '\a'; want a text of up to 10,000 characters`},

		// Unknown names.
		{smallest + "produser: {}", "produser is no field of a scenario; want producer"},
		{smallest + "producer: {buffer_memory: 1}", "producer.buffer_memory is no field of producer; want buffer.memory"},
		{smallest + "producer: {client.id: x}", "producer.client.id exists in the Java client and is not simulated; want it left out"},
		{smallest + "producer: {transactional.id: x}", "producer.transactional.id exists in the Java client and is not simulated; want it left out"},
		{smallest + "topic: {zzzzzzzzzz: 1}", "topic.zzzzzzzzzz is no field of topic; want one of partitions, replication, retention, max.message.bytes, min.insync.replicas"},
		{smallest + "publisher: {send: blocked}", `publisher.send is the text "blocked"; want blocking`},
		{smallest + "producer: {compression.type: GZIP}", `producer.compression.type is the text "GZIP"; want gzip`},
		{smallest + "producer: {acks: 2}", `producer.acks is the text "2"; want one of 0, 1, all (or -1, which is all)`},

		// Wrong sorts and units.
		{smallest + "topic: 5", "topic is 5; want a mapping with the fields partitions, replication, retention, max.message.bytes, min.insync.replicas"},
		{smallest + `topic: {partitions: "9"}`, `topic.partitions is the text "9"; want a whole number from 1 to 10,000`},
		{smallest + "topic: {partitions: 1.5}", "topic.partitions is 1.5; want a whole number from 1 to 10,000"},
		{smallest + "topic: {partitions: 1e300}", "topic.partitions is 1e300; want a whole number from 1 to 10,000"},
		{smallest + "topic: {partitions: 017}", `topic.partitions is the text "017"; want a whole number from 1 to 10,000`},
		{smallest + "topic: {retention: 60}", "topic.retention is 60, which has no unit; want " + duration("1s", "720h")},
		{smallest + "topic: {retention: 60 bytes}", `topic.retention is the text "60 bytes"; want ` + duration("1s", "720h")},
		{smallest + "topic: {retention: 31d}", "topic.retention is 744h; want " + duration("1s", "720h")},
		{smallest + "topic: {retention: 1e300s}", `topic.retention is the text "1e300s"; want ` + duration("1s", "720h")},
		{smallest + "message: {bytes: 100KB}", `message.bytes is the text "100KB", whose unit is unknown (kB, MB, GB are thousands; KiB, MiB, GiB are 1,024s); want a size in whole bytes from 0 to 100MiB, such as 2097152 or 2MiB`},
		{smallest + "message: {bytes: 0.3kiB}", `message.bytes is the text "0.3kiB", whose unit is unknown (kB, MB, GB are thousands; KiB, MiB, GiB are 1,024s); want a size in whole bytes from 0 to 100MiB, such as 2097152 or 2MiB`},
		{smallest + "message: {bytes: 1.0001kB}", `message.bytes is the text "1.0001kB"; want a size in whole bytes from 0 to 100MiB, such as 2097152 or 2MiB`},
		{smallest + "message: {bytes: 101MiB}", `message.bytes is 105,906,176 bytes; want a size in whole bytes from 0 to 100MiB, such as 2097152 or 2MiB`},
		{smallest + "message: {bytes: -1}", `message.bytes is -1 bytes; want a size in whole bytes from 0 to 100MiB, such as 2097152 or 2MiB`},
		{smallest + "producer: {max.block.ms: -5s}", `producer.max.block.ms is -5s; want milliseconds from 0 to 2,147,483,647, such as 5000 or 5s`},
		{smallest + "producer: {max.block.ms: 9223372036854775807}", `producer.max.block.ms is 9223372036854775807; want milliseconds from 0 to 2,147,483,647, such as 5000 or 5s`},
		{smallest + "producer: {enable.idempotence: 1}", "producer.enable.idempotence is 1; want true or false"},
		{smallest + "publisher: {workers: 200000}", "publisher.workers is 200,000; want a whole number from 1 to 100,000"},
		{smallest + "publisher: {contention: 1.1}", "publisher.contention is 1.1; want a number from 0 to 1"},
		{smallest + "publisher: {wait: 0s}", "publisher.wait is 0s; want " + duration("1ms", "720h")},
		{smallest + "quotas: {producer_byte_rate: -1}", "quotas.producer_byte_rate is -1; want bytes per second from 0 to 1,000,000,000,000,000, such as 1048576 or 1MiB"},

		// The load.
		{"name: x", "load.phases is empty; want at least one phase, such as {for: 60s, rate: 10}"},
		{"name: x\nload: {phases: []}", "load.phases is empty; want at least one phase, such as {for: 60s, rate: 10}"},
		{load("{rate: 1}"), "load.phases[0].for is missing; want how long the phase lasts, such as 60s"},
		{load("{for: 1s}"), "load.phases[0] has no load; want one of rate, ramp, stairs"},
		{load("{for: 1s, rate: 1, ramp: {from: 1, to: 2}}"), "load.phases[0] has more than one load; want only one of rate, ramp, stairs"},
		{load("{for: 1s, rate: -3}"), "load.phases[0].rate is -3; want a number from 0 to 10,000,000"},
		{load("{for: 1s, rate: .nan}"), "load.phases[0].rate is .nan; want a number from 0 to 10,000,000"},
		{load("{for: 1s, rate: .inf}"), "load.phases[0].rate is .inf; want a number from 0 to 10,000,000"},
		{load("{for: 1s, rate: 1e300}"), "load.phases[0].rate is 1e+300; want a number from 0 to 10,000,000"},
		{load("{for: 1s, rate: 1e999}"), "load.phases[0].rate is 1e999; want a number from 0 to 10,000,000"},
		{load("{for: -1s, rate: 1}"), "load.phases[0].for is -1s; want " + duration("0s", "720h")},
		{load("{for: 1s, rate: 0}"), "load plans no message; want a rate and a duration that make at least one"},
		{load("{for: 1s, ramp: {from: 1}}"), "load.phases[0].ramp.to is missing; want a number from 0 to 10,000,000"},
		{load("{for: 1s, rate: 1}, {stairs: {from: 1, to: x, each: 1s}}"), `load.phases[1].stairs.to is the text "x"; want a number from 0 to 10,000,000`},
		{load("{for: 1s, stairs: {from: 1, to: 2, each: 1s}}"), "load.phases[0].for is not for stairs, which last as long as their steps do; want it left out"},
		{load("{stairs: {from: 1, to: 10, by: 2, each: 1s}}"), "load.phases[0].stairs.to is 10, which steps of 2 from 1 do not meet; want 9 or 11"},
		{load("{stairs: {from: 10, to: 1, by: 2, each: 1s}}"), "load.phases[0].stairs.to is 1, which steps of 2 from 10 do not meet; want 2 or 0"},
		{load("{stairs: {from: 0, to: 10, by: 0.00001, each: 1s}}"), "load.phases[0].stairs brings the steps of all stairs to 1,000,001; want at most 100,000"},
		{load("{stairs: {from: 0, to: 10, each: 700h}}"), "load.phases[0] lasts longer than a scenario may; want at most 720h in all"},
		{load("{for: 400h, rate: 1}, {for: 400h, rate: 1}"), "load.phases[1] brings the scenario to 800h; want at most 720h"},
		{load("{name: a, for: 1s, rate: 1}, {name: a, for: 1s, rate: 1}"), `load.phases[1].name is "a", as that of load.phases[0]; want a name of its own`},
		{load("{for: 720h, rate: 1000}"), "load plans 2,592,000,000 messages; want at most 200,000,000"},
		{load("{for: 1h, rate: 1000}") + "\nmessage: {bytes: 100MiB}", "load plans 3,600,000 messages of 104,857,600 bytes; want at most 10TB in all"},

		// Rules between fields.
		{smallest + "topic: {min.insync.replicas: 4}", "topic.min.insync.replicas is 4 of 3 replicas, so that no write with acks all could succeed; want at most topic.replication"},
		{smallest + "publisher: {retry: {on: []}}", "publisher.retry.on is empty; want one or both of timeout, error"},
		{smallest + "publisher: {retry: {on: [error, error]}}", "publisher.retry.on[1] is error again; want each once"},
		{smallest + "publisher: {retry: {attempts: 1000, factor: 2}}", "publisher.retry waits longer than 720h before its last attempt; want fewer attempts, or a smaller backoff or factor"},
		{smallest + "publisher: {send: forget, retry: {}}", "publisher.retry is of no use with send: forget, which never hears of a failure; want it left out, or another send"},
		{smallest + "producer: {delivery.timeout.ms: 1000}", "producer.delivery.timeout.ms is 1s, less than linger.ms and request.timeout.ms together; want at least 30.005s"},

		// Faults.
		{fault("at: 0s"), "faults[0].kind is missing; want one of outage, slow, lost_answers, acknowledged_and_gone, quota, stop"},
		{fault("kind: outrage, at: 0s"), `faults[0].kind is the text "outrage"; want outage`},
		{fault("kind: crash, at: 0s, for: 1s"), "faults[0].kind is crash, which is not simulated yet; want one of outage, slow, lost_answers, acknowledged_and_gone, quota, stop"},
		{fault("kind: outage, at: 0s"), "faults[0].for is missing; want " + duration("0s", "720h")},
		{fault("kind: outage, for: 1s"), "faults[0].at is missing; want " + duration("0s", "720h10m")},
		{fault("kind: outage, at: 0s, for: 0s"), "faults[0].for is 0s; want how long the fault lasts, such as 60s"},
		{fault("kind: outage, at: 0s, for: 1s, latency: 1s"), "faults[0].latency is a field of slow, not of outage; want only kind, at, for, brokers, leaders, rebalance"},
		{fault("kind: slow, at: 0s, for: 1s, fraction: 1"), "faults[0].fraction is a field of lost_answers and acknowledged_and_gone, not of slow; want only kind, at, for, brokers, latency, bandwidth"},
		{fault("kind: slow, at: 0s, latncy: 1s"), "faults[0].latncy is no field of slow; want latency"},
		{fault("kind: slow, at: 0s, for: 1s"), "faults[0] slows nothing down; want a latency or a bandwidth above 0"},
		{fault("kind: stop, at: 0s, for: 1s"), "faults[0].for is no field of stop, which lasts no time that could be set; want it left out"},
		{fault("kind: stop, at: 0s, mode: hard"), `faults[0].mode is the text "hard"; want one of graceful, abrupt`},
		{fault("kind: quota, at: 0s"), "faults[0].producer_byte_rate is missing; want bytes per second from 0 to 1,000,000,000,000,000, such as 1048576 or 1MiB"},
		{fault("kind: lost_answers, at: 0s, fraction: 0"), "faults[0].fraction is 0; want a fraction above 0, up to 1 (all)"},
		{fault("kind: lost_answers, at: 0s, fraction: 1.5"), "faults[0].fraction is 1.5; want a fraction above 0, up to 1 (all)"},
		{fault("kind: outage, at: 0s, for: 1s, rebalance: 1s"), "faults[0].rebalance is for leaders: first_back only; want it left out, or leaders: first_back"},
		{fault("kind: outage, at: 0s, for: 1s, brokers: [1, 1]"), "faults[0].brokers[1] is 1, which is there already; want each broker once"},
		{fault("kind: outage, at: 0s, for: 1s, brokers: [-1]"), "faults[0].brokers[0] is -1; want a whole number from 0 to 2,147,483,647"},
		{fault("kind: outage, at: 15m, for: 1s"), "faults[0].at is 15m, long after the load has ended; want at most 10m1s, 10m after its end"},
		{fault("kind: outage, at: 0s, for: 3s}, {kind: outage, at: 2s, for: 1s"), "faults[1] overlaps faults[0], also outage; want one after the other, or of different brokers"},
		{fault("kind: outage, at: 0s, for: 3s, brokers: [1]}, {kind: outage, at: 2s, for: 1s, brokers: [2, 1]"), "faults[1] overlaps faults[0], also outage, on broker 1; want one after the other, or of different brokers"},
		{fault("kind: quota, at: 0s, producer_byte_rate: 1}, {kind: quota, at: 2s, producer_byte_rate: 2"), "faults[1] overlaps faults[0], also quota; want one after the other, or of different brokers"},
		{smallest + "faults: [null]", "faults[0] is empty; want a mapping with kind, at, and what the kind needs"},
		{smallest + "faults: {}", "faults is a mapping; want a list of up to 1,000 faults"},

		// Expectations.
		{smallest + "expect: {lsot: == 0}", "expect.lsot is no figure of the report; want lost"},
		{smallest + "expect: {qqqqqq: == 0}", "expect.qqqqqq is no figure of the report; want a figure such as scheduled, confirmed, written, lost, extra_copies, vanished or causes.NAME"},
		{smallest + "expect: {lost: 0}", `expect.lost is 0 alone; want "== 0"`},
		{smallest + "expect: {lost: []}", "expect.lost is an empty list; want " + wantWords},
		{smallest + "expect: {lost: about 5}", `expect.lost is the text "about 5"; want ` + wantWords},
		{smallest + "expect: {lost: == confirme}", "expect.lost compares with confirme, which is no figure of the report; want confirmed"},
		{smallest + "expect: {causes.: == 0}", "expect.causes. names nothing in causes; want causes.NAME with a name of a-z, 0-9 and _"},
	} {
		_, err := Parse([]byte(c.text))
		if err == nil {
			t.Errorf("no mistake was found in:\n%s", c.text)
			continue
		}
		if err.Error() != c.want {
			t.Errorf("of\n%s\nsaid: %s\nwant: %s", c.text, err, c.want)
		}
	}
}

// base is the smallest scenario with another value for a field at the top.
func base(key, value string) string {
	return key + ": " + value + "\nload: {phases: [{for: 1s, rate: 1}]}\n"
}

func load(phases string) string { return "name: x\nload: {phases: [" + phases + "]}" }

func fault(fields string) string { return smallest + "faults: [{" + fields + "}]" }

func TestAllMistakesAreToldAtOnceWithTheirLines(t *testing.T) {
	_, err := Parse([]byte(`name: Two Words
load:
  phases:
    - {name: a, for: 1s, rate: -1}
    - name: b
      for: 10
      rate: 1
producer:
  acks: 3
  colour: red
faults:
  - kind: outage
    at: 1s
`))
	var all Errors
	if !errors.As(err, &all) {
		t.Fatal(err)
	}
	var got []string
	for _, e := range all {
		got = append(got, fmt.Sprintf("%d %s", e.Line, e.Path))
	}
	want := []string{"6 load.phases[1].for", "10 producer.colour", "12 faults[0].for", "1 name", "4 load.phases[0].rate", "9 producer.acks"}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
	var first *Error
	if !errors.As(err, &first) || first != all[0] {
		t.Errorf("errors.As finds %v", first)
	}
}

func TestASyntaxErrorSaysWhere(t *testing.T) {
	_, err := Parse([]byte("name: x\nload: {phases: [\n"))
	var e *Error
	if !errors.As(err, &e) || e.Line == 0 || !strings.Contains(e.Problem, "cannot be read at line") {
		t.Errorf("err = %v", err)
	}
}

func TestAScenarioMadeInGoIsJudgedAsStrictly(t *testing.T) {
	nan := math.NaN()
	for path, spoil := range map[string]func(*Scenario){
		"name":                     func(s *Scenario) { s.Name = "" },
		"topic.partitions":         func(s *Scenario) { s.Topic.Partitions = 0 },
		"load.phases[0].rate":      func(s *Scenario) { s.Load.Phases[0].Rate = &nan },
		"load.first":               func(s *Scenario) { s.Load.First = -1 },
		"load.phases":              func(s *Scenario) { s.Load.Phases = nil },
		"publisher.contention":     func(s *Scenario) { s.Publisher.Contention = nan },
		"producer.acks":            func(s *Scenario) { s.Producer.Acks = "2" },
		"faults[0].latency":        func(s *Scenario) { s.Faults = []Fault{{Kind: "stop", Mode: "abrupt", Latency: 1}} },
		"faults[0].for":            func(s *Scenario) { s.Faults = []Fault{{Kind: "stop", Mode: "abrupt", For: 1}} },
		"faults[0].kind":           func(s *Scenario) { s.Faults = []Fault{{}} },
		"faults[0].mode":           func(s *Scenario) { s.Faults = []Fault{{Kind: "stop"}} },
		"faults[0].rebalance":      func(s *Scenario) { s.Faults = []Fault{{Kind: "outage", For: 1, Leaders: "first_back"}} },
		"expect.lost":              func(s *Scenario) { s.Expect = []Expectation{{"lost", "few"}} },
		"load.phases[0].stairs.by": func(s *Scenario) { s.Load.Phases[0] = Phase{Stairs: &Stairs{To: 1, Each: time.Second}} },
	} {
		s := withLoad(Load{Phases: []Phase{steady(1, time.Second)}})
		spoil(s)
		var e *Error
		if err := s.Validate(); !errors.As(err, &e) || e.Path != path {
			t.Errorf("%s: err = %v", path, err)
		}
		if _, err := s.YAML(); err == nil {
			t.Errorf("%s: was written all the same", path)
		}
	}
}

func TestAThousandMistakesAreCutShort(t *testing.T) {
	_, err := Parse([]byte(smallest + "faults: [" + strings.Repeat("{kind: x},", 900) + "]"))
	var all Errors
	if !errors.As(err, &all) || len(all) != maxFindings {
		t.Errorf("%d mistakes were told", len(all))
	}
}
