package scenario

import (
	"slices"
	"strings"
	"testing"
	"time"
)

// What the Java client 4.4.0 makes of each configuration, tried on
// ProducerConfig and KafkaProducer themselves.
func TestIdempotenceIsThatOfTheJavaClient(t *testing.T) {
	for _, c := range []struct {
		producer string
		on       bool
		refused  string // the path
	}{
		{"{}", true, ""},
		{"{acks: 1}", false, ""},
		{"{acks: -1}", true, ""},
		{"{retries: 0}", false, ""},
		{"{enable.idempotence: false}", false, ""},
		{"{enable.idempotence: true}", true, ""},
		{"{enable.idempotence: true, acks: 1}", false, "producer.enable.idempotence"},
		{"{enable.idempotence: true, retries: 0}", false, "producer.enable.idempotence"},
		{"{max.in.flight.requests.per.connection: 5}", true, ""},
		{"{max.in.flight.requests.per.connection: 6}", false, "producer.max.in.flight.requests.per.connection"},
		{"{max.in.flight.requests.per.connection: 6, acks: 1}", false, "producer.max.in.flight.requests.per.connection"},
		{"{max.in.flight.requests.per.connection: 6, enable.idempotence: false}", false, ""},
	} {
		s, err := Parse([]byte(smallest + "producer: " + c.producer))
		switch {
		case c.refused != "":
			if err == nil || !strings.HasPrefix(err.Error(), c.refused+" ") {
				t.Errorf("%s: %v, want it refused for %s", c.producer, err, c.refused)
			}
		case err != nil:
			t.Errorf("%s: %v", c.producer, err)
		case s.Producer.Idempotent() != c.on:
			t.Errorf("%s: idempotent = %v", c.producer, !c.on)
		}
	}
}

func TestDeliveryTimeoutIsRaisedOnlyWhereNobodySetIt(t *testing.T) {
	for producer, want := range map[string]time.Duration{
		"{}":                           2 * time.Minute,
		"{request.timeout.ms: 200000}": 200*time.Second + 5*time.Millisecond,
		"{linger.ms: 100000}":          130 * time.Second,
		"{linger.ms: 2147483647}":      longestInJava,
		"{linger.ms: 2147483647, delivery.timeout.ms: 2147483647}":  longestInJava,
		"{request.timeout.ms: 200000, delivery.timeout.ms: 120000}": 0,
	} {
		s, err := Parse([]byte(smallest + "producer: " + producer))
		if want == 0 {
			if err == nil {
				t.Errorf("%s was taken", producer)
			}
		} else if err != nil || s.Producer.DeliveryTimeout != want {
			t.Errorf("%s: %v", producer, err)
		}
	}
}

func TestEveryPropertyOfTheJavaClientHasItsAnswer(t *testing.T) {
	known := append(strings.Fields(notSimulated), names(producerFields(new(Producer)))...)
	slices.Sort(known)
	if len(known) != 119 || len(slices.Compact(known)) != 119 {
		t.Errorf("%d properties, want the 119 of ProducerConfig 4.4.0, each once", len(known))
	}
	for name := range strings.FieldsSeq(notSimulated) {
		_, err := Parse([]byte(smallest + "producer: {" + name + ": 1}"))
		if want := "producer." + name + " exists in the Java client and is not simulated; want it left out"; err == nil || err.Error() != want {
			t.Errorf("said %v, want %s", err, want)
		}
	}
}
