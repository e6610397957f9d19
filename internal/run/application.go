package run

import (
	"context"
	"encoding/binary"
	"encoding/hex"
	"math/rand/v2"
	"strconv"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"kafkasim.example/simd/internal/ledger"
	"kafkasim.example/simd/internal/producer"
	"kafkasim.example/simd/internal/publisher"
)

// The headers by which a record is known again when it is read back.
const (
	headerRun     = "simd-run"
	headerSeq     = "simd-seq"
	headerAttempt = "simd-attempt"
)

// keyNone is the scenario's message.key for records without one.
const keyNone = "none"

// application is the application under test with its Kafka producer.
type application struct {
	*publisher.Publisher
	producer *producer.Producer
	patience time.Duration // of a graceful close
}

func (s *stage) startApplication(facts ledger.Recorder) (*application, error) {
	plan, seed := s.run.plan, s.run.rec.Seed
	p := plan.Producer
	// The client's own dialer comes last, so that it wins over the cluster's.
	opts := append(s.cluster.Opts(), kgo.Dialer(s.wire.Dial))
	client, err := producer.New(producerConfig(s.topic, plan, seed), opts...)
	if err != nil {
		return nil, err
	}
	out := &outlet{
		producer: client,
		run:      s.run.rec.ID,
		seed:     seed,
		keyed:    plan.Message.Key != keyNone,
		value:    payload(seed, plan.Message.Bytes),
	}
	return &application{
		Publisher: publisher.New(publisherConfig(plan, seed), s.base, out, facts),
		producer:  client,
		patience:  p.DeliveryTimeout + p.RequestTimeout,
	}, nil
}

// drain waits until every message has been told, and every record the producer
// has accepted was answered, which may be long after the application gave it up.
func (a *application) drain(ctx context.Context) error {
	if err := a.Drain(ctx); err != nil {
		return err
	}
	return a.producer.Flush(ctx)
}

// stop is a graceful shutdown, as patient as delivery.timeout.ms makes it, until
// kill ends.
func (a *application) stop(kill context.Context) error {
	if err := a.Stop(kill); err != nil {
		return err
	}
	defer context.AfterFunc(kill, func() { a.producer.Close(0) })()
	a.producer.Close(a.patience)
	return context.Cause(kill)
}

// kill is the application's sudden death. On one that has ended it does nothing.
func (a *application) kill() {
	a.Abort(func() { a.producer.Close(0) })
}

// outlet is the one door from the application to the producer: it makes records
// of messages.
type outlet struct {
	producer *producer.Producer
	run      string
	seed     uint64
	keyed    bool
	value    []byte // every message's: what matters is its size
}

// Send implements [publisher.Sender].
func (o *outlet) Send(m publisher.Message, attempt int, done func(publisher.Answer)) error {
	rec := producer.Record{
		Value: o.value,
		Headers: []producer.Header{
			{Key: headerRun, Value: []byte(o.run)},
			{Key: headerSeq, Value: strconv.AppendInt(nil, m.Seq, 10)},
			{Key: headerAttempt, Value: strconv.AppendInt(nil, int64(attempt), 10)},
		},
	}
	if o.keyed {
		rec.Key = key(o.seed, m.Seq)
	}
	err := o.producer.Send(&rec, func(a producer.Answer) {
		done(publisher.Answer{Err: a.Err, Cause: producer.Cause(a.Err), Partition: a.Partition, Offset: a.Offset})
	})
	if err != nil {
		return &publisher.Refusal{Cause: producer.Cause(err), Err: err}
	}
	return nil
}

// read takes a message's number and attempt out of a record's headers. A record
// of somebody else's is not counted.
func (r *Run) read(headers []kgo.RecordHeader, f *ledger.Fact) bool {
	ours := false
	var seqErr, attemptErr error
	for _, h := range headers {
		switch h.Key {
		case headerRun:
			ours = string(h.Value) == r.rec.ID
		case headerSeq:
			f.Seq, seqErr = strconv.ParseInt(string(h.Value), 10, 64)
		case headerAttempt:
			var n int64
			n, attemptErr = strconv.ParseInt(string(h.Value), 10, 32)
			f.Attempt = int32(n)
		}
	}
	return ours && seqErr == nil && attemptErr == nil
}

// key is the message's key: a UUID (version 8, RFC 9562) made of seed and number.
func key(seed uint64, seq int64) []byte {
	rng := rand.NewPCG(seed, uint64(seq))
	var id [16]byte
	binary.BigEndian.PutUint64(id[:8], rng.Uint64())
	binary.BigEndian.PutUint64(id[8:], rng.Uint64())
	id[6] = id[6]&0x0f | 0x80
	id[8] = id[8]&0x3f | 0x80
	text := make([]byte, 36)
	hex.Encode(text[0:8], id[0:4])
	hex.Encode(text[9:13], id[4:6])
	hex.Encode(text[14:18], id[6:8])
	hex.Encode(text[19:23], id[8:10])
	hex.Encode(text[24:36], id[10:16])
	text[8], text[13], text[18], text[23] = '-', '-', '-', '-'
	return text
}

// payload is a value that compresses about as well as hexadecimal digits do.
func payload(seed uint64, size int64) []byte {
	rng := rand.New(rand.NewPCG(seed, 0x7061796c6f6164))
	value := make([]byte, size)
	for i := range value {
		value[i] = "0123456789abcdef"[rng.Uint32()&15]
	}
	return value
}
