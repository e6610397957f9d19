package run

import (
	"context"
	"fmt"
	"sync"
	"time"

	"kafkasim.example/simd/internal/scenario"
	"kafkasim.example/simd/internal/scheduler"
	"kafkasim.example/simd/internal/wire"
)

// faults makes the scenario's faults where each belongs: at the wire, in the
// cluster, or in the application.
type faults struct {
	*stage
	app   *application
	list  []scenario.Fault
	ctx   context.Context // ends with close
	end   context.CancelFunc
	later sync.WaitGroup // what goes on after a fault was healed
}

var _ scheduler.Injector = (*faults)(nil)

func (s *stage) faults(app *application) *faults {
	f := &faults{stage: s, app: app, list: s.run.plan.Faults}
	f.ctx, f.end = context.WithCancel(context.Background())
	return f
}

func (f *faults) close() {
	f.end()
	f.later.Wait()
}

func (f *faults) events() []scheduler.Event {
	events := make([]scheduler.Event, len(f.list))
	for i, fault := range f.list {
		events[i] = scheduler.Event{At: fault.At, For: fault.For, Fault: i}
	}
	return events
}

// Inject implements [scheduler.Injector].
func (f *faults) Inject(ctx context.Context, i int) error {
	fault := f.list[i]
	brokers, err := f.addrs(fault.Brokers)
	if err != nil {
		return err
	}
	switch fault.Kind {
	case "outage":
		if fault.Leaders == "first_back" {
			f.die(ctx, brokers)
		}
		f.wire.Cut(brokers...)
	case "slow":
		f.wire.Slow(wire.Slowness{Latency: fault.Latency, BytesPerSecond: fault.Bandwidth}, brokers...)
	case "lost_answers":
		f.wire.LoseAnswers(fault.Fraction, brokers...)
	case "acknowledged_and_gone":
		f.wire.Swallow(fault.Fraction, brokers...)
	case "quota":
		return f.setQuota(ctx, fault.ProducerByteRate)
	case "stop":
		if fault.Mode == string(Abrupt) {
			f.app.kill()
			return nil
		}
		return f.app.stop(ctx)
	default:
		return fmt.Errorf("the fault %s cannot be made yet", fault.Kind)
	}
	return nil
}

// Heal implements [scheduler.Injector].
func (f *faults) Heal(ctx context.Context, i int) error {
	fault := f.list[i]
	brokers, err := f.addrs(fault.Brokers)
	if err != nil {
		return err
	}
	switch fault.Kind {
	case "outage":
		if fault.Leaders == "first_back" {
			if err := f.firstBackLeads(ctx, fault); err != nil {
				return err
			}
		}
		f.wire.Restore(brokers...)
	case "slow":
		f.wire.Slow(wire.Slowness{}, brokers...)
	case "lost_answers":
		f.wire.LoseAnswers(0, brokers...)
	case "acknowledged_and_gone":
		f.wire.Swallow(0, brokers...)
	case "quota":
		return f.setQuota(ctx, f.run.plan.Quotas.ProducerByteRate)
	}
	return nil
}

// dying is how long, in scenario time, a broker that is killed still writes what
// it will never answer.
const dying = 500 * time.Millisecond

// die is what a cut cable does not show and a killed broker does: what it has
// written in its last moment, and not answered.
func (f *faults) die(ctx context.Context, brokers []string) {
	f.wire.LoseAnswers(1, brokers...)
	defer f.wire.LoseAnswers(0, brokers...)
	timer := time.NewTimer(time.Duration(float64(dying) / f.run.rec.Speed))
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// firstBackLeads makes one broker the leader of every partition, as it comes out
// when a whole cluster restarts: the first broker that is back leads until Kafka
// looks at the balance again (leader.imbalance.check.interval.seconds).
func (f *faults) firstBackLeads(ctx context.Context, fault scenario.Fault) error {
	first := f.cluster.BrokerIDs()[0]
	if len(fault.Brokers) > 0 {
		first = int32(fault.Brokers[0])
	}
	if err := f.cluster.MoveLeaders(ctx, f.topic, func(int32) int32 { return first }); err != nil {
		return fmt.Errorf("making broker %d the leader of every partition: %w", first, err)
	}
	if fault.Rebalance > 0 {
		f.later.Go(func() {
			timer := time.NewTimer(fault.Rebalance)
			defer timer.Stop()
			select {
			case <-timer.C:
			case <-f.ctx.Done():
				return
			}
			ids := f.cluster.BrokerIDs()
			err := f.cluster.MoveLeaders(f.ctx, f.topic, func(p int32) int32 { return ids[int(p)%len(ids)] })
			if err != nil && f.ctx.Err() == nil {
				f.run.log.Warn("the leaders could not be spread again", "run", f.run.rec.ID, "error", err)
			}
		})
	}
	return nil
}

// addrs are the addresses of brokers; none for all.
func (f *faults) addrs(ids []int) ([]string, error) {
	var addrs []string
	for _, id := range ids {
		addr := f.cluster.Addr(int32(id))
		if addr == "" {
			return nil, fmt.Errorf("there is no broker %d in the cluster: it has %v", id, f.cluster.BrokerIDs())
		}
		addrs = append(addrs, addr)
	}
	return addrs, nil
}
