package publisher

import (
	"runtime"
	"testing"
	"time"

	"kafkasim.example/simd/internal/ledger"
)

// nobody is a recorder that keeps nothing, so that the benchmarks show what the
// publisher itself costs.
type nobody struct{}

func (nobody) Record(ledger.Fact) {}

// prompt is a sender that answers from inside Send.
type prompt struct{}

func (prompt) Send(_ Message, _ int, done func(Answer)) error {
	done(Answer{})
	return nil
}

// remote is a sender that answers from a goroutine of its own, in order.
type remote chan func(Answer)

func newRemote(b *testing.B) remote {
	r, gone := make(remote, 1024), make(chan struct{})
	go func() {
		defer close(gone)
		for done := range r {
			done(Answer{})
		}
	}()
	b.Cleanup(func() {
		close(r)
		<-gone
	})
	return r
}

func (r remote) Send(_ Message, _ int, done func(Answer)) error {
	r <- done
	return nil
}

// publish offers b.N messages, lets at most a few thousand wait, and drains.
func publish(b *testing.B, cfg Config, sender Sender) {
	b.ReportAllocs()
	p := New(cfg, time.Now(), sender, nobody{})
	for seq := range int64(b.N) {
		if seq%1024 == 0 {
			for p.Queued() > 4096 {
				runtime.Gosched()
			}
		}
		p.Offer(seq, 0)
	}
	if err := p.Drain(b.Context()); err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "messages/s")
}

// BenchmarkOffer is the scheduler's side alone: nobody takes what it offers.
func BenchmarkOffer(b *testing.B) {
	b.ReportAllocs()
	p := &Publisher{base: time.Now(), rec: nobody{}}
	for b.Loop() {
		p.Offer(0, 0)
	}
}

func BenchmarkBlocking(b *testing.B) {
	b.Run("prompt", func(b *testing.B) { publish(b, Config{Workers: 50, Wait: time.Minute}, prompt{}) })
	b.Run("remote", func(b *testing.B) { publish(b, Config{Workers: 50, Wait: time.Minute}, newRemote(b)) })
}

func BenchmarkCallback(b *testing.B) {
	b.Run("prompt", func(b *testing.B) { publish(b, Config{Mode: Callback, Workers: 4}, prompt{}) })
	b.Run("remote", func(b *testing.B) { publish(b, Config{Mode: Callback, Workers: 4}, newRemote(b)) })
}

func BenchmarkForget(b *testing.B) {
	publish(b, Config{Mode: Forget, Workers: 4}, newRemote(b))
}
