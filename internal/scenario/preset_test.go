package scenario

import (
	"slices"
	"strings"
	"testing"
	"time"
)

func TestEveryPresetIsFitToBeShown(t *testing.T) {
	want := []string{"case-1", "case-2", "case-3", "case-3-restart", "case-4", "case-4-as-run", "hello"}
	if got := PresetNames(); !slices.Equal(got, want) {
		t.Fatalf("presets = %v, want %v", got, want)
	}
	for i, s := range Presets() {
		switch {
		case s.Name != want[i]:
			t.Errorf("%s.yaml calls itself %s", want[i], s.Name)
		case s.Title == "" || len(s.About) < 200 || len(s.Expect) == 0:
			t.Errorf("%s says too little about itself", s.Name)
		}
		if err := s.Validate(); err != nil {
			t.Errorf("%s: %v", s.Name, err)
		}
		if most, why := s.MaxSpeed(); most < 20 {
			t.Errorf("%s can be played at %v only, for %s", s.Name, most, why)
		}
	}
}

func TestTheCasesDifferOnlyInWhatTheirStoryIsAbout(t *testing.T) {
	one := preset(t, "case-1")
	for _, name := range []string{"case-2", "case-3", "case-3-restart", "case-4", "case-4-as-run"} {
		s := preset(t, name)
		if total := s.Plan().Total(); total != 28765 {
			t.Errorf("%s plans %d messages", name, total)
		}
		if s.Producer.BufferMemory != 2<<20 {
			t.Errorf("%s has a buffer of %d bytes", name, s.Producer.BufferMemory)
		}
		want := map[string]float64{"case-2": 1, "case-3-restart": 0.3}[name]
		if want == 0 {
			want = 0.1
		}
		if got := s.Publisher.Contention; got != want {
			t.Errorf("%s has contention %v", name, got)
		}
		s.Producer.BufferMemory = one.Producer.BufferMemory
		if s.Producer != one.Producer || s.Topic != one.Topic || s.Message != one.Message || s.Quotas != one.Quotas {
			t.Errorf("%s has another topic, message, producer or quota than case-1", name)
		}
	}
}

func TestWhatTheFaultsAndRetriesOfTheCasesAre(t *testing.T) {
	for name, want := range map[string]Fault{
		"case-3":         {Kind: "outage", At: 900 * time.Second, For: time.Minute, Leaders: "kept"},
		"case-3-restart": {Kind: "outage", At: 900 * time.Second, For: time.Minute, Leaders: "first_back", Rebalance: 1200 * time.Second},
	} {
		if s := preset(t, name); len(s.Faults) != 1 || s.Faults[0].clash(&want) == "" || s.Faults[0].Leaders != want.Leaders || s.Faults[0].Rebalance != want.Rebalance {
			t.Errorf("%s: %+v", name, s.Faults)
		}
	}
	for name, want := range map[string]Retry{
		"case-4":        {Attempts: 5, Backoff: time.Second, Factor: 2, On: []string{"timeout"}},
		"case-4-as-run": {Attempts: 3, Backoff: 500 * time.Millisecond, Factor: 1, On: []string{"timeout", "error"}},
	} {
		s := preset(t, name)
		got := *s.Publisher.Retry
		if !slices.Equal(got.On, want.On) || got.Attempts != want.Attempts || got.Backoff != want.Backoff || got.Factor != want.Factor || s.Publisher.Wait != time.Second {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

func TestAnUnknownPresetIsAnErrorThatHelps(t *testing.T) {
	_, err := Preset("case-22")
	if err == nil || err.Error() != `scenario is the text "case-22", and no preset is called so; want case-2` {
		t.Errorf("err = %v", err)
	}
	if _, err = Preset("../presets/hello"); err == nil || strings.Contains(err.Error(), "file") {
		t.Errorf("err = %v", err)
	}
}

func TestAPresetIsTheCallersOwn(t *testing.T) {
	a := preset(t, "case-1")
	*a.Load.Phases[0].Rate = 1000
	if b := preset(t, "case-1"); *b.Load.Phases[0].Rate != 1 {
		t.Error("a change to one copy is seen in the next")
	}
}
