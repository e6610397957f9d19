package scenario

import (
	"encoding/json"
	"reflect"
	"testing"

	"pgregory.net/rapid"
)

func TestWhatIsWrittenIsReadBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := scenarios().Draw(t, "scenario")
		yaml, err := s.YAML()
		if err != nil {
			t.Fatalf("a valid scenario is refused: %v", err)
		}
		again, err := Parse(yaml)
		if err != nil {
			t.Fatalf("cannot read back: %v\n%s", err, yaml)
		}
		if !reflect.DeepEqual(s, again) {
			t.Fatalf("YAML changed it:\n%+v\n%+v\n%s", s, again, yaml)
		}
		if second, _ := again.YAML(); string(second) != string(yaml) {
			t.Fatalf("not canonical:\n%s\n%s", yaml, second)
		}
		asJSON, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		var fromJSON Scenario
		if err := json.Unmarshal(asJSON, &fromJSON); err != nil {
			t.Fatalf("cannot read back: %v\n%s", err, asJSON)
		}
		if !reflect.DeepEqual(s, &fromJSON) {
			t.Fatalf("JSON changed it:\n%+v\n%+v\n%s", s, fromJSON, asJSON)
		}
		// JSON is YAML: the YAML reader must say the same of it.
		tree, wrong := readYAML(asJSON)
		if wrong != nil {
			t.Fatalf("the YAML reader refuses JSON: %v\n%s", wrong, asJSON)
		}
		if direct, _ := readJSON(asJSON); !tree.equal(direct) {
			t.Fatalf("the YAML reader reads JSON differently:\n%s", asJSON)
		}
	})
}

func TestOnlyWhatIsNotUsualIsWritten(t *testing.T) {
	s, err := Parse([]byte("name: small\nload: {phases: [{for: 1s, rate: 1}]}\ntopic: {partitions: 9}\nproducer: {acks: all, linger.ms: 5}\n"))
	if err != nil {
		t.Fatal(err)
	}
	got, err := s.YAML()
	if err != nil {
		t.Fatal(err)
	}
	want := "name: small\nload:\n  phases:\n    - {for: 1s, rate: 1}\n"
	if string(got) != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}
