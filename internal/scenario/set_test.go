package scenario

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func preset(t *testing.T, name string) *Scenario {
	t.Helper()
	s, err := Preset(name)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestSettings(t *testing.T) {
	for _, c := range []struct {
		path, value string
		holds       func(*Scenario) bool
	}{
		{"producer.buffer.memory", "4MiB", func(s *Scenario) bool { return s.Producer.BufferMemory == 4<<20 }},
		{"producer.retry.backoff.max.ms", "3s", func(s *Scenario) bool { return s.Producer.RetryBackoffMax == 3*time.Second }},
		{"producer.acks", "1", func(s *Scenario) bool { return s.Producer.Acks == "1" }},
		{"producer.enable.idempotence", "false", func(s *Scenario) bool { return !*s.Producer.EnableIdempotence }},
		{"topic.max.message.bytes", "10kB", func(s *Scenario) bool { return s.Topic.MaxMessageBytes == 10_000 }},
		{"load.phases[1].stairs.to", "60", func(s *Scenario) bool { return s.Load.Phases[1].Stairs.To == 60 }},
		{"load.phases[1].stairs", "{from: 1, to: 2, each: 10m}", func(s *Scenario) bool { return s.Plan().Total() == 165+1800 }},
		{"load.phases[2]", "{for: 10s, rate: 5}", func(s *Scenario) bool { return len(s.Load.Phases) == 3 && s.Plan().Total() == 28765+50 }},
		{"load.phases[0]", "null", func(s *Scenario) bool { return len(s.Load.Phases) == 1 }},
		{"load.bursts", "null", func(s *Scenario) bool { return s.Load.Bursts == 0 }},
		{"faults", "[]", func(s *Scenario) bool { return s.Faults == nil }},
		{"faults[0].for", "2m", func(s *Scenario) bool { return s.Faults[0].For == 2*time.Minute }},
		{"faults[0].brokers", "[0, 2]", func(s *Scenario) bool { return reflect.DeepEqual(s.Faults[0].Brokers, []int{0, 2}) }},
		{"publisher.retry", "{attempts: 3, backoff: 1s, on: [timeout]}", func(s *Scenario) bool {
			return reflect.DeepEqual(s.Publisher.Retry, &Retry{Attempts: 3, Backoff: time.Second, Factor: 1, On: []string{"timeout"}})
		}},
		{"publisher.retry.attempts", "7", func(s *Scenario) bool { return s.Publisher.Retry.Attempts == 7 && s.Publisher.Retry.Factor == 1 }},
		{"publisher.retry", "null", func(s *Scenario) bool { return s.Publisher.Retry == nil }},
		{"publisher", `{"workers": 5}`, func(s *Scenario) bool { return s.Publisher.Workers == 5 && s.Publisher.Wait == 15*time.Second }},
		{"expect.lost", ">= 1", func(s *Scenario) bool { return expected(s, "lost") == ">= 1" }},
		{"expect.lost", `"== 0"`, func(s *Scenario) bool { return expected(s, "lost") == "== 0" }},
		{"expect.lost", `[">= 1", "<= 9"]`, func(s *Scenario) bool { return expected(s, "lost") == ">= 1,<= 9" }},
		{"expect.lost[1]", "<= 5", func(s *Scenario) bool { return expected(s, "lost") == ">= 200,<= 5" }},
		{"expect.causes.buffer_exhausted", "== lost", func(s *Scenario) bool { return expected(s, "causes.buffer_exhausted") == "== lost" }},
		{"expect.causes.NEW_ONE", "== 0", func(s *Scenario) bool { return expected(s, "causes.NEW_ONE") == "== 0" }},
		{"expect.lost", "null", func(s *Scenario) bool { return expected(s, "lost") == "" }},
		{"expect", "{}", func(s *Scenario) bool { return s.Expect == nil }},
		{"title", "null and: void", func(s *Scenario) bool { return s.Title == "null and: void" }},
		{"title", "5", func(s *Scenario) bool { return s.Title == "5" }},
		{"title", "[x]", func(s *Scenario) bool { return s.Title == "[x]" }},
		{"title", "", func(s *Scenario) bool { return s.Title == "" }},
		{"about", "> 5", func(s *Scenario) bool { return s.About == "> 5" }},
	} {
		s := preset(t, "case-3")
		if err := s.Set(c.path, c.value); err != nil {
			t.Errorf("%s=%s: %v", c.path, c.value, err)
		} else if !c.holds(s) {
			yaml, _ := s.YAML()
			t.Errorf("%s=%s made\n%s", c.path, c.value, yaml)
		}
	}
}

func expected(s *Scenario, of string) string {
	var list []string
	for _, x := range s.Expect {
		if x.Of == of {
			list = append(list, x.Want)
		}
	}
	return strings.Join(list, ",")
}

func TestASettingThatIsRefusedChangesNothing(t *testing.T) {
	for _, c := range []struct{ path, value, want string }{
		{"", "1", " is an empty path; want a field's path, such as producer.buffer.memory"},
		{"producer.bufer.memory", "1", "producer.bufer.memory is no field of producer; want producer.buffer.memory"},
		{"produce.acks", "1", "produce.acks is no field of a scenario; want producer"},
		{"topic.", "1", "topic. is no field of topic; want one of partitions, replication, retention, max.message.bytes, min.insync.replicas"},
		{"producer..acks", "1", "producer..acks is no field of producer; want producer.acks"},
		{"producer.acks.x", "1", "producer.acks.x is no field: producer.acks has no parts; want producer.acks"},
		{"load.phases[0].rate.x", "1", "load.phases[0].rate.x is no field: load.phases[0].rate has no parts; want load.phases[0].rate"},
		{"load.phases.rate", "1", "load.phases.rate is no field: load.phases is a list of up to 1,000 phases; want load.phases[0] and so on"},
		{"load.phases[x]", "1", "load.phases[x] is no field: load.phases is a list of up to 1,000 phases; want load.phases[0] and so on"},
		{"load.phases[0]rate", "1", "load.phases[0]rate is no field: load.phases is a list of up to 1,000 phases; want load.phases[0] and so on"},
		{"load.phases[2].rate", "1", "load.phases[2] is not there: load.phases has 2 entries, counted from 0; want an entry that it has"},
		{"load.phases[9]", "{for: 1s, rate: 1}", "load.phases[9] is not there: load.phases has 2 entries, counted from 0; want an entry that it has"},
		{"load.phases[0].stairs.too", "1", "load.phases[0].stairs.too is no field of stairs; want load.phases[0].stairs.to"},
		{"publisher.retry.attemps", "1", "publisher.retry.attemps is no field of retry; want publisher.retry.attempts"},
		{"faults[0].fraktion", "1", "faults[0].fraktion is no field of a fault; want faults[0].fraction"},
		{"faults[0].fraction", "1", "faults[0].fraction is a field of lost_answers and acknowledged_and_gone, not of outage; want only kind, at, for, brokers, leaders, rebalance"},
		{"expect.", "== 0", "expect. is no field: expect is a mapping from figures to conditions, such as {lost: \"== 0\"}; want a figure, such as expect.lost"},
		{"expect.lsot", "== 0", "expect.lsot is no figure of the report; want lost"},
		{"producer.buffer.memory", "4 apples", `producer.buffer.memory is the text "4 apples", whose unit is unknown (kB, MB, GB are thousands; KiB, MiB, GiB are 1,024s); want a size in whole bytes from 0 to 1TiB, such as 2097152 or 2MiB`},
		{"name", "null", "name is missing; want " + nameWanted},
		{"load", "null", "load.phases is empty; want at least one phase, such as {for: 60s, rate: 10}"},
		{"producer.request.timeout.ms", "60000", "producer.delivery.timeout.ms is 30s, less than linger.ms and request.timeout.ms together; want at least 1m"},
	} {
		s, before := preset(t, "case-3"), preset(t, "case-3")
		err := s.Set(c.path, c.value)
		if err == nil || err.Error() != c.want && strings.TrimPrefix(err.Error(), "the scenario") != c.want {
			t.Errorf("%s=%s\nsaid %v\nwant %s", c.path, c.value, err, c.want)
		}
		if !reflect.DeepEqual(s, before) {
			t.Errorf("%s=%s changed the scenario", c.path, c.value)
		}
	}
}

func TestSettingsTogetherAreJudgedTogether(t *testing.T) {
	s := preset(t, "case-2")
	err := s.SetAll([]Setting{{"producer.request.timeout.ms", "60000"}, {"producer.delivery.timeout.ms", "90000"}})
	if err != nil || s.Producer.DeliveryTimeout != 90*time.Second {
		t.Errorf("%v, %v", s.Producer.DeliveryTimeout, err)
	}
}

// Whatever a scenario holds can be set to what it holds already.
func TestSettingWhatIsThereChangesNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := scenarios().Draw(t, "scenario")
		want := s.clone()
		tree := s.root().write()
		section := rapid.SampledFrom(tree.keys).Draw(t, "section")
		settings := []Setting{{section, string(writeFlow(nil, tree.get(section)))}}
		if n := tree.get(section); n.kind == isObject && len(n.keys) > 0 {
			field := rapid.SampledFrom(n.keys).Draw(t, "field")
			settings = append(settings, Setting{section + "." + field, string(writeFlow(nil, n.get(field)))})
		}
		for _, one := range settings {
			if err := s.Set(one.Path, one.Value); err != nil {
				t.Fatalf("%s=%s: %v", one.Path, one.Value, err)
			}
		}
		if !reflect.DeepEqual(s, want) {
			t.Fatalf("changed by %v:\n%+v\n%+v", settings, s, want)
		}
	})
}
