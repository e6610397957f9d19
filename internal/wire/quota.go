package wire

import (
	"math"
	"sync"
	"sync/atomic"
	"time"
)

// Quota is how much a client may produce. It is counted for each client id and
// each broker address on its own, over all connections, as Kafka's brokers do
// (KIP-13). The zero value is no quota.
type Quota struct {
	BytesPerSecond float64       // producer_byte_rate; 0 is no quota
	Window         time.Duration // quota.window.size.seconds; 0 is Kafka's default, a second
	Samples        int           // quota.window.num; 0 is Kafka's default, 11
}

func (q Quota) withDefaults() Quota {
	if q.Window <= 0 {
		q.Window = time.Second
	}
	if q.Samples <= 0 {
		q.Samples = 11
	}
	return q
}

// A rate is how many bytes have passed in a while, per second. It is Kafka's,
// in every detail that changes a throttle time: org.apache.kafka.common.metrics
// .stats.Rate over a WindowedSum, which is a SampledStat. In short:
//
//	the past, in samples of one window each (begun when something is recorded)
//	[ 3 ][ 0 ].......[ 8 ][ 5 ]
//	oldest            current^ now
//
// The sum of all samples is divided by the time since the oldest one began; but
// samples that are missing, because nothing has been recorded for so long,
// count as whole windows without bytes. So a client that comes out of silence
// has credit for (samples - 1) windows, and may use it in one burst.
type rate struct {
	samples []sample // at most Quota.Samples + 1
	current int
}

type sample struct {
	start, last time.Time // when it began; when something was recorded last
	bytes       float64
}

// record adds bytes at a time not before the last one's (SampledStat.record).
func (r *rate) record(q Quota, bytes float64, now time.Time) {
	fresh := sample{start: now, last: now}
	if len(r.samples) == 0 {
		r.samples = append(r.samples, fresh)
	}
	if now.Sub(r.samples[r.current].start) >= q.Window {
		r.current = (r.current + 1) % (q.Samples + 1) // one more, for the one that leaves the window bit by bit
		if r.current == len(r.samples) {
			r.samples = append(r.samples, fresh)
		}
		r.samples[r.current] = fresh
	}
	r.samples[r.current].bytes += bytes
	r.samples[r.current].last = now
}

// measure returns the rate at now in bytes per second, and over how long a time
// that was (Rate.measure and Rate.windowSize).
func (r *rate) measure(q Quota, now time.Time) (bytesPerSecond float64, over time.Duration) {
	oldest, sum := now, 0.0
	for i := range r.samples {
		s := &r.samples[i]
		if now.Sub(s.last) >= time.Duration(q.Samples)*q.Window {
			*s = sample{start: now, last: now} // SampledStat.purgeObsoleteSamples
		}
		sum += s.bytes
		if s.start.Before(oldest) {
			oldest = s.start
		}
	}
	over = now.Sub(oldest)
	if missing := q.Samples - 1 - int(over/q.Window); missing > 0 {
		over += time.Duration(missing) * q.Window
	}
	over = max(over, time.Millisecond) // a single sample may just have begun
	return sum / (millis(over) / 1000), over
}

// throttle returns how long the client must be silent until its rate is within
// the quota, in whole milliseconds as Kafka has it (QuotaUtils.throttleTime).
// For what is produced Kafka knows no upper bound; only the throttling of
// request time and of connections has one.
func (r *rate) throttle(q Quota, now time.Time) time.Duration {
	rate, over := r.measure(q, now)
	wait := math.Floor((rate-q.BytesPerSecond)/q.BytesPerSecond*millis(over) + 0.5)
	return time.Duration(min(max(wait, 0), math.MaxInt32)) * time.Millisecond
}

func millis(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// quotas are the rates of all clients at all brokers (ClientQuotaManager).
type quotas struct {
	quota atomic.Pointer[Quota] // nil: none

	mu    sync.Mutex
	rates map[clientAt]*rate
	count int64
	total time.Duration
}

type clientAt struct{ addr, clientID string }

func (qs *quotas) on() bool { return qs.quota.Load() != nil }

// set changes the quota. What has been recorded stays, as in Kafka.
func (qs *quotas) set(q Quota) {
	if q.BytesPerSecond <= 0 {
		qs.quota.Store(nil)
		return
	}
	q = q.withDefaults()
	qs.quota.Store(&q)
}

// charge records a produce request when the broker has answered it, and returns
// how long the client is throttled for it (KafkaApis.handleProduceRequest:
// request.sizeInBytes, which is header and body).
func (qs *quotas) charge(addr, clientID string, bytes int) time.Duration {
	q := qs.quota.Load()
	if q == nil {
		return 0
	}
	qs.mu.Lock()
	defer qs.mu.Unlock()
	at := clientAt{addr, clientID}
	r := qs.rates[at]
	if r == nil {
		if qs.rates == nil {
			qs.rates = map[clientAt]*rate{}
		}
		r = new(rate)
		qs.rates[at] = r
	}
	now := time.Now()
	r.record(*q, float64(bytes), now)
	throttle := r.throttle(*q, now)
	if throttle > 0 {
		qs.count++
		qs.total += throttle
	}
	return throttle
}

func (qs *quotas) throttled() (count int64, total time.Duration) {
	qs.mu.Lock()
	defer qs.mu.Unlock()
	return qs.count, qs.total
}
