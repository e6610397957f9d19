package scenario

import (
	"math"
	"math/big"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func withLoad(l Load) *Scenario {
	s := Default()
	s.Name, s.Load = "test", l
	return s
}

func steady(rate float64, length time.Duration) Phase { return Phase{For: length, Rate: &rate} }

// counts is how many messages are due in each second from the begin on.
func counts(p *Plan) []int {
	list := make([]int, int(math.Ceil(p.End().Seconds())))
	for seq := range p.Total() {
		list[int(p.Due(seq)/time.Second)]++
	}
	return list
}

func TestCase1PlansWhatTheArticleCounted(t *testing.T) {
	s, err := Preset("case-1")
	if err != nil {
		t.Fatal(err)
	}
	p := s.Plan()
	if p.Total() != 28765 || p.End() != 1220*time.Second {
		t.Errorf("%d messages until %v, want 28765 until 20m20s", p.Total(), p.End())
	}
	for second, got := range counts(p) {
		want := 0
		switch {
		case second >= 180:
			want = 2 + (second-180)/20
		case second >= 15:
			want = 1
		}
		if got != want {
			t.Fatalf("t = %d s: %d messages due, want %d", second, got, want)
		}
	}
	for seq := range p.Total() {
		if p.Due(seq)%time.Second != 0 {
			t.Fatalf("message %d is due at %v, not at a second's begin", seq, p.Due(seq))
		}
	}
}

func TestWhenMessagesAreDue(t *testing.T) {
	const s = time.Second
	third := s / 3
	for _, c := range []struct {
		story string
		load  Load
		want  []time.Duration
	}{
		{"a steady load begins with a message", Load{Phases: []Phase{steady(2, 2*s)}},
			[]time.Duration{0, s / 2, s, 3 * s / 2}},
		{"nothing before first", Load{First: 15 * s, Phases: []Phase{steady(1, 2*s)}},
			[]time.Duration{15 * s, 16 * s}},
		{"a third of a second is rounded down to a nanosecond", Load{Phases: []Phase{steady(3, s)}},
			[]time.Duration{0, third, 2 * third}},
		{"what is written in decimals counts in decimals: 0.29 x 100 = 29", Load{Phases: []Phase{steady(0.29, 10*s)}},
			[]time.Duration{0, 3448275862}},
		{"half a message at the end is not sent", Load{Phases: []Phase{steady(1, 2*s+s/2)}},
			[]time.Duration{0, s}},
		{"it is carried over into the next phase", Load{Phases: []Phase{steady(1, 2*s+s/2), steady(2, 3*s/4)}},
			[]time.Duration{0, s, 2 * s, 2*s + 3*s/4}},
		{"over a pause, too", Load{Phases: []Phase{steady(0.5, s), steady(0, 10*s), steady(0.5, 3*s)}},
			[]time.Duration{0, 12 * s}},
		{"after a pause the load begins with a message", Load{Phases: []Phase{steady(1, s), steady(0, 10*s), steady(1, s)}},
			[]time.Duration{0, 11 * s}},
		{"a ramp: the area is t squared over two", Load{Phases: []Phase{{For: 4 * s, Ramp: &Ramp{From: 0, To: 4}}}},
			[]time.Duration{0, 1414213562, 2 * s, 2449489742, 2828427124, 3162277660, 3464101615, 3741657386}},
		{"downhill it is the same from behind", Load{Phases: []Phase{{For: 4 * s, Ramp: &Ramp{From: 4, To: 0}}}},
			[]time.Duration{0, 258342613, 535898384, 837722339, 1171572875, 1550510257, 2 * s, 2585786437}},
		{"stairs", Load{Phases: []Phase{{Stairs: &Stairs{From: 1, To: 3, By: 1, Each: s}}}},
			[]time.Duration{0, s, s + s/2, 2 * s, 2*s + third, 2*s + 2*third}},
		{"stairs down", Load{Phases: []Phase{{Stairs: &Stairs{From: 2, To: 0, By: 2, Each: s}}}},
			[]time.Duration{0, s / 2}},
		{"bursts: a second's messages at once", Load{First: s, Bursts: s, Phases: []Phase{steady(1.5, 4*s)}},
			[]time.Duration{s, s, 2 * s, 3 * s, 3 * s, 4 * s}},
		{"no burst reaches back before its phase", Load{Bursts: s, Phases: []Phase{steady(2, 3*s/2), steady(2, s)}},
			[]time.Duration{0, 0, s, 3 * s / 2, 3 * s / 2}},
	} {
		p := withLoad(c.load).Plan()
		var got []time.Duration
		for seq := range p.Total() {
			got = append(got, p.Due(seq))
		}
		if len(got) != len(c.want) {
			t.Errorf("%s: due %v, want %v", c.story, got, c.want)
			continue
		}
		for i := range got {
			if got[i] != c.want[i] {
				t.Errorf("%s: message %d is due at %v, want %v", c.story, i, got[i], c.want[i])
			}
		}
	}
}

func TestALongLoadStaysExact(t *testing.T) {
	rate := 100_000.0
	p := withLoad(Load{Phases: []Phase{steady(1.0/7, time.Second), steady(rate, 1000*time.Second)}}).Plan()
	if p.Total() != 100_000_000 {
		t.Fatalf("total = %d", p.Total())
	}
	// 1/7 is 142857143 billionths; what is missing to 1 comes first.
	for _, seq := range []int64{1, 2, 12_345_678, 99_999_999} {
		want := time.Second + time.Duration((seq*1e9-142857143)/100_000)
		if got := p.Due(seq); got != want {
			t.Errorf("message %d is due at %v, want %v", seq, got, want)
		}
	}
}

// area is what the plan's line holds up to t, with numbers that cannot round.
func area(l Load, t time.Duration) *big.Rat {
	sum := new(big.Rat)
	at := l.First
	over := func(from, to float64, length time.Duration) {
		if covered := min(max(t-at, 0), length); covered > 0 {
			q0, q1 := big.NewRat(billionths(from), 1e9), big.NewRat(billionths(to), 1e9)
			x, whole := big.NewRat(int64(covered), 1e9), big.NewRat(int64(length), 1e9)
			rise := new(big.Rat).Mul(new(big.Rat).Sub(q1, q0), new(big.Rat).Quo(x, whole))
			mean := new(big.Rat).Add(q0, rise.Quo(rise, big.NewRat(2, 1)))
			sum.Add(sum, mean.Mul(mean, x))
		}
		at += length
	}
	for _, ph := range l.Phases {
		switch {
		case ph.Rate != nil:
			over(*ph.Rate, *ph.Rate, ph.For)
		case ph.Ramp != nil:
			over(ph.Ramp.From, ph.Ramp.To, ph.For)
		default:
			by := ph.Stairs.By
			if ph.Stairs.To < ph.Stairs.From {
				by = -by
			}
			for i := range ph.Stairs.steps() {
				over(ph.Stairs.From+float64(i)*by, ph.Stairs.From+float64(i)*by, ph.Stairs.Each)
			}
		}
	}
	return sum
}

func TestThePlanIsTheAreaUnderTheLoad(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := loads().Draw(t, "load")
		l.Bursts = 0
		p := withLoad(l).Plan()

		whole := area(l, p.End())
		if want := new(big.Int).Quo(whole.Num(), whole.Denom()).Int64(); p.Total() != want {
			t.Fatalf("total = %d, want the area %s rounded down", p.Total(), whole.FloatString(9))
		}
		// Each message is due at the last nanosecond at which the area is not
		// above its number.
		for range 20 {
			seq := rapid.Int64Range(0, p.Total()-1).Draw(t, "seq")
			due, n := p.Due(seq), new(big.Rat).SetInt64(seq)
			if area(l, due).Cmp(n) > 0 || area(l, due+1).Cmp(n) <= 0 {
				t.Fatalf("message %d is due at %d ns, where the area is %s, and a nanosecond later %s", seq, due,
					area(l, due).FloatString(18), area(l, due+1).FloatString(18))
			}
		}
	})
}

func TestEveryMessageIsDueInItsOrderAndInItsWindow(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := loads().Draw(t, "load")
		p := withLoad(l).Plan()
		windows := p.Windows()
		in := make([]int64, len(windows))
		last, w := time.Duration(0), 0
		for seq := range p.Total() {
			due := p.Due(seq)
			if due < last || due < l.First || due >= p.End() {
				t.Fatalf("message %d is due at %v, the one before it at %v, the load ends at %v", seq, due, last, p.End())
			}
			for last = due; due >= windows[w].To; w++ {
			}
			in[w]++
		}
		// The message that is not planned for want of a whole unit of area.
		cut, partial := -1, area(l, p.End())
		if !partial.IsInt() {
			for cut = len(windows) - 1; p.Due(p.Total()) < windows[cut].From; cut-- {
			}
		}
		sum := int64(0)
		for i, n := range in {
			a, b := area(l, windows[i].From), area(l, windows[i].To)
			want, _ := b.Sub(b, a).Float64()
			if math.Abs(float64(n)-want) > 1 && (i != cut || math.Abs(float64(n+1)-want) > 1) {
				t.Fatalf("%d messages in %v, whose area is %v", n, windows[i], want)
			}
			sum += n
		}
		if sum != p.Total() {
			t.Fatalf("the windows hold %d of %d messages", sum, p.Total())
		}
	})
}

func TestBurstsMoveMessagesOnlyWithinTheirInterval(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := loads().Draw(t, "load")
		bursts := l.Bursts
		l.Bursts = 0
		even := withLoad(l).Plan()
		l.Bursts = max(bursts, time.Second)
		burst := withLoad(l).Plan()
		if burst.Total() != even.Total() {
			t.Fatalf("%d messages in bursts, %d evenly spaced", burst.Total(), even.Total())
		}
		for seq := range even.Total() {
			if early := even.Due(seq) - burst.Due(seq); early < 0 || early >= l.Bursts {
				t.Fatalf("message %d is due at %v instead of %v", seq, burst.Due(seq), even.Due(seq))
			}
		}
	})
}

func TestRate(t *testing.T) {
	p := withLoad(Load{First: 10 * time.Second, Phases: []Phase{
		steady(5, 10*time.Second),
		{For: 10 * time.Second, Ramp: &Ramp{From: 10, To: 20}},
		{Stairs: &Stairs{From: 3, To: 1, By: 1, Each: time.Second}},
	}}).Plan()
	for at, want := range map[time.Duration]float64{
		0: 0, 10 * time.Second: 5, 20*time.Second - 1: 5, 20 * time.Second: 10, 25 * time.Second: 15,
		30 * time.Second: 3, 31 * time.Second: 2, 33*time.Second - 1: 1, 33 * time.Second: 0, time.Hour: 0, -1: 0,
	} {
		if got := p.Rate(at); math.Abs(got-want) > 1e-6 {
			t.Errorf("rate at %v = %v, want %v", at, got, want)
		}
	}
}

func TestWindowsAreThePhasesByName(t *testing.T) {
	ramp := Phase{Name: "climb", For: time.Second, Ramp: &Ramp{To: 9}}
	got := withLoad(Load{First: time.Second, Phases: []Phase{steady(1, 2*time.Second), ramp}}).Plan().Windows()
	want := []Window{{"phase-1", time.Second, 3 * time.Second}, {"climb", 3 * time.Second, 4 * time.Second}}
	if len(got) != 2 || got[0] != want[0] || got[1] != want[1] {
		t.Errorf("windows = %v, want %v", got, want)
	}
}

func TestTheLargestPlanOfAllIsPlanned(t *testing.T) {
	long := steady(77, maxTime-time.Hour)
	s := withLoad(Load{Phases: []Phase{long, {For: time.Hour, Ramp: &Ramp{From: 0, To: 200}}}})
	s.Message.Bytes = 100
	if err := s.Validate(); err != nil {
		t.Fatal(err)
	}
	p := s.Plan()
	if last := p.Due(p.Total() - 1); last >= maxTime || last < maxTime-time.Second {
		t.Errorf("the last of %d messages is due at %v", p.Total(), last)
	}
}

func BenchmarkDue(b *testing.B) {
	s, err := Preset("case-1")
	if err != nil {
		b.Fatal(err)
	}
	benchmark(b, s.Plan())
}

func BenchmarkDueOnARamp(b *testing.B) {
	benchmark(b, withLoad(Load{Phases: []Phase{{For: time.Hour, Ramp: &Ramp{From: 0, To: 50_000}}}}).Plan())
}

func BenchmarkDueDownhill(b *testing.B) {
	benchmark(b, withLoad(Load{Phases: []Phase{{For: time.Hour, Ramp: &Ramp{From: 50_000, To: 0}}}}).Plan())
}

func benchmark(b *testing.B, p *Plan) {
	seq := int64(0)
	for b.Loop() {
		p.Due(seq)
		if seq++; seq == p.Total() {
			seq = 0
		}
	}
}

func TestAPhaseWithoutANameMustNotTakeAnothersByPlace(t *testing.T) {
	s := withLoad(Load{Phases: []Phase{steady(1, time.Second), steady(1, time.Second)}})
	s.Load.Phases[0].Name = "phase-2"
	if err := s.Validate(); err == nil || !strings.Contains(err.Error(), "load.phases[1].name") {
		t.Errorf("err = %v", err)
	}
}
