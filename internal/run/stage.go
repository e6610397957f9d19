package run

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"kafkasim.example/simd/internal/broker"
	"kafkasim.example/simd/internal/ledger"
	"kafkasim.example/simd/internal/wire"
)

// stage is what a run has built on a cluster, and takes away again.
type stage struct {
	run     *Run
	cluster *broker.Cluster
	topic   string // also the client id and the consumer group's name
	wire    *wire.Wire

	base     time.Time
	reader   *broker.Reader
	consumer *broker.Consumer
}

const (
	// settingUp and takingDown bound what is asked of a cluster before and after a run.
	settingUp  = 30 * time.Second
	takingDown = 15 * time.Second
	// catchingUp is how long the readers may take to reach the log's end.
	catchingUp = 2 * time.Minute
	// lastLook is how long they may take when everything is to end at once.
	lastLook = 5 * time.Second
)

// name is what everything is called that a run makes on a cluster.
func (rec *record) name() string { return broker.Prefix + rec.ID }

// build makes the topic and sets the quota. What it makes is noted in the run's
// folder before, so that the next process can take it away if this one dies.
func (r *Run) build(ctx context.Context, cluster *broker.Cluster) (*stage, error) {
	ctx, cancel := context.WithTimeout(ctx, settingUp)
	defer cancel()
	r.mu.Lock()
	r.rec.Leftovers = !cluster.Embedded()
	r.rec.Brokers = len(cluster.BrokerIDs())
	r.builder.OnCluster(r.rec.Brokers)
	err := r.folder.save(&r.rec)
	r.mu.Unlock()
	if err != nil {
		return nil, fmt.Errorf("saving the run: %w", err)
	}
	s := &stage{run: r, cluster: cluster, topic: r.rec.name(), wire: wire.New(cluster.Dial())}
	s.wire.SetSeed(r.rec.Seed)
	plan := r.plan
	maxBytes, minInsync := strconv.FormatInt(plan.Topic.MaxMessageBytes, 10), strconv.Itoa(plan.Topic.MinInsyncReplicas)
	err = cluster.CreateTopic(ctx, broker.Topic{
		Name:        s.topic,
		Partitions:  int32(plan.Topic.Partitions),
		Replication: int16(plan.Topic.Replication),
		Retention:   retention(cluster, plan.Topic.Retention),
		Configs: map[string]*string{
			"max.message.bytes":   &maxBytes,
			"min.insync.replicas": &minInsync,
		},
	})
	if err == nil {
		err = s.setQuota(ctx, plan.Quotas.ProducerByteRate)
	}
	if err != nil {
		return nil, errors.Join(err, s.strike())
	}
	return s, nil
}

// leastRetention is how long a real cluster keeps a run's records at least, by
// the clock on the wall: a scenario played fast would have them deleted before
// the log reader has seen them.
const leastRetention = time.Minute

func retention(cluster *broker.Cluster, planned time.Duration) time.Duration {
	if cluster.Embedded() || planned == 0 {
		return planned
	}
	return max(planned, leastRetention)
}

// setQuota limits what the application may produce, in bytes a second on each
// broker; 0 lifts the limit. An embedded cluster knows no quotas: its wire does.
func (s *stage) setQuota(ctx context.Context, rate float64) error {
	switch {
	case s.cluster.Embedded():
		q := s.run.plan.Quotas
		s.wire.SetQuota(wire.Quota{BytesPerSecond: rate, Window: q.Window, Samples: q.Samples})
		return nil
	case rate > 0:
		return s.cluster.SetQuota(ctx, s.topic, rate)
	default:
		return s.cluster.RemoveQuota(ctx, s.topic)
	}
}

// openReaders starts the reader of the log and the application's consumer, and
// the run's time.
func (s *stage) openReaders(ctx context.Context, facts ledger.Recorder) (err error) {
	timed := make(chan struct{}) // nothing is recorded before there is a base time
	defer close(timed)
	into := func(kind ledger.Kind) func(broker.Record) {
		return func(rec broker.Record) {
			<-timed
			f := ledger.Fact{Kind: kind, At: rec.At.Sub(s.base), Partition: rec.Partition, Offset: rec.Offset}
			if s.run.read(rec.Headers, &f) {
				facts.Record(f)
			}
		}
	}
	s.reader, err = s.cluster.ReadLog(ctx, s.topic, into(ledger.Written))
	if err == nil {
		s.consumer, err = s.cluster.Consume(ctx, s.topic, s.topic, s.wire.Dial, into(ledger.Consumed))
	}
	s.base = time.Now()
	s.run.setBase(s.base)
	return err
}

// readToTheEnd has both readers read what is in the log now. Without the log's
// end there is no verdict: that is an error. A consumer that is behind is a fact.
func (s *stage) readToTheEnd(kill context.Context, facts ledger.Recorder) error {
	limit := catchingUp
	if kill.Err() != nil {
		limit = lastLook
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(kill), limit)
	defer cancel()
	defer context.AfterFunc(kill, func() {
		time.AfterFunc(lastLook, cancel) // who is in a hurry now gets no more than that
	})()
	err := s.reader.CaughtUp(ctx)
	if err != nil {
		err = fmt.Errorf("the log could not be read to its end, so copies may be missing from the count: %w", err)
	} else if err := s.consumer.CaughtUp(ctx); err != nil {
		s.run.note("The consumer group did not catch up with the log: %v.", err)
	}
	for _, gap := range s.reader.Unread() {
		facts.Record(ledger.Fact{Kind: ledger.Unread, At: time.Since(s.base), Partition: gap.Partition, Offset: gap.From, Until: gap.To})
	}
	return err
}

// strike ends the readers and the wire, and takes away what was made on the cluster.
func (s *stage) strike() error {
	if s.consumer != nil {
		s.consumer.Close()
	}
	if s.reader != nil {
		s.reader.Close()
	}
	err := s.wire.Close()
	if s.cluster.Embedded() {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), takingDown)
	defer cancel()
	if cleanErr := s.cluster.Cleanup(ctx, s.topic, s.topic, s.topic); cleanErr != nil {
		s.run.log.Warn("what the run made on the cluster is still there; it will be taken away at the next start", "topic", s.topic, "error", cleanErr)
		s.run.note("topic, quota and group %s are still on the cluster (%v)", s.topic, cleanErr)
		return err
	}
	s.run.mu.Lock()
	s.run.rec.Leftovers = false
	s.run.mu.Unlock()
	return err
}

// note adds a sentence that a reader of the report must know.
func (r *Run) note(format string, args ...any) {
	r.notes = append(r.notes, fmt.Sprintf(format, args...))
}
