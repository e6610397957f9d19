package scenario

import (
	"errors"
	"math"
	"reflect"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestScaledDividesTimesAndMultipliesRates(t *testing.T) {
	s := preset(t, "case-3-restart")
	if err := s.SetAll([]Setting{
		{"publisher.retry", "{backoff: 500ms}"},
		{"load.phases[2]", "{for: 20s, ramp: {from: 10, to: 20}}"},
		{"faults[1]", "{kind: slow, at: 20s, for: 40s, latency: 100ms, bandwidth: 1000}"},
		{"faults[2]", "{kind: quota, at: 20s, producer_byte_rate: 100}"},
	}); err != nil {
		t.Fatal(err)
	}
	before := s.clone()
	c, err := s.Scaled(20)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(s, before) {
		t.Fatal("the original was changed")
	}
	const ms = time.Millisecond
	for what, ok := range map[string]bool{
		"retention":        c.Topic.Retention == 3*time.Second,
		"first and bursts": c.Load.First == 750*ms && c.Load.Bursts == 50*ms,
		"rate":             c.Load.Phases[0].For == 8250*ms && *c.Load.Phases[0].Rate == 20,
		"stairs":           *c.Load.Phases[1].Stairs == Stairs{From: 40, To: 1060, By: 20, Each: time.Second},
		"ramp":             c.Load.Phases[2].For == time.Second && *c.Load.Phases[2].Ramp == Ramp{From: 200, To: 400},
		"publisher":        c.Publisher.Wait == 750*ms && c.Publisher.Retry.Backoff == 25*ms && c.Publisher.Workers == 50 && c.Publisher.Contention == 0.3,
		"time-outs":        c.Producer.MaxBlock == 250*ms && c.Producer.RequestTimeout == 400*ms && c.Producer.DeliveryTimeout == 1500*ms,
		"linger stays 0":   c.Producer.Linger == 0,
		"back-offs":        c.Producer.RetryBackoff == 5*ms && c.Producer.ReconnectBackoff == 2500*time.Microsecond,
		"sizes stay":       c.Producer.BufferMemory == 2097152 && c.Message.Bytes == 102400,
		"quota":            c.Quotas == Quotas{ProducerByteRate: 20 * 1048576, Window: 50 * ms, Samples: 11},
		"outage":           c.Faults[0].At == 45*time.Second && c.Faults[0].For == 3*time.Second && c.Faults[0].Rebalance == 60*time.Second,
		"slow":             c.Faults[1].Latency == 5*ms && c.Faults[1].Bandwidth == 20_000,
		"no end stays so":  c.Faults[2].For == 0 && c.Faults[2].ProducerByteRate == 2000,
	} {
		if !ok {
			t.Errorf("%s: %+v", what, c)
		}
	}
}

func TestAScaledPlanIsTheSamePlanOnAFasterClock(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := withLoad(loads().Draw(t, "load"))
		speed := rapid.Float64Range(minSpeed, 500).Draw(t, "speed")
		c, err := s.Scaled(speed)
		if err != nil {
			t.Fatal(err)
		}
		p, q := s.Plan(), c.Plan()
		if p.Total() != q.Total() {
			t.Fatalf("%d messages became %d", p.Total(), q.Total())
		}
		last := time.Duration(0)
		for seq := range p.Total() {
			due := q.Due(seq)
			if math.Abs(float64(due)-float64(p.Due(seq))/speed) > 1 || due < last {
				t.Fatalf("message %d is due at %v at speed 1, and at %v at speed %v", seq, p.Due(seq), due, speed)
			}
			last = due
		}
		if got, want := q.Rate(p.End()/2), p.Rate(time.Duration(float64(p.End()/2)*speed))*speed; speed <= 1 && math.Abs(got-want) > 1e-3*want {
			t.Fatalf("rate = %v, want %v", got, want)
		}
	})
}

func TestScaledTwiceIsScaledByTheProduct(t *testing.T) {
	s := preset(t, "case-1")
	a, err := s.Scaled(3)
	if err != nil {
		t.Fatal(err)
	}
	b, err := a.Scaled(7)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := b.Plan().End(), 1220*time.Second/21; b.Plan().Total() != 28765 || got != want {
		t.Errorf("%d messages until %v, want 28765 until %v", b.Plan().Total(), got, want)
	}
}

func TestASpeedThatNobodyCanKeepIsRefused(t *testing.T) {
	for _, c := range []struct {
		setting Setting
		speed   float64
		want    string
	}{
		{Setting{"title", ""}, 1001, "speed is 1,001; want a number from 0.01 to 1,000"},
		{Setting{"title", ""}, 0, "speed is 0; want a number from 0.01 to 1,000"},
		{Setting{"title", ""}, math.NaN(), "speed is NaN; want a number from 0.01 to 1,000"},
		{Setting{"title", ""}, math.Inf(1), "speed is +Inf; want a number from 0.01 to 1,000"},
		{Setting{"title", ""}, 251, "speed of 251 would leave less than 20ms of producer.max.block.ms, which is 5s; want at most 250"},
		{Setting{"publisher.wait", "1s"}, 51, "speed of 51 would leave less than 20ms of publisher.wait, which is 1s; want at most 50"},
		{Setting{"publisher", "{send: callback, wait: 1s}"}, 250, ""},
		{Setting{"producer.max.block.ms", "0"}, 400, ""},
		{Setting{"producer.max.block.ms", "0"}, 401, "speed of 401 would leave less than 20ms of producer.request.timeout.ms, which is 8s; want at most 400"},
		{Setting{"producer.max.block.ms", "7"}, 1, "speed of 1 would leave less than 20ms of producer.max.block.ms, which is 7ms; want at most 0.35"},
		{Setting{"producer.max.block.ms", "7"}, 0.35, ""},
		{Setting{"producer.max.block.ms", "4444"}, 222, ""},
		{Setting{"producer.max.block.ms", "4444"}, 222.2, "speed of 222.2 would leave less than 20ms of producer.max.block.ms, which is 4.444s; want at most 222"},
	} {
		s := preset(t, "case-1")
		if err := s.Set(c.setting.Path, c.setting.Value); err != nil {
			t.Fatal(err)
		}
		_, err := s.Scaled(c.speed)
		if c.want == "" {
			if err != nil {
				t.Errorf("%v at %v: %v", c.setting, c.speed, err)
			}
			continue
		}
		var e *Error
		if !errors.As(err, &e) || e.Path != "speed" || e.Error() != c.want {
			t.Errorf("%v at %v\nsaid %v\nwant %s", c.setting, c.speed, err, c.want)
		}
	}
}

func TestTheGreatestSpeedIsAllowedAndKeepsEveryTimeout(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := scenarios().Draw(t, "scenario")
		most, why := s.MaxSpeed()
		if most < minSpeed {
			t.Skip("cannot be played at all")
		}
		c, err := s.Scaled(most)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range c.timeouts() {
			if d.d > 0 && d.d < minTimeout-time.Microsecond {
				t.Fatalf("%s is %v at %v (%s)", d.name, d.d, most, why)
			}
		}
	})
}
