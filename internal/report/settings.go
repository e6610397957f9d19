package report

import (
	"fmt"
	"strconv"

	"kafkasim.example/simd/internal/scenario"
)

// Setting is a setting of the scenario, and what it means in this run.
type Setting struct {
	Group   string
	Name    string // its path in the scenario
	Value   string
	Meaning string // "" where the name says it all
	Usual   bool   // it is as it is by default
}

// explained lists every setting with what it means in this run, in plain words.
// Nil when the report does not hold its scenario.
func (r *Report) explained() []Setting {
	s, ok := r.setup()
	if !ok {
		return nil
	}
	var all []Setting
	group := func(name, prefix string, settings ...Setting) {
		for _, one := range settings {
			one.Group, one.Name = name, prefix+one.Name
			all = append(all, one)
		}
	}
	group("Load", "", s.loadSettings()...)
	group("Application", "publisher.", s.publisherSettings()...)
	group("Producer", "producer.", s.producerSettings()...)
	group("Topic and brokers", "", s.clusterSettings()...)
	group("Faults", "", s.faultSettings()...)
	return all
}

// set is a setting; usual is its default.
func set[T comparable](name string, value, usual T, show func(T) string, meaning string, args ...any) Setting {
	if len(args) > 0 {
		meaning = fmt.Sprintf(meaning, args...)
	}
	return Setting{Name: name, Value: show(value), Meaning: meaning, Usual: value == usual}
}

func word(s string) string { return s }
func number(n int) string  { return grouped(int64(n)) }
func decimal(v float64) string {
	return strconv.FormatFloat(v, 'f', -1, 64)
}

func (s setup) loadSettings() []Setting {
	usual := scenario.Default()
	bursts := "evenly spaced"
	if b := s.Load.Bursts; b > 0 {
		bursts = fmt.Sprintf("the messages of each %s are due at once, up to %s in one moment", span(b), tidy(s.peak()*b.Seconds()))
	}
	out := []Setting{
		set("message.bytes", s.Message.Bytes, usual.Message.Bytes, size, "with key, headers and overhead about %s of buffer memory each", counted(s.recordBytes(), "byte", "bytes")),
		set("message.key", s.Message.Key, usual.Message.Key, word, "%s", map[string]string{
			"uuid": "a UUID: its hash chooses the partition", "none": "the producer fills one partition's batch, then goes to another",
		}[s.Message.Key]),
		set("load.first", s.Load.First, 0, span, "nothing is due before"),
		set("load.bursts", s.Load.Bursts, 0, span, "%s", bursts),
	}
	for i, w := range s.Plan().Windows() {
		p := s.Load.Phases[i]
		value := ""
		switch {
		case p.Rate != nil:
			value = tidy(*p.Rate) + " a second"
		case p.Ramp != nil:
			value = fmt.Sprintf("from %s to %s a second", tidy(p.Ramp.From), tidy(p.Ramp.To))
		case p.Stairs != nil:
			value = fmt.Sprintf("from %s to %s a second in steps of %s, %s each", tidy(p.Stairs.From), tidy(p.Stairs.To), tidy(p.Stairs.By), span(p.Stairs.Each))
		}
		meaning := fmt.Sprintf("t = %s s to %s s", tidy(w.From.Seconds()), tidy(w.To.Seconds()))
		if p := s.phase(w.Name); p != nil && p.Kind == PhaseLoad {
			meaning += ": " + counted(p.Scheduled, "message", "messages")
		}
		out = append(out, Setting{Name: "load.phases." + w.Name, Value: value + ", " + span(w.To-w.From), Meaning: meaning})
	}
	return out
}

func (s setup) publisherSettings() []Setting {
	p, usual := s.Scenario.Publisher, scenario.Default().Publisher
	wait := "after that the application has heard nothing; the message stays in the producer all the same"
	if p.Send != "blocking" {
		wait = "no meaning here: only a blocking send waits"
	} else if p.Wait < s.Scenario.Producer.DeliveryTimeout {
		wait = fmt.Sprintf("shorter than delivery.timeout.ms (%s): the application gives up while the producer still tries", span(s.Scenario.Producer.DeliveryTimeout))
	}
	queue := "any number of messages may wait for a worker"
	if p.Queue > 0 {
		queue = "so many may wait for a worker; what comes beyond that is dropped"
	}
	out := []Setting{
		set("send", p.Send, usual.Send, word, "%s", map[string]string{
			"blocking": "a worker waits for the answer to one message before it takes the next",
			"callback": "a worker hands over and goes on; it is told when the answer comes",
			"forget":   "a worker hands over and never listens for the answer",
		}[p.Send]),
		set("workers", p.Workers, usual.Workers, number, "so many messages at most are between the application and its answer; the buffer has room for about %s", grouped(s.room())),
		set("wait", p.Wait, usual.Wait, span, "%s", wait),
		set("queue", p.Queue, usual.Queue, number, "%s", queue),
		set("contention", p.Contention, usual.Contention, decimal, "the chance that freed buffer memory goes to a newcomer and not to the longest waiting worker"),
	}
	if r := p.Retry; r != nil {
		backoff := span(r.Backoff) + " apart"
		if r.Factor != 1 {
			backoff = fmt.Sprintf("%s apart, %s times longer each time", span(r.Backoff), tidy(r.Factor))
		}
		out = append(out, Setting{
			Name:    "retry",
			Value:   fmt.Sprintf("%d attempts, %s, on %s", r.Attempts, backoff, listed(r.On)),
			Meaning: "made by the application itself: an attempt that only timed out may still be written, and then the next one is a copy",
		})
	} else {
		out = append(out, Setting{Name: "retry", Value: "none", Meaning: "the application tries each message once", Usual: true})
	}
	return out
}

func (s setup) producerSettings() []Setting {
	p, usual := s.Scenario.Producer, scenario.Default().Producer
	acks := map[string]string{
		"0":   "a yes means only that the message was sent: nobody has to have it",
		"1":   "a yes means that the partition's leader has it: if that broker dies before the others have copied it, it is gone",
		"all": fmt.Sprintf("a yes means that every replica in sync has it, at least %s", counted(int64(s.Scenario.Topic.MinInsyncReplicas), "broker", "brokers")),
	}[p.Acks]
	room := fmt.Sprintf("room for about %s of this size, where %s send", counted(s.room(), "message", "messages"), counted(int64(s.Scenario.Publisher.Workers), "worker", "workers"))
	if p.BatchSize > s.recordBytes() {
		room = fmt.Sprintf("room for %s of %s, about %s", counted(p.BufferMemory/p.BatchSize, "batch", "batches"), size(p.BatchSize), counted(s.room(), "message", "messages"))
	}
	retries := "an attempt that fails is tried again until delivery.timeout.ms has passed"
	if p.Retries == 0 {
		retries = "one failed attempt, and the message is given up"
	}
	batch := "a batch is sent when it is this full"
	if p.BatchSize <= s.recordBytes() {
		batch = "less than one message of this size: each is a batch of its own"
	}
	linger := "a batch waits so long for more messages"
	if p.Linger == 0 {
		linger = "a batch is sent as soon as a connection is free"
	}
	idempotent := "none of the producer's own retries can make a copy"
	if !p.Idempotent() {
		idempotent = "a retry of the producer may make a copy, or change the order"
	}
	given := p.EnableIdempotence != nil
	block := fmt.Sprintf("a send waits so long for buffer memory, then the message is refused: %s", counted(s.Attempts["buffer_exhausted"], "time", "times")+" in this run")
	return []Setting{
		set("acks", p.Acks, usual.Acks, word, "%s", acks),
		set("buffer.memory", p.BufferMemory, usual.BufferMemory, size, "%s", room),
		set("max.block.ms", p.MaxBlock, usual.MaxBlock, span, "%s", block),
		set("delivery.timeout.ms", p.DeliveryTimeout, usual.DeliveryTimeout, span, "from the buffer to its answer, retries included, a message may take so long"),
		set("request.timeout.ms", p.RequestTimeout, usual.RequestTimeout, span, "a request without an answer is given up after that"),
		set("retries", p.Retries, usual.Retries, number, "%s", retries),
		{Name: "enable.idempotence", Value: strconv.FormatBool(p.Idempotent()), Meaning: idempotent, Usual: !given},
		set("max.in.flight.requests.per.connection", p.MaxInFlight, usual.MaxInFlight, number, "so many requests at a time are under way to each broker"),
		set("linger.ms", p.Linger, usual.Linger, span, "%s", linger),
		set("batch.size", p.BatchSize, usual.BatchSize, size, "%s", batch),
		set("max.request.size", p.MaxRequestSize, usual.MaxRequestSize, size, "a larger message is refused by the producer itself"),
		set("compression.type", p.CompressionType, usual.CompressionType, word, ""),
		set("retry.backoff.ms", p.RetryBackoff, usual.RetryBackoff, span, "the producer's pause before its first retry"),
		set("retry.backoff.max.ms", p.RetryBackoffMax, usual.RetryBackoffMax, span, "and its longest"),
		set("reconnect.backoff.ms", p.ReconnectBackoff, usual.ReconnectBackoff, span, "the pause before it connects again"),
		set("reconnect.backoff.max.ms", p.ReconnectBackoffMax, usual.ReconnectBackoffMax, span, "and its longest"),
		set("metadata.max.age.ms", p.MetadataMaxAge, usual.MetadataMaxAge, span, "how old what it knows about leaders may be"),
	}
}

func (s setup) clusterSettings() []Setting {
	t, usual := s.Scenario.Topic, scenario.Default()
	insync := "with acks all, so many brokers must have a message before it is acknowledged"
	if s.Scenario.Producer.Acks != "all" {
		insync = "no meaning here: it takes acks all"
	}
	quota := "none: the brokers take what they can"
	if s.Quotas.ProducerByteRate > 0 {
		quota = fmt.Sprintf("on each broker about %s messages of this size a second", tidy(s.perBroker()))
		if s.Brokers > 0 {
			quota += fmt.Sprintf(", on %s about %s", counted(int64(s.Brokers), "broker", "brokers"), tidy(s.letThrough()))
		}
		quota += fmt.Sprintf("; in the best minute of this run %s a second went through", tidy(s.mostWritten()))
	}
	rate := func(v float64) string {
		if v == 0 {
			return "none"
		}
		return size(int64(v)) + " a second"
	}
	return []Setting{
		set("topic.partitions", t.Partitions, usual.Topic.Partitions, number, ""),
		set("topic.replication", t.Replication, usual.Topic.Replication, number, "so many brokers have a copy of each partition"),
		set("topic.retention", t.Retention, usual.Topic.Retention, span, "a consumer that is further behind than that misses messages"),
		set("topic.max.message.bytes", t.MaxMessageBytes, usual.Topic.MaxMessageBytes, size, "a larger batch is refused by the broker"),
		set("topic.min.insync.replicas", t.MinInsyncReplicas, usual.Topic.MinInsyncReplicas, number, "%s", insync),
		set("quotas.producer_byte_rate", s.Quotas.ProducerByteRate, 0, rate, "%s", quota),
		set("quotas.quota.window.size.seconds", s.Quotas.Window, usual.Quotas.Window, span, "the quota is measured in windows of this length"),
		set("quotas.quota.window.num", s.Quotas.Samples, usual.Quotas.Samples, number, "and over so many of them"),
	}
}

func (s setup) faultSettings() []Setting {
	var out []Setting
	for i, f := range s.Scenario.Faults {
		value := "at t = " + tidy(f.At.Seconds()) + " s"
		if f.For > 0 {
			value += ", for " + span(f.For)
		}
		out = append(out, Setting{Name: fmt.Sprintf("faults[%d]: %s", i, plain(f.Kind)), Value: value + faultDetails(f), Meaning: faultMeaning(f)})
	}
	return out
}

func faultDetails(f scenario.Fault) string {
	text := ""
	add := func(format string, args ...any) { text += ", " + fmt.Sprintf(format, args...) }
	if len(f.Brokers) > 0 {
		add("brokers %v", f.Brokers)
	}
	if f.Leaders == "first_back" {
		add("the first broker back leads all partitions for %s", span(f.Rebalance))
	}
	if f.Latency > 0 {
		add("%s more each way", span(f.Latency))
	}
	if f.Bandwidth > 0 {
		add("%s a second", size(int64(f.Bandwidth)))
	}
	if f.Fraction > 0 {
		add("%s %% of the requests", tidy(100*f.Fraction))
	}
	if f.Kind == "quota" {
		add("%s a second on each broker", size(int64(f.ProducerByteRate)))
	}
	if f.Kind == "leader_move" {
		add("to broker %d", f.To)
	}
	if f.Each > 0 {
		add("each away for %s, %s between two", span(f.Each), span(f.Pause))
	}
	if f.Mode != "" {
		add("%s", f.Mode)
	}
	return text
}

func faultMeaning(f scenario.Fault) string {
	return map[string]string{
		"outage":                "connections are cut and refused",
		"slow":                  "everything takes longer on its way to the brokers and back",
		"lost_answers":          "messages are written, and the answer never arrives",
		"acknowledged_and_gone": "messages are acknowledged, and never written",
		"quota":                 "the brokers let another rate through from now on",
		"stop": map[bool]string{true: "what is in the producer's buffer is thrown away",
			false: "what is in the producer's buffer is still sent"}[f.Mode == "abrupt"],
	}[f.Kind]
}
