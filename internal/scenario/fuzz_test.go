package scenario

import (
	"reflect"
	"testing"
)

// FuzzParse looks for texts that hang or panic, and for scenarios that do not
// survive being written.
func FuzzParse(f *testing.F) {
	for _, s := range Presets() {
		yaml, err := s.YAML()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(yaml)
		json, err := s.MarshalJSON()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(json)
	}
	f.Add([]byte(smallest + "publisher: {retry: {on: [error]}}\nproducer: {enable.idempotence: true}\nabout: |\n  a\n\n  b\n"))
	f.Add([]byte(smallest + "faults:\n- {kind: slow, at: 1s, latency: 5ms}\n- {kind: stop, at: 2s, mode: abrupt}\nexpect: {lost: [< 5, '>= 0']}\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		s, err := Parse(data)
		if err != nil {
			if err.Error() == "" {
				t.Error("an error without words")
			}
			return
		}
		yaml, err := s.YAML()
		if err != nil {
			t.Fatalf("parsed, and cannot be written: %v", err)
		}
		again, err := Parse(yaml)
		if err != nil {
			t.Fatalf("cannot be read back: %v\n%s", err, yaml)
		}
		if !reflect.DeepEqual(s, again) {
			t.Fatalf("changed:\n%+v\n%+v\n%s", s, again, yaml)
		}
		if p := s.Plan(); p.Due(p.Total()-1) < p.Due(0) {
			t.Fatal("the last message is due before the first")
		}
		s.MaxSpeed()
	})
}
