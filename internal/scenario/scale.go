package scenario

import (
	"fmt"
	"math"
	"time"
)

const (
	minSpeed = 0.01
	maxSpeed = 1000.0
	// minTimeout is the shortest time-out that a client or an application can
	// keep: below it, the machine's own hiccups decide.
	minTimeout = 20 * time.Millisecond
)

// Scaled is the scenario as it is played at a speed: every time divided by it,
// every rate and quota multiplied. The plan stays message for message the same.
// A speed outside 0.01 to 1000, or one that would push a time-out below 20 ms,
// is an [*Error] whose path is speed. The copy is to be played; to write or change
// a scenario, take the original.
func (s *Scenario) Scaled(speed float64) (*Scenario, error) {
	if outside(speed, minSpeed, maxSpeed) {
		return nil, &Error{Path: "speed", Problem: "is " + decimal(speed), Want: "a number from 0.01 to 1,000"}
	}
	if most, why := s.MaxSpeed(); speed > most {
		return nil, &Error{Path: "speed", Problem: "of " + decimal(speed) + " would leave less than 20ms of " + why, Want: "at most " + decimal(most)}
	}
	c := s.clone()
	c.original, c.speed = s, speed
	if s.original != nil {
		c.original, c.speed = s.original, s.speed*speed
	}
	c.divide(speed)
	return c, nil
}

// MaxSpeed is the greatest speed at which every time-out can still be kept,
// and the time-out that sets it; "" when none does. It is rounded down to three
// digits, which is what people would type.
func (s *Scenario) MaxSpeed() (most float64, why string) {
	most = maxSpeed
	for _, t := range s.timeouts() {
		if v := roundDown(float64(t.d) / float64(minTimeout)); t.d > 0 && v < most {
			most, why = v, fmt.Sprintf("%s, which is %s", t.name, short(t.d))
		}
	}
	return most, why
}

type timeout struct {
	name string
	d    time.Duration
}

// timeouts are those that somebody has to keep.
func (s *Scenario) timeouts() []timeout {
	list := []timeout{
		{"producer.max.block.ms", s.Producer.MaxBlock},
		{"producer.request.timeout.ms", s.Producer.RequestTimeout},
		{"producer.delivery.timeout.ms", s.Producer.DeliveryTimeout},
	}
	if s.Publisher.Send == "blocking" {
		list = append(list, timeout{"publisher.wait", s.Publisher.Wait})
	}
	return list
}

func roundDown(v float64) float64 {
	if v < 1e-9 {
		return 0
	}
	shift := math.Pow(10, 2-math.Floor(math.Log10(v)))
	return math.Floor(v*shift*(1+1e-12)) / shift
}

// clone copies the scenario, so that nothing in the copy is shared.
func (s *Scenario) clone() *Scenario {
	c := *s
	c.Load.Phases = make([]Phase, len(s.Load.Phases))
	for i, ph := range s.Load.Phases {
		ph.Rate, ph.Ramp, ph.Stairs = copied(ph.Rate), copied(ph.Ramp), copied(ph.Stairs)
		c.Load.Phases[i] = ph
	}
	if c.Publisher.Retry = copied(s.Publisher.Retry); c.Publisher.Retry != nil {
		c.Publisher.Retry.On = append([]string(nil), s.Publisher.Retry.On...)
	}
	c.Producer.EnableIdempotence = copied(s.Producer.EnableIdempotence)
	c.Faults = append([]Fault(nil), s.Faults...)
	for i := range c.Faults {
		c.Faults[i].Brokers = append([]int(nil), s.Faults[i].Brokers...)
	}
	c.Expect = append([]Expectation(nil), s.Expect...)
	return &c
}

func copied[T any](p *T) *T {
	if p == nil {
		return nil
	}
	v := *p
	return &v
}

// divide scales the scenario itself.
func (s *Scenario) divide(speed float64) {
	times := []*time.Duration{
		&s.Topic.Retention, &s.Load.First, &s.Load.Bursts, &s.Publisher.Wait,
		&s.Producer.MaxBlock, &s.Producer.DeliveryTimeout, &s.Producer.RequestTimeout, &s.Producer.Linger,
		&s.Producer.RetryBackoff, &s.Producer.RetryBackoffMax,
		&s.Producer.ReconnectBackoff, &s.Producer.ReconnectBackoffMax, &s.Producer.MetadataMaxAge,
		&s.Quotas.Window,
	}
	rates := []*float64{&s.Quotas.ProducerByteRate}
	if s.Publisher.Retry != nil {
		times = append(times, &s.Publisher.Retry.Backoff)
	}
	for i := range s.Load.Phases {
		ph := &s.Load.Phases[i]
		times = append(times, &ph.For)
		if ph.Rate != nil {
			rates = append(rates, ph.Rate)
		}
		if ph.Ramp != nil {
			rates = append(rates, &ph.Ramp.From, &ph.Ramp.To)
		}
		if ph.Stairs != nil {
			times = append(times, &ph.Stairs.Each)
			rates = append(rates, &ph.Stairs.From, &ph.Stairs.To, &ph.Stairs.By)
		}
	}
	for i := range s.Faults {
		x := &s.Faults[i]
		times = append(times, &x.At, &x.For, &x.Rebalance, &x.Latency, &x.Each, &x.Pause)
		rates = append(rates, &x.Bandwidth, &x.ProducerByteRate)
	}
	for _, t := range times {
		if *t > 0 { // a zero means none, or no end: it stays one, and nothing else becomes one
			*t = max(1, time.Duration(float64(*t)/speed))
		}
	}
	for _, r := range rates {
		*r *= speed
	}
}
