package wire

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"
)

func testStream() *stream { return newStream(rand.New(rand.NewPCG(1, 2))) }

// pattern returns n bytes of which no long piece repeats.
func pattern(n int) []byte {
	p := make([]byte, n)
	rng := rand.New(rand.NewPCG(3, uint64(n)))
	for i := range p {
		p[i] = byte(rng.Uint32())
	}
	return p
}

// Whatever the sizes of the writes and of the reads, and however slow the
// stream is meanwhile, what comes out is what went in.
func TestAStreamKeepsItsBytes(t *testing.T) {
	paces := rapid.Custom(func(t *rapid.T) pace {
		return pace{
			latency:        time.Duration(rapid.IntRange(0, 1e9).Draw(t, "latency")),
			jitter:         time.Duration(rapid.IntRange(0, 1e9).Draw(t, "jitter")),
			bytesPerSecond: rapid.SampledFrom([]float64{0, 1e4, 1e9}).Draw(t, "bandwidth"),
		}
	})
	sizes := rapid.SliceOfN(rapid.IntRange(1, 2*streamBytes), 1, 10)
	rapid.Check(t, func(rt *rapid.T) {
		sent := pattern(rapid.IntRange(0, 3*streamBytes).Draw(rt, "bytes"))
		// The large one at the end keeps those few that draw only small ones short.
		writes, reads := append(sizes.Draw(rt, "writes"), streamBytes/2), append(sizes.Draw(rt, "reads"), streamBytes/2)
		slowness := rapid.SliceOfN(paces, 0, 3).Draw(rt, "paces")
		peeks := rapid.Bool().Draw(rt, "peeks")
		var got []byte
		var err error
		synctest.Test(t, func(t *testing.T) {
			s := testStream()
			var writer sync.WaitGroup
			writer.Go(func() {
				writeAll(t, s, sent, writes, slowness)
			})
			got, err = readAll(s, reads, peeks)
			writer.Wait()
		})
		if err != nil || !bytes.Equal(got, sent) {
			rt.Errorf("%d bytes went in, %d others came out: %v", len(sent), len(got), err)
		}
	})
}

func writeAll(t *testing.T, s *stream, p []byte, sizes []int, slowness []pace) {
	for i := 0; len(p) > 0; i++ {
		if i < len(slowness) {
			s.slow(slowness[i])
		}
		k := min(len(p), sizes[i%len(sizes)])
		if n, err := s.Write(p[:k]); n != k || err != nil {
			t.Errorf("wrote %d of %d: %v", n, k, err)
			break
		}
		p = p[k:]
	}
	s.finish(io.EOF, net.ErrClosed)
}

func readAll(s *stream, sizes []int, peeks bool) (got []byte, err error) {
	for i := 0; ; i++ {
		size := sizes[i%len(sizes)]
		var piece []byte
		if peeks {
			if piece, err = s.peek(); err == nil {
				piece = piece[:min(len(piece), size)]
				got = append(got, piece...)
				s.skip(len(piece))
			}
		} else {
			piece = make([]byte, size)
			n, e := s.Read(piece)
			got, err = append(got, piece[:n]...), e
		}
		switch {
		case errors.Is(err, io.EOF):
			return got, nil
		case err != nil:
			return got, err
		}
	}
}

func TestAStreamHoldsAMebibyte(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := testStream()
		if n, err := s.Write(make([]byte, streamBytes)); n != streamBytes || err != nil { // nobody reads
			t.Fatalf("wrote %d: %v", n, err)
		}
		s.setWriteDeadline(time.Now().Add(time.Minute))
		begin := time.Now()
		if n, err := s.Write(make([]byte, 1)); n != 0 || !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("wrote %d into a full stream: %v", n, err)
		}
		if took := time.Since(begin); took != time.Minute {
			t.Errorf("the deadline of a minute passed after %v", took)
		}

		s.setWriteDeadline(time.Time{})
		wrote := make(chan error, 1)
		go func() {
			_, err := s.Write(make([]byte, 2))
			wrote <- err
		}()
		synctest.Wait()
		s.Read(make([]byte, 1))
		synctest.Wait()
		if len(wrote) > 0 {
			t.Error("two bytes went into the room of one")
		}
		s.Read(make([]byte, 1))
		if err := <-wrote; err != nil {
			t.Error(err)
		}
	})
}

func TestReadDeadlines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := testStream()
		defer s.abort(net.ErrClosed, net.ErrClosed)
		read := func() (time.Duration, error) {
			begin := time.Now()
			_, err := s.Read(make([]byte, 10))
			return time.Since(begin), err
		}
		s.setReadDeadline(time.Now().Add(time.Second))
		if took, err := read(); took != time.Second || !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("a deadline in a second: %v after %v", err, took)
		}
		if took, err := read(); took != 0 || !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("a deadline that has passed: %v after %v", err, took)
		}
		s.setReadDeadline(time.Now().Add(time.Hour))
		time.AfterFunc(time.Second, func() { s.setReadDeadline(time.Now()) })
		if took, err := read(); took != time.Second || !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("a deadline moved to now after a second: %v after %v", err, took)
		}
		s.setReadDeadline(time.Now().Add(time.Second))
		s.setReadDeadline(time.Time{})
		time.AfterFunc(time.Minute, func() { s.Write([]byte("x")) })
		if took, err := read(); took != time.Minute || err != nil {
			t.Errorf("no deadline any more, and a byte after a minute: %v after %v", err, took)
		}
	})
}

func TestASlowStream(t *testing.T) {
	for _, row := range []struct {
		story string
		pace  pace
		write []int // sizes, all at once
		least time.Duration
		most  time.Duration // until the last byte is there
	}{
		{"a good one takes no time", pace{}, []int{1e6}, 0, 0},
		{"latency is paid once for all that is under way", pace{latency: time.Second}, []int{1, 1000, 100_000}, time.Second, time.Second},
		{"jitter comes on top", pace{latency: time.Second, jitter: time.Second}, []int{1, 1, 1, 1, 1}, time.Second, 2 * time.Second},
		{"100 kB at 10 kB/s", pace{bytesPerSecond: 1e4}, []int{100_000}, 10 * time.Second, 10 * time.Second},
		{"small ones share the bandwidth", pace{bytesPerSecond: 1e4}, []int{10_000, 5_000, 5_000}, 2 * time.Second, 2 * time.Second},
		{"the last byte leaves after ten seconds and is under way for one", pace{latency: time.Second, bytesPerSecond: 1e4}, []int{100_000}, 11 * time.Second, 11 * time.Second},
	} {
		t.Run(row.story, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := testStream()
				s.slow(row.pace)
				bytes := 0
				for _, n := range row.write {
					s.Write(make([]byte, n))
					bytes += n
				}
				begin := time.Now()
				if _, err := io.ReadFull(s, make([]byte, bytes)); err != nil {
					t.Fatal(err)
				}
				const rounding = time.Microsecond
				if took := time.Since(begin); took < row.least-rounding || took > row.most+rounding {
					t.Errorf("the last byte was there after %v, want %v to %v", took, row.least, row.most)
				}
			})
		})
	}
}

func TestAHealedStreamDeliversAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := testStream()
		s.slow(pace{latency: time.Hour, bytesPerSecond: 1})
		s.Write([]byte("one "))
		time.AfterFunc(time.Second, func() {
			s.slow(pace{})
			s.Write([]byte("two"))
			s.finish(io.EOF, net.ErrClosed)
		})
		begin := time.Now()
		got, err := io.ReadAll(s)
		if took := time.Since(begin); string(got) != "one two" || err != nil || took != time.Second {
			t.Errorf("%q after %v: %v", got, took, err)
		}
	})
}

func TestAnAbortedStreamForgets(t *testing.T) {
	s := testStream()
	s.Write([]byte("lost"))
	reason := errors.New("reason")
	s.abort(reason, reason)
	s.abort(io.EOF, io.EOF) // the first end counts
	if n, err := s.Read(make([]byte, 10)); n != 0 || !errors.Is(err, reason) {
		t.Errorf("read %d: %v", n, err)
	}
	if n, err := s.Write([]byte("x")); n != 0 || !errors.Is(err, reason) {
		t.Errorf("wrote %d: %v", n, err)
	}
}
