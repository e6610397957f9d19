package scenario

import (
	"fmt"
	"math"
	"time"
)

// rules judges what several fields say together. A section in which something
// is wrong already is not judged further: what follows from that is noise.
func (s *Scenario) rules(f *findings) {
	if f.sound("topic") && s.Topic.MinInsyncReplicas > s.Topic.Replication {
		f.add("topic.min.insync.replicas", fmt.Sprintf("is %d of %d replicas, so that no write with acks all could succeed",
			s.Topic.MinInsyncReplicas, s.Topic.Replication), "at most topic.replication")
	}
	s.loadRules(f)
	if f.sound("publisher") {
		s.Publisher.rules(f)
	}
	if f.sound("producer") {
		s.Producer.rules(f)
	}
	if f.sound("faults") {
		s.faultRules(f)
	}
	if f.sound("expect") && f.sound("load") && f.sound("faults") {
		s.expectRules(f)
	}
}

func (s *Scenario) loadRules(f *findings) {
	if len(s.Load.Phases) == 0 && f.sound("load") {
		f.add("load.phases", "is empty", "at least one phase, such as {for: 60s, rate: 10}")
	}
	if !f.sound("load") {
		return
	}
	windows := make(map[string]int)
	steps, length := int64(0), s.Load.First
	for i := range s.Load.Phases {
		ph := &s.Load.Phases[i]
		path := fmt.Sprintf("load.phases[%d]", i)
		ph.rules(f, path)
		if first, twice := windows[ph.window(i)]; twice {
			f.add(path+".name", fmt.Sprintf("is %s, as that of load.phases[%d]", quote(ph.window(i)), first), "a name of its own")
		}
		windows[ph.window(i)] = i
		if !f.sound(path) {
			continue
		}
		if ph.Stairs != nil {
			if steps += ph.Stairs.steps(); steps > maxSteps {
				f.add(path+".stairs", "brings the steps of all stairs to "+grouped(steps), "at most "+grouped(maxSteps))
				return
			}
			if ph.Stairs.Each > maxTime/time.Duration(ph.Stairs.steps()) {
				f.add(path, "lasts longer than a scenario may", "at most 720h in all")
				return
			}
		}
		if length += ph.length(); length > maxTime {
			f.add(path, "brings the scenario to "+short(length), "at most 720h")
			return
		}
	}
	if f.sound("load") {
		s.sizeRules(f)
	}
}

// sizeRules holds the plan to what a run can account for.
func (s *Scenario) sizeRules(f *findings) {
	total := s.Plan().Total()
	switch {
	case total == 0:
		f.add("load", "plans no message", "a rate and a duration that make at least one")
	case total > maxMessages:
		f.add("load", "plans "+grouped(total)+" messages", "at most "+grouped(maxMessages))
	case f.sound("message") && s.Message.Bytes > 0 && total > maxPayload/s.Message.Bytes:
		f.add("load", fmt.Sprintf("plans %s messages of %s bytes", grouped(total), grouped(s.Message.Bytes)),
			"at most 10TB in all")
	}
}

func (ph *Phase) rules(f *findings, path string) {
	shapes := 0
	for _, set := range []bool{ph.Rate != nil, ph.Ramp != nil, ph.Stairs != nil} {
		if set {
			shapes++
		}
	}
	switch {
	case shapes == 0:
		f.add(path, "has no load", "one of rate, ramp, stairs")
	case shapes > 1:
		f.add(path, "has more than one load", "only one of rate, ramp, stairs")
	case ph.Stairs != nil && ph.For != 0:
		f.add(path+".for", "is not for stairs, which last as long as their steps do", "it left out")
	case ph.Stairs == nil && ph.For == 0:
		f.add(path+".for", "is missing", "how long the phase lasts, such as 60s")
	case ph.Stairs != nil:
		ph.Stairs.rules(f, path+".stairs")
	}
}

func (st *Stairs) rules(f *findings, path string) {
	height, by := st.height()
	rest := height % by
	if rest == 0 {
		return
	}
	below, above := float64(height-rest)/1e9, float64(height-rest+by)/1e9
	if st.To < st.From {
		below, above = -below, -above
	}
	f.add(path+".to", fmt.Sprintf("is %s, which steps of %s from %s do not meet", decimal(st.To), decimal(st.By), decimal(st.From)),
		decimal(st.From+below)+" or "+decimal(st.From+above))
}

func (p *Publisher) rules(f *findings) {
	r := p.Retry
	if r == nil {
		return
	}
	const path = "publisher.retry"
	switch {
	case p.Send == "forget":
		f.add(path, "is of no use with send: forget, which never hears of a failure", "it left out, or another send")
	case len(r.On) == 0:
		f.add(path+".on", "is empty", "one or both of timeout, error")
	case len(r.On) == 2 && r.On[0] == r.On[1]:
		f.add(path+".on[1]", "is "+r.On[1]+" again", "each once")
	case float64(r.Backoff)*math.Pow(r.Factor, float64(r.Attempts-1)) > float64(maxTime):
		f.add(path, "waits longer than 720h before its last attempt", "fewer attempts, or a smaller backoff or factor")
	}
}
