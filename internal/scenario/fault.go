package scenario

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Fault is something that goes wrong, from At on and For so long; For 0: until
// the run's end. Which of the other fields mean something is a matter of Kind:
// see faultKinds.
type Fault struct {
	Kind    string
	At, For time.Duration
	// Brokers are the ids of those concerned; empty: all.
	Brokers []int

	Leaders          string        // outage: "kept" or "first_back"
	Rebalance        time.Duration // outage: how long the first one back keeps all leaders
	Latency          time.Duration // slow: what a request and its answer take longer
	Bandwidth        float64       // slow: bytes per second and connection, each way; 0: no limit
	Fraction         float64       // lost_answers, acknowledged_and_gone: of the requests
	ProducerByteRate float64       // quota: bytes per second on each broker; 0: none
	To               int           // leader_move: the broker's id
	Each, Pause      time.Duration // rolling_restart: how long each is away, and between two
	Mode             string        // stop: "graceful" or "abrupt"
}

// faultKind is what simd knows about a kind of fault.
type faultKind struct {
	name     string
	playable bool   // the engine plays it; the others are refused before a run
	fields   string // besides kind, at and for
	required string // of these
	endless  bool   // it has no end: for may be left out
	instant  bool   // it has no duration: for must be left out
	usual    Fault  // its defaults
}

// faultKinds are all kinds that the format has. To make one playable, play it
// in the engine and say so here.
var faultKinds = []faultKind{
	{name: "outage", playable: true, fields: "brokers leaders rebalance", usual: Fault{Leaders: "kept"}},
	{name: "slow", playable: true, fields: "latency bandwidth brokers", endless: true},
	{name: "lost_answers", playable: true, fields: "fraction brokers", required: "fraction", endless: true},
	{name: "acknowledged_and_gone", playable: true, fields: "fraction brokers", required: "fraction", endless: true},
	{name: "quota", playable: true, fields: "producer_byte_rate", required: "producer_byte_rate", endless: true},
	{name: "stop", playable: true, fields: "mode", instant: true, usual: Fault{Mode: "graceful"}},
	{name: "broker_down", fields: "brokers"},
	{name: "leader_move", fields: "to", required: "to", endless: true},
	{name: "rolling_restart", fields: "each pause", required: "each", instant: true},
	{name: "not_enough_replicas"},
	{name: "crash"},
	{name: "store_down"},
}

const (
	// faultGrace is how long after the load's end a fault may still begin.
	faultGrace = 10 * time.Minute
	// rebalanceInterval is Kafka's leader.imbalance.check.interval.seconds.
	rebalanceInterval = 300 * time.Second
)

func kindOf(name string) (faultKind, bool) {
	i := slices.IndexFunc(faultKinds, func(k faultKind) bool { return k.name == name })
	if i < 0 {
		return faultKind{}, false
	}
	k := faultKinds[i]
	k.usual.Kind = name
	return k, true
}

// playableKinds are the names of the faults that can be made.
func playableKinds() []string {
	var list []string
	for _, k := range faultKinds {
		if k.playable {
			list = append(list, k.name)
		}
	}
	return list
}

// allFaultFields are those of every kind together.
func allFaultFields(x *Fault) []field {
	return []field{
		{"kind", words(&x.Kind, "one of "+strings.Join(playableKinds(), ", "), func(string) string { return "" }), true},
		{"at", span(&x.At, 0, maxTime+faultGrace), true},
		{"for", span(&x.For, 0, maxTime), false},
		{"brokers", list[int]{&x.Brokers, func(id *int) value { return whole(id, 0, maxInt) }, maxBrokers, "broker ids"}, false},
		{"leaders", choice(&x.Leaders, "kept", "first_back"), false},
		{"rebalance", span(&x.Rebalance, 0, maxTime), false},
		{"latency", span(&x.Latency, 0, time.Hour), false},
		{"bandwidth", byteRate(&x.Bandwidth), false},
		{"fraction", share(&x.Fraction), false},
		{"producer_byte_rate", byteRate(&x.ProducerByteRate), false},
		{"to", whole(&x.To, 0, maxInt), false},
		{"each", span(&x.Each, time.Millisecond, maxTime), false},
		{"pause", span(&x.Pause, 0, maxTime), false},
		{"mode", choice(&x.Mode, "graceful", "abrupt"), false},
	}
}

// fieldsOf are those that the kind has.
func (k faultKind) fieldsOf(x *Fault) []field {
	var own []field
	for _, fd := range allFaultFields(x) {
		switch {
		case slices.Contains(strings.Fields(k.fields), fd.name):
			fd.required = slices.Contains(strings.Fields(k.required), fd.name)
			own = append(own, fd)
		case fd.name == "for" && !k.instant:
			fd.required = !k.endless
			own = append(own, fd)
		case fd.name == "kind", fd.name == "at":
			own = append(own, fd)
		}
	}
	return own
}

// elsewhere says which kinds have a field that this one does not.
func (k faultKind) elsewhere(name string) string {
	var list []string
	for _, other := range faultKinds {
		if slices.Contains(strings.Fields(other.fields), name) {
			list = append(list, other.name)
		}
	}
	return strings.Join(list, " and ")
}

// anyFault is a fault whose kind decides what fields it has.
type anyFault struct{ p *Fault }

func (v anyFault) object(k faultKind) object[Fault] {
	return object[Fault]{
		p: v.p, what: k.name, fields: k.fieldsOf,
		usual: func() Fault { return k.usual },
		explain: func(name string) (problem, want string) {
			if kinds := k.elsewhere(name); kinds != "" {
				return "is a field of " + kinds + ", not of " + k.name, "only " + strings.Join(names(k.fieldsOf(v.p)), ", ")
			}
			if name == "for" {
				return "is no field of " + k.name + ", which lasts no time that could be set", "it left out"
			}
			return "", ""
		},
	}
}

func (v anyFault) read(f *findings, path string, n *node) {
	if n.kind != isObject {
		f.add(path, is(n), v.wanted())
		return
	}
	name := n.get("kind")
	if name == nil || name.kind == isNull {
		f.add(join(path, "kind"), "is missing", "one of "+strings.Join(playableKinds(), ", "))
		return
	}
	f.lines[join(path, "kind")] = name.line
	k, known := kindOf(name.text)
	if name.kind != isText || !known {
		f.add(join(path, "kind"), is(name), Nearest(name.text, playableKinds()))
		return
	}
	*v.p = k.usual
	v.object(k).read(f, path, n)
	if v.p.Leaders == "first_back" && !n.has("rebalance") {
		v.p.Rebalance = rebalanceInterval
	}
}

func (v anyFault) check(f *findings, path string) {
	k, known := kindOf(v.p.Kind)
	if !known {
		f.add(join(path, "kind"), is(text(v.p.Kind)), Nearest(v.p.Kind, playableKinds()))
		return
	}
	if !k.playable {
		f.add(join(path, "kind"), "is "+k.name+", which is not simulated yet", "one of "+strings.Join(playableKinds(), ", "))
		return
	}
	o := v.object(k)
	o.check(f, path)
	// A fault made in Go may hold what its kind does not have.
	own := names(o.fields(v.p))
	zero := allFaultFields(&Fault{})
	for i, fd := range allFaultFields(v.p) {
		if !slices.Contains(own, fd.name) && !fd.value.write().equal(zero[i].value.write()) {
			problem, want := o.unknown(fd.name)
			f.add(join(path, fd.name), problem, want)
		}
	}
	if f.sound(path) {
		v.p.rules(f, path, k)
	}
}

func (v anyFault) write() *node {
	k, _ := kindOf(v.p.Kind)
	return v.object(k).write()
}

func (v anyFault) wanted() string {
	return "a mapping with kind, at, and what the kind needs"
}

// rules are those about several fields of one fault.
func (x *Fault) rules(f *findings, path string, k faultKind) {
	if !k.instant && !k.endless && x.For == 0 {
		f.add(join(path, "for"), "is 0s", "how long the fault lasts, such as 60s")
	}
	for i, id := range x.Brokers {
		if slices.Contains(x.Brokers[:i], id) {
			f.add(fmt.Sprintf("%s.brokers[%d]", path, i), fmt.Sprintf("is %d, which is there already", id), "each broker once")
		}
	}
	switch {
	case x.Kind == "outage" && x.Leaders == "kept" && x.Rebalance != 0:
		f.add(join(path, "rebalance"), "is for leaders: first_back only", "it left out, or leaders: first_back")
	case x.Kind == "outage" && x.Leaders == "first_back" && x.Rebalance == 0:
		f.add(join(path, "rebalance"), "is 0s", "how long the first broker back leads all partitions, such as 300s")
	case x.Kind == "slow" && x.Latency == 0 && x.Bandwidth == 0:
		f.add(path, "slows nothing down", "a latency or a bandwidth above 0")
	}
}

// faultRules are those about faults together, and about the plan that they hit.
func (s *Scenario) faultRules(f *findings) {
	if f.sound("load") {
		latest := s.Plan().End() + faultGrace
		for i, x := range s.Faults {
			if x.At > latest {
				f.add(fmt.Sprintf("faults[%d].at", i), "is "+short(x.At)+", long after the load has ended",
					"at most "+short(latest)+", 10m after its end")
			}
		}
	}
	for i := range s.Faults {
		for j := range i {
			if why := s.Faults[i].clash(&s.Faults[j]); why != "" {
				f.add(fmt.Sprintf("faults[%d]", i), fmt.Sprintf("overlaps faults[%d], %s", j, why),
					"one after the other, or of different brokers")
				break
			}
		}
	}
}

// clash says why two faults cannot both be: they are of one kind, at one
// time, on one broker.
func (x *Fault) clash(y *Fault) string {
	if x.Kind != y.Kind || x.At >= y.ends() || y.At >= x.ends() {
		return ""
	}
	if len(x.Brokers) == 0 || len(y.Brokers) == 0 {
		return "also " + x.Kind
	}
	for _, id := range x.Brokers {
		if slices.Contains(y.Brokers, id) {
			return fmt.Sprintf("also %s, on broker %d", x.Kind, id)
		}
	}
	return ""
}

// ends is when the fault is over; one without an end outlasts any run.
func (x *Fault) ends() time.Duration {
	if x.For == 0 {
		return 1<<63 - 1
	}
	return x.At + x.For
}
