package scheduler

import (
	"context"
	"fmt"
	"sync"
	"time"

	"kafkasim.example/simd/internal/ledger"
)

// healGrace is how long a Heal may go on once the run itself has ended. Until
// then it may take as long as it likes: a cluster that comes back from a
// restart puts its leaders right only minutes later.
const healGrace = 10 * time.Second

// playFault sees one fault through, from its beginning to its end. Every fault
// has a goroutine of its own, so that a slow one delays nobody else.
func playFault(ctx context.Context, base time.Time, e Event, inj Injector, rec ledger.Recorder) {
	alarm := newAlarm()
	if !alarm.sleep(ctx, e.At-time.Since(base)) {
		return
	}
	began := ledger.Fact{Kind: ledger.FaultBegan, Seq: int64(e.Fault), At: time.Since(base)}
	if err := inj.Inject(ctx, e.Fault); err != nil {
		began.Note = err.Error()
	}
	rec.Record(began)
	if e.For == 0 {
		return
	}
	alarm.sleep(ctx, e.At+e.For-time.Since(base))
	heal, healed := outlive(ctx, healGrace)
	err := inj.Heal(heal, e.Fault)
	healed()
	ended := ledger.Fact{Kind: ledger.FaultEnded, Seq: int64(e.Fault), At: time.Since(base)}
	if err != nil {
		ended.Note = err.Error()
	}
	rec.Record(ended)
}

// outlive returns a context that ends only some grace after ctx has. Whoever
// asked for it calls done when it is needed no more.
func outlive(ctx context.Context, grace time.Duration) (longer context.Context, done func()) {
	longer, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	var watch sync.WaitGroup
	watch.Go(func() {
		select {
		case <-longer.Done():
			return
		case <-ctx.Done():
		}
		newAlarm().sleep(longer, grace)
		cancel(fmt.Errorf("the run has ended, and %v more were not enough", grace))
	})
	return longer, func() {
		cancel(nil)
		watch.Wait()
	}
}
