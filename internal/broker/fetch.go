package broker

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

// Record is a record as it was read. Key and Headers are only lent: what they
// point to is used again when the call that got them has returned.
type Record struct {
	Partition int32
	Offset    int64
	Key       []byte
	Headers   []kgo.RecordHeader
	At        time.Time // when it was read; the same for all that came in one answer
}

// fetchBytes is how large an answer may become. A client holds one of each broker,
// so three brokers and two clients hold 24 MiB at most (a single larger batch comes
// whole, in any case), and much less unless they lag. Much smaller answers would
// make them lag for good: an embedded cluster serves its connections in turn, and a
// producer that writes as fast as it can puts a batch of a megabyte into each.
const fetchBytes = 4 << 20

// fetchOpts are those of every client that reads.
func (c *Cluster) fetchOpts() []kgo.Opt {
	opts := []kgo.Opt{
		kgo.FetchMaxBytes(fetchBytes),
		kgo.FetchMaxPartitionBytes(fetchBytes / 2),
		// How long a broker with nothing new holds its answer back. A partition whose
		// leader moves meanwhile is noticed only then. In a test's virtual time each
		// answer costs real time.
		kgo.FetchMaxWait(time.Second),
		// The end of a log can be a transaction's marker: only who sees it comes to
		// the end.
		kgo.KeepControlRecords(),
		kgo.WithPools(&recordPool{}),
		kgo.RetryBackoffFn(backoff),
	}
	if c.fake != nil {
		// kfake has checked it, and no bit falls over in between.
		opts = append(opts, kgo.DisableFetchCRCValidation())
	}
	return opts
}

// backoff is how long to wait before the n-th try, from 1 on: as long as the Java
// consumer does by default (retry.backoff.ms 100, retry.backoff.max.ms 1000), so
// that reading goes on within about a second of an outage's end.
func backoff(n int) time.Duration {
	return min(time.Second, 100*time.Millisecond<<min(max(n-1, 0), 4))
}

// pause is between an answer that is an error and the next try: a broker can give
// the same one again at once, and would be asked without end.
func pause(ctx context.Context) {
	select {
	case <-time.After(250 * time.Millisecond):
	case <-ctx.Done():
	}
}

// unreadable says why a topic cannot be read.
func (c *Cluster) unreadable(topic string, err error) error {
	allowed := "Read on the topic"
	if errors.Is(err, kerr.GroupAuthorizationFailed) {
		allowed = "Read on the group"
	}
	return c.failed(fmt.Sprintf("reading topic %q", topic), allowed, err, "")
}

// recordPool takes back the records of an answer once all of them have been seen.
type recordPool struct{ pool sync.Pool }

var _ kgo.PoolRecords = (*recordPool)(nil)

func (p *recordPool) GetRecords(n int) []kgo.Record {
	if s, ok := p.pool.Get().(*[]kgo.Record); ok && cap(*s) >= n {
		return (*s)[:n]
	}
	return make([]kgo.Record, n)
}

func (p *recordPool) PutRecords(s []kgo.Record) { p.pool.Put(&s) }

// control reports whether a record is a transaction's marker, and no message.
func control(r *kgo.Record) bool { return r.Attrs.IsControl() }

// size is about what a record takes up.
func size(r *kgo.Record) int { return len(r.Key) + len(r.Value) + 64 }
