package scenario

import "time"

// Scenario is one experiment as data. Times, rates and quotas are those of
// scenario time; [Scenario.Scaled] makes the copy that is played faster.
type Scenario struct {
	// Name is what reports and commands call it: a-z, 0-9 and "-", up to 63.
	Name string
	// Title is one line, About a paragraph that a reader understands before the run.
	Title, About string

	Topic     Topic
	Message   Message
	Load      Load
	Publisher Publisher
	Producer  Producer
	Quotas    Quotas
	Faults    []Fault
	// Expect is what the scenario is there to show, in the order it was written.
	Expect []Expectation

	// original is the scenario that this one is a faster copy of, and speed how
	// much faster it is; nil unless Scaled made it.
	original *Scenario
	speed    float64
}

// Topic is the topic that a run makes.
type Topic struct {
	Partitions        int
	Replication       int
	Retention         time.Duration
	MaxMessageBytes   int64 // max.message.bytes
	MinInsyncReplicas int   // min.insync.replicas
}

// Message is what every message looks like.
type Message struct {
	Bytes int64  // of its value
	Key   string // "uuid" (36 characters, so partitions are chosen by its hash) or "none"
}

// Load is how many messages are due, and when.
type Load struct {
	// First is how long nothing is due at the beginning.
	First time.Duration
	// Bursts makes the messages of each such interval due at once, at its
	// begin; 0: evenly spaced.
	Bursts time.Duration
	Phases []Phase
}

// Phase is a stretch of load: exactly one of Rate, Ramp and Stairs is set.
type Phase struct {
	Name string        // may be empty
	For  time.Duration // of a rate or a ramp; stairs take as long as their steps do
	Rate *float64      // messages per second, held
	Ramp *Ramp
	// Stairs climb, or go down, in steps.
	Stairs *Stairs
}

// Ramp goes evenly from one rate to another, in messages per second.
type Ramp struct{ From, To float64 }

// Stairs hold the rates From, From±By and so on up to and including To, in
// messages per second, Each for so long.
type Stairs struct {
	From, To float64
	Each     time.Duration
	By       float64 // a step's height, always positive
}

// Publisher is the application under test.
type Publisher struct {
	// Send is "blocking" (waits for the answer), "callback" (is told when it
	// comes) or "forget" (never listens).
	Send    string
	Workers int
	// Wait is how long a blocking send waits for the answer. Its end does not
	// take the message back.
	Wait time.Duration
	// Contention, from 0 (an idle machine) to 1 (its threads fight for the
	// cores), is the chance that freed buffer memory goes to a newcomer rather
	// than to the first that waits for it.
	Contention float64
	// Queue is how many messages may wait for a worker; 0: any number.
	Queue int
	// Retry is the application's own; nil: none.
	Retry *Retry
}

// Retry is the application trying again by itself.
type Retry struct {
	Attempts int           // the first included
	Backoff  time.Duration // before the second attempt
	Factor   float64       // each further one is so many times longer
	Jitter   float64       // up to this share of it, longer or shorter, by chance
	On       []string      // "timeout" (the wait ended), "error" (the producer said no)
}

// Producer is the Kafka producer's configuration, with the Java client's
// meanings and defaults (org.apache.kafka.clients.producer.ProducerConfig, 4.x).
type Producer struct {
	Acks                string        // acks: "0", "1" or "all"
	BufferMemory        int64         // buffer.memory, bytes
	MaxBlock            time.Duration // max.block.ms
	DeliveryTimeout     time.Duration // delivery.timeout.ms
	RequestTimeout      time.Duration // request.timeout.ms
	Linger              time.Duration // linger.ms
	RetryBackoff        time.Duration // retry.backoff.ms
	RetryBackoffMax     time.Duration // retry.backoff.max.ms
	ReconnectBackoff    time.Duration // reconnect.backoff.ms
	ReconnectBackoffMax time.Duration // reconnect.backoff.max.ms
	MetadataMaxAge      time.Duration // metadata.max.age.ms
	BatchSize           int64         // batch.size, bytes
	MaxRequestSize      int64         // max.request.size, bytes
	Retries             int           // retries
	MaxInFlight         int           // max.in.flight.requests.per.connection
	EnableIdempotence   *bool         // enable.idempotence; nil: not set, see Idempotent
	CompressionType     string        // compression.type
}

// Quotas are the broker's limits on the producer.
type Quotas struct {
	ProducerByteRate float64       // producer_byte_rate, bytes per second on each broker; 0: none
	Window           time.Duration // quota.window.size.seconds
	Samples          int           // quota.window.num
}

// Default is a scenario in which everything that has a default has it. It has
// no name and no load yet.
func Default() *Scenario {
	return &Scenario{
		Topic:     Topic{Partitions: 9, Replication: 3, Retention: time.Minute, MaxMessageBytes: 1048588, MinInsyncReplicas: 1},
		Message:   Message{Bytes: 1024, Key: "uuid"},
		Publisher: Publisher{Send: "blocking", Workers: 50, Wait: 15 * time.Second, Contention: 0.1},
		Producer: Producer{
			Acks:                "all",
			BufferMemory:        32 << 20,
			MaxBlock:            time.Minute,
			DeliveryTimeout:     2 * time.Minute,
			RequestTimeout:      30 * time.Second,
			Linger:              5 * time.Millisecond,
			RetryBackoff:        100 * time.Millisecond,
			RetryBackoffMax:     time.Second,
			ReconnectBackoff:    50 * time.Millisecond,
			ReconnectBackoffMax: time.Second,
			MetadataMaxAge:      5 * time.Minute,
			BatchSize:           16384,
			MaxRequestSize:      1048576,
			Retries:             2147483647,
			MaxInFlight:         5,
			CompressionType:     "none",
		},
		Quotas: Quotas{Window: time.Second, Samples: 11},
	}
}

// defaultRetry is that of Resilience4j, which the experiments' program used.
func defaultRetry() Retry {
	return Retry{Attempts: 3, Backoff: 500 * time.Millisecond, Factor: 1, On: []string{"timeout", "error"}}
}

// Parse reads a scenario from YAML or JSON, strictly: whatever is unknown, of
// the wrong sort or impossible is an error that names the field, what is wrong
// and what would be right. The error is an [Errors] with all that was found.
func Parse(data []byte) (*Scenario, error) {
	tree, wrong := readTree(data)
	if wrong != nil {
		return nil, Errors{wrong}
	}
	return fromTree(tree)
}

func fromTree(tree *node) (*Scenario, error) {
	s := Default()
	f := newFindings()
	root := s.root()
	if tree.kind != isObject {
		f.add("", is(tree), root.wanted())
		return nil, f.err()
	}
	root.read(f, "", tree)
	s.Producer.settle(tree.get("producer").has("delivery.timeout.ms"))
	s.judge(f)
	if err := f.err(); err != nil {
		return nil, err
	}
	return s, nil
}

// Validate judges a scenario however it was made, as strictly as [Parse].
func (s *Scenario) Validate() error {
	f := newFindings()
	s.judge(f)
	return f.err()
}

func (s *Scenario) judge(f *findings) {
	s.root().check(f, "")
	s.rules(f)
}

// YAML writes the scenario with everything that is not as it is by default.
// Parse reads it back to the same scenario. One that is too long for the YAML
// reader is written as JSON, which is YAML, too.
func (s *Scenario) YAML() ([]byte, error) {
	if err := s.Validate(); err != nil {
		return nil, err
	}
	tree := s.root().write()
	if yaml := writeYAML(tree); len(yaml) <= maxYAML {
		return yaml, nil
	}
	return append(writeJSON(nil, tree), '\n'), nil
}

// MarshalJSON writes the same shape as YAML does.
func (s *Scenario) MarshalJSON() ([]byte, error) {
	if err := s.Validate(); err != nil {
		return nil, err
	}
	return writeJSON(nil, s.root().write()), nil
}

// UnmarshalJSON reads what [Parse] reads.
func (s *Scenario) UnmarshalJSON(data []byte) error {
	read, err := Parse(data)
	if err != nil {
		return err
	}
	*s = *read
	return nil
}
