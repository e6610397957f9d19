package producer

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"
)

// waiter is somebody who allocates, and what comes of it.
type waiter struct {
	name string
	err  error
	at   time.Duration
}

// crowd lets goroutines allocate and notes in which order they got through.
type crowd struct {
	pool  *pool
	began time.Time
	mu    sync.Mutex
	got   []waiter
	wg    sync.WaitGroup
}

func newCrowd(p *pool) *crowd { return &crowd{pool: p, began: time.Now()} }

func (c *crowd) allocate(name string, n int64, maxBlock time.Duration) {
	c.wg.Go(func() {
		err := c.pool.allocate(n, maxBlock)
		c.mu.Lock()
		defer c.mu.Unlock()
		c.got = append(c.got, waiter{name, err, time.Since(c.began)})
	})
	synctest.Wait() // until it has what it wants, or waits
}

func (c *crowd) release(n int64) {
	c.pool.release(n)
	synctest.Wait()
}

func (c *crowd) names() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	var names []string
	for _, w := range c.got {
		names = append(names, w.name)
	}
	return names
}

// BufferPool.allocate: waiters.addLast, waiters.peekFirst().signal.
func TestPoolServesWaitersInTheirOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(100, 0, 1)
		c := newCrowd(p)
		c.allocate("all", 100, 0)
		for _, name := range []string{"a", "b", "c"} {
			c.allocate(name, 40, time.Minute)
		}
		c.release(100) // a wakes b, for there is more; c must wait
		if got, want := c.names(), []string{"all", "a", "b"}; !slices.Equal(got, want) {
			t.Errorf("they got memory as %v, want %v", got, want)
		}
		// c holds the 20 that are left.
		if p.available() != 0 || p.queued() != 1 {
			t.Errorf("%d bytes are free and %d wait, want 0 and 1", p.available(), p.queued())
		}
		c.release(20)
		c.wg.Wait()
		if got, want := c.names(), []string{"all", "a", "b", "c"}; !slices.Equal(got, want) {
			t.Errorf("they got memory as %v, want %v", got, want)
		}
	})
}

// BufferPool.allocate: what came free is accumulated, bit by bit, by the first
// waiter alone, also while a smaller one waits behind it.
func TestPoolAccumulatesForTheFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(100, 0, 1)
		c := newCrowd(p)
		c.allocate("all", 100, 0)
		c.allocate("big", 90, time.Minute)
		c.allocate("small", 10, time.Minute)
		for range 8 {
			c.release(10)
		}
		if len(c.names()) != 1 || p.available() != 0 {
			t.Errorf("after 80 bytes %v have memory and %d bytes are free, want only the first and 0", c.names(), p.available())
		}
		c.release(10)
		c.release(10)
		c.wg.Wait()
		if got, want := c.names(), []string{"all", "big", "small"}; !slices.Equal(got, want) {
			t.Errorf("they got memory as %v, want %v", got, want)
		}
	})
}

// KafkaProducer: max.block.ms; BufferPool.allocate gives back what it has
// accumulated when it throws BufferExhaustedException.
func TestPoolGivesUpAfterMaxBlock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(100, 0, 1)
		c := newCrowd(p)
		c.allocate("all", 100, 0)
		c.allocate("none at all", 1, 0)
		c.allocate("first", 60, 5*time.Second)
		time.Sleep(time.Second)
		c.allocate("second", 50, 5*time.Second)
		c.release(50) // the first holds them for the time being
		c.wg.Wait()
		want := []waiter{
			{"all", nil, 0},
			{"none at all", ErrBufferExhausted, 0},
			{"first", ErrBufferExhausted, 5 * time.Second},
			{"second", nil, 5 * time.Second},
		}
		// What the first gave back goes to the second at the same instant: who
		// tells of it first is chance.
		slices.SortStableFunc(c.got[2:], func(a, b waiter) int { return len(a.name) - len(b.name) })
		for i, w := range want {
			if got := c.got[i]; got.name != w.name || !errors.Is(got.err, w.err) || got.at != w.at {
				t.Errorf("%v, want %v", got, w)
			}
		}
	})
}

// The lock of BufferPool is not fair: a newcomer may take what a waiter was
// woken for. Contention is how often.
func TestPoolContention(t *testing.T) {
	const rounds = 400
	for _, tt := range []struct {
		contention  float64
		least, most int // newcomers that get through
	}{
		{contention: 0, least: 0, most: 0},
		{contention: 0.5, least: 25, most: 60},
		{contention: 1, least: 55, most: 110},
	} {
		t.Run(fmt.Sprint(tt.contention), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := newPool(rounds*10, tt.contention, 7)
				c := newCrowd(p)
				c.allocate("all", rounds*10, 0)
				c.allocate("waiter", rounds*10, time.Minute)
				barged := 0
				for range rounds {
					p.release(10)
					if p.allocate(10, 0) == nil {
						barged++
					}
					time.Sleep(time.Millisecond) // the waiter has its core, at last
				}
				if barged < tt.least || barged > tt.most {
					t.Errorf("a newcomer got through %d times of %d, want %d to %d", barged, rounds, tt.least, tt.most)
				}
				if p.available() != 0 {
					t.Errorf("%d bytes are left to nobody", p.available())
				}
				p.close()
				c.wg.Wait()
			})
		})
	}
}

// The more memory comes free at once, the longer the chain of waiters who wake one
// another, and the likelier a newcomer is faster than one of them.
func TestPoolContentionGrowsWithWhatComesFreeAtOnce(t *testing.T) {
	p := newPool(1000, 0.5, 1)
	if one, nine := p.outrunOf(1), p.outrunOf(9); one < 0.0999 || one > 0.1001 || nine < 0.6 || nine > 0.62 {
		t.Errorf("the chances are %v for one message, %v for nine; want 0.1 and 1-0.9^9 = 0.613", one, nine)
	}
	if calm := newPool(1000, 0, 1); calm.outrunOf(9) != 0 {
		t.Error("without contention, newcomers get through all the same")
	}
}

// A waiter that was outrun keeps its place and what it has gathered.
func TestPoolOutrunWaiterStaysFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(100, 1, 1)
		p.outrun = 1
		c := newCrowd(p)
		c.allocate("all", 100, 0)
		c.allocate("first", 60, time.Minute)
		c.allocate("second", 10, time.Minute)
		c.release(50)
		c.allocate("newcomer", 20, 0)
		time.Sleep(time.Second) // the first has taken the 30 that were left
		c.release(30)
		c.wg.Wait()
		if got, want := c.names(), []string{"all", "newcomer", "first"}; !slices.Equal(got[:3], want) {
			t.Errorf("they got memory as %v, want %v", got, want)
		}
	})
}

// Memory for which nobody was woken is for whoever comes, also while somebody
// waits for more; what that leaves wakes the waiter (BufferPool.allocate,
// signalNextWaiterIfMemoryAvailable).
func TestPoolNewcomerTakesWhatNobodyWasWokenFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(100, 0, 1)
		c := newCrowd(p)
		c.allocate("most", 70, 0)
		c.allocate("waiter", 100, time.Minute) // 30 are free, too few for it
		c.allocate("newcomer", 20, 0)
		if got, want := c.names(), []string{"most", "newcomer"}; !slices.Equal(got, want) {
			t.Errorf("memory went to %v, want %v", got, want)
		}
		if p.available() != 0 {
			t.Errorf("%d bytes are free, but the waiter was woken for them", p.available())
		}
		c.release(70)
		c.release(20)
		c.wg.Wait()
	})
}

// BufferPool.close, "Producer closed while allocating memory".
func TestPoolCloseWakesEverybody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(10, 0, 1)
		c := newCrowd(p)
		c.allocate("all", 10, 0)
		for i := range 20 {
			c.allocate(fmt.Sprint(i), 10, time.Hour)
		}
		time.Sleep(time.Second)
		p.close()
		c.wg.Wait()
		for _, w := range c.got[1:] {
			if !errors.Is(w.err, ErrClosed) || w.at != time.Second {
				t.Errorf("%v, want ErrClosed after a second", w)
			}
		}
		if err := p.allocate(1, time.Hour); !errors.Is(err, ErrClosed) {
			t.Errorf("allocating afterwards: %v, want ErrClosed", err)
		}
	})
}

// Whatever happens, no byte is lost or invented, and nobody waits for ever.
func TestPoolNeverLeaks(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		type customer struct {
			comes, wants, holds int
			maxBlock            int
		}
		total := rapid.IntRange(1, 50).Draw(rt, "total")
		customers := rapid.SliceOfN(rapid.Custom(func(rt *rapid.T) customer {
			return customer{
				comes:    rapid.IntRange(0, 30).Draw(rt, "comes"),
				wants:    rapid.IntRange(1, total).Draw(rt, "wants"),
				holds:    rapid.IntRange(0, 20).Draw(rt, "holds"),
				maxBlock: rapid.IntRange(0, 20).Draw(rt, "max block"),
			}
		}), 0, 40).Draw(rt, "customers")
		contention := rapid.SampledFrom([]float64{0, 0.1, 1}).Draw(rt, "contention")
		closes := rapid.IntRange(0, 100).Draw(rt, "closes")
		var mu sync.Mutex
		var wrong error
		fault := func(format string, args ...any) {
			mu.Lock()
			defer mu.Unlock()
			wrong = errors.Join(wrong, fmt.Errorf(format, args...))
		}
		synctest.Test(t, func(*testing.T) {
			p := newPool(int64(total), contention, rand.Uint64())
			var wg sync.WaitGroup
			for _, c := range customers {
				wg.Go(func() {
					time.Sleep(time.Duration(c.comes) * time.Millisecond)
					began := time.Now()
					err := p.allocate(int64(c.wants), time.Duration(c.maxBlock)*time.Millisecond)
					if waited := time.Since(began); waited > time.Duration(c.maxBlock)*time.Millisecond {
						fault("%+v waited %v", c, waited)
					}
					if err == nil {
						time.Sleep(time.Duration(c.holds) * time.Millisecond)
						p.release(int64(c.wants))
					}
				})
			}
			wg.Go(func() {
				time.Sleep(time.Duration(closes) * time.Millisecond)
				p.close()
			})
			wg.Wait()
			if p.available() != int64(total) || p.queued() != 0 {
				fault("at the end %d bytes of %d are free and %d wait", p.available(), total, p.queued())
			}
		})
		if wrong != nil {
			rt.Fatal(wrong)
		}
	})
}
