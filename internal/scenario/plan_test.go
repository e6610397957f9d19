package scenario

import (
	"testing"
	"time"
)

func dueAt(p *Plan, at time.Duration) int {
	count := 0
	for seq := range p.Total() {
		if p.Due(seq) == at {
			count++
		}
	}
	return count
}

func TestCase1PlansWhatTheArticleCounted(t *testing.T) {
	s, err := Preset("case-1")
	if err != nil {
		t.Fatal(err)
	}
	p := s.Plan()
	if p.Total() != 28765 {
		t.Errorf("total = %d, want 28765", p.Total())
	}
	for at, want := range map[time.Duration]int{
		14 * time.Second: 0, 15 * time.Second: 1, 179 * time.Second: 1, 180 * time.Second: 2, 199 * time.Second: 2,
		200 * time.Second: 3, 1199 * time.Second: 52, 1200 * time.Second: 53, 1219 * time.Second: 53, 1220 * time.Second: 0,
	} {
		if got := dueAt(p, at); got != want {
			t.Errorf("%v: %d messages due, want %d", at, got, want)
		}
	}
	if p.End() != 1220*time.Second {
		t.Errorf("end = %v", p.End())
	}
}

func BenchmarkDue(b *testing.B) {
	s, _ := Preset("case-1")
	p := s.Plan()
	seq := int64(0)
	for b.Loop() {
		p.Due(seq)
		if seq++; seq == p.Total() {
			seq = 0
		}
	}
}

func BenchmarkDueOnARamp(b *testing.B) {
	s := Default()
	s.Name = "ramp"
	s.Load.Phases = []Phase{{For: time.Hour, Ramp: &Ramp{From: 0, To: 50_000}}}
	p := s.Plan()
	seq := int64(0)
	for b.Loop() {
		p.Due(seq)
		if seq++; seq == p.Total() {
			seq = 0
		}
	}
}
