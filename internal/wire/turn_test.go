package wire

import (
	"bytes"
	"io"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
	"pgregory.net/rapid"
)

// inbox reads frames from one end as they come.
type inbox struct {
	frames chan []byte
}

func newInbox(from io.Reader) inbox {
	in := inbox{make(chan []byte, 100)}
	go func() {
		for {
			prefix := make([]byte, 4)
			if _, err := io.ReadFull(from, prefix); err != nil {
				return
			}
			size, err := frameSize(prefix, "", "")
			if err != nil {
				return
			}
			body := make([]byte, size)
			if _, err := io.ReadFull(from, body); err != nil {
				return
			}
			in.frames <- frame(body)
		}
	}()
	return in
}

// has tells what has come by now, when everybody has done what there is to do.
func (in inbox) has() (frames [][]byte) {
	synctest.Wait()
	for len(in.frames) > 0 {
		frames = append(frames, <-in.frames)
	}
	return frames
}

// one is the only frame that has come.
func (in inbox) one(t *testing.T, what string) []byte {
	t.Helper()
	frames := in.has()
	if len(frames) != 1 {
		t.Fatalf("%s: %d frames have come, want one", what, len(frames))
	}
	return frames[0]
}

// none makes sure that nothing has come.
func (in inbox) none(t *testing.T, what string) {
	t.Helper()
	if n := len(in.has()); n > 0 {
		t.Fatalf("%s: %d frames have come, want none", what, n)
	}
}

// Under a quota a request passes when the one before it is answered and the
// client is not throttled, as at a broker (KIP-219).
func TestRequestsTakeTurnsUnderAQuota(t *testing.T) {
	for version := int16(3); version <= 13; version++ {
		inLine(t, func(t *testing.T, l *line) {
			broker, client := newInbox(l.broker), newInbox(l.client)
			first := produceFrame(version, 1, 1, pattern(20_000))
			size := float64(len(first) - 4) // what Kafka counts: header and body
			l.wire.SetQuota(Quota{BytesPerSecond: size / 20})
			write(t, l.client, first)
			write(t, l.client, produceFrame(version, 2, 1, pattern(100)))
			write(t, l.client, otherFrame(3, 10))
			broker.one(t, "before the first answer")

			// 20 s worth of bytes in a window of 10 s.
			write(t, l.broker, producedFrame(version, 1, 42))
			told := parseProduced(t, client.one(t, "the first answer"), version, 1)
			if told.ThrottleMillis != 10_000 || told.Topics[0].Partitions[0].BaseOffset != 42 {
				t.Errorf("version %d: throttled for %d ms, want 10,000; offset %d, want 42", version, told.ThrottleMillis, told.Topics[0].Partitions[0].BaseOffset)
			}
			time.Sleep(10*time.Second - time.Millisecond)
			broker.none(t, "while the client is throttled")
			time.Sleep(time.Millisecond)
			broker.one(t, "when the client is not throttled any more")
			write(t, l.broker, producedFrame(version, 2, 43))
			client.one(t, "the second answer")
			time.Sleep(time.Minute)
			broker.one(t, "the request that is no produce request")
			if count, total := l.wire.Throttled(); count != 2 || total < 10*time.Second {
				t.Errorf("version %d: throttled %d times, %v in all", version, count, total)
			}
		})
	}
}

func TestABrokersOwnThrottleHoldsIfItIsLonger(t *testing.T) {
	inLine(t, func(t *testing.T, l *line) {
		newInbox(l.broker)
		client := newInbox(l.client)
		request := produceFrame(9, 1, -1, pattern(20_000))
		l.wire.SetQuota(Quota{BytesPerSecond: float64(len(request)-4) / 20})
		write(t, l.client, request)
		a, err := parseAnswer(producedFrame(9, 1, 0), 9)
		if err != nil {
			t.Fatal(err)
		}
		a.ThrottleMillis = 12_345
		write(t, l.broker, a.frame())
		if told := parseProduced(t, client.one(t, "the answer"), 9, 1); told.ThrottleMillis != 12_345 {
			t.Errorf("throttled for %d ms, want the broker's 12,345", told.ThrottleMillis)
		}
	})
}

// An answer of the wire's own waits for those before it, and not for a broker
// that has nothing to say.
func TestASwallowedRequestIsAnsweredInItsTurn(t *testing.T) {
	for version := int16(3); version <= 13; version++ {
		inLine(t, func(t *testing.T, l *line) {
			broker, client := newInbox(l.broker), newInbox(l.client)
			l.wire.Swallow(1)
			write(t, l.client, produceFrame(version, 1, -1, pattern(100_000)))
			parseProduced(t, client.one(t, "nothing is before it"), version, 1)
			broker.none(t, "swallowed")

			write(t, l.client, otherFrame(2, 10))
			broker.one(t, "what is no produce request passes")
			write(t, l.client, produceFrame(version, 3, -1, nil))
			write(t, l.client, produceFrame(version, 4, 0, nil)) // not answered
			write(t, l.client, produceFrame(version, 5, 1, nil))
			client.none(t, "two answers of the wire's wait for the broker's")
			write(t, l.broker, answerFrame(2, 10))
			got := client.has()
			if len(got) != 3 || !bytes.Equal(got[0], answerFrame(2, 10)) {
				t.Fatalf("version %d: %d answers, want three, the broker's first", version, len(got))
			}
			for i, corr := range []int32{3, 5} {
				told := parseProduced(t, got[1+i], version, corr)
				if p := told.Topics[0].Partitions[0]; p.ErrorCode != 0 || p.BaseOffset < 0 || p.LogStartOffset != -1 || told.ThrottleMillis != 0 {
					t.Errorf("version %d: told %+v", version, told)
				}
			}
			broker.none(t, "swallowed")

			l.wire.Swallow(0)
			write(t, l.client, produceFrame(version, 6, 1, nil))
			broker.one(t, "no longer swallowed")
		})
	}
}

func TestMadeUpOffsetsGoOnFromTheBrokers(t *testing.T) {
	inLine(t, func(t *testing.T, l *line) {
		broker, client := newInbox(l.broker), newInbox(l.client)
		batch := kmsg.NewRecordBatch()
		batch.Magic, batch.NumRecords = 2, 5
		records := batch.AppendTo(nil)

		write(t, l.client, produceFrame(9, 1, 1, records))
		broker.one(t, "before the fault")
		l.wire.Swallow(1)
		write(t, l.broker, producedFrame(9, 1, 42))
		client.one(t, "the broker's answer")
		for i, want := range []int64{43, 48} {
			corr := int32(2 + i)
			write(t, l.client, produceFrame(9, corr, 1, records))
			told := parseProduced(t, client.one(t, "the wire's answer"), 9, corr)
			if got := told.Topics[0].Partitions[0].BaseOffset; got != want {
				t.Errorf("offset %d, want %d", got, want)
			}
		}
	})
}

// After a lost answer the client hears nothing more, whoever speaks; what it
// sends still passes.
func TestAConnectionIsSilentAfterALostAnswer(t *testing.T) {
	inLine(t, func(t *testing.T, l *line) {
		broker, client := newInbox(l.broker), newInbox(l.client)
		write(t, l.client, otherFrame(1, 10))
		write(t, l.client, produceFrame(9, 2, 1, nil))
		write(t, l.client, otherFrame(3, 10))
		write(t, l.client, produceFrame(9, 4, 0, nil))
		if n := len(broker.has()); n != 4 {
			t.Fatalf("the broker got %d requests of 4", n)
		}
		l.wire.LoseAnswers(1)
		write(t, l.broker, answerFrame(1, 10))
		client.one(t, "only answers to produce requests get lost")
		write(t, l.broker, producedFrame(9, 2, 0))
		write(t, l.broker, answerFrame(3, 10))
		client.none(t, "after the lost one")

		l.wire.LoseAnswers(0)
		l.wire.Swallow(1)
		write(t, l.client, produceFrame(9, 5, 1, nil))
		client.none(t, "not even the wire's own")
		write(t, l.client, otherFrame(6, 10))
		broker.one(t, "requests still pass")
		write(t, l.broker, answerFrame(6, 10))
		client.none(t, "a healed fault does not bring back the lost")

		again, err := l.wire.Dial(t.Context(), "tcp", "broker:9092")
		if err != nil {
			t.Fatal(err)
		}
		client = newInbox(again)
		write(t, l.broker, answerFrame(0, 10)) // of the new connection
		client.one(t, "a new connection hears")
		again.Close()
	})
}

// Requests of any sizes, all sent at once, take as long as their quota says, but
// for the two things that Kafka grants (see TestALongRunKeepsTheQuota).
func TestALineKeepsItsQuota(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		const quota, window, samples = 1e5, 0.1, 11
		sizes := rapid.SliceOfN(rapid.IntRange(1, quota*window), 50, 150).Draw(rt, "sizes")
		version := rapid.Int16Range(3, 13).Draw(rt, "version")
		sum := 0
		var took time.Duration
		inLine(t, func(t *testing.T, l *line) {
			l.wire.SetQuota(Quota{BytesPerSecond: quota, Window: window * 1e9, Samples: samples})
			begin := time.Now()
			go func() {
				for i, size := range sizes {
					f := produceFrame(version, int32(i), 1, pattern(size))
					sum += len(f) - 4
					if _, err := l.client.Write(f); err != nil {
						t.Error(err)
					}
				}
			}()
			go io.Copy(io.Discard, l.client)
			for i := range sizes {
				readFrame(t, l.broker)
				write(t, l.broker, producedFrame(version, int32(i), 0))
			}
			took = time.Since(begin)
		})
		last := quota * window // the last one is paid for afterwards
		least := (float64(sum) - last - quota*window*samples) / quota * (samples - 1) / samples
		if took.Seconds() < least {
			rt.Errorf("%d bytes took %v, at least %.2f s were due", sum, took, least)
		}
	})
}

// Frames that are no requests, and answers to nothing, do not keep the requests
// among them from being answered.
func TestRequestsAmongOtherFrames(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		kinds := rapid.SliceOfN(rapid.SampledFrom([]string{"request", "swallowed", "unanswered", "stray answer"}), 1, 30).Draw(rt, "kinds")
		kinds = append(kinds, "request")
		var got, want []int32
		inLine(t, func(t *testing.T, l *line) {
			newInbox(l.broker)
			client := newInbox(l.client)
			for i, kind := range kinds {
				corr := int32(i)
				switch kind {
				case "request":
					write(t, l.client, otherFrame(corr, 10))
					want = append(want, corr)
				case "swallowed":
					l.wire.Swallow(1)
					write(t, l.client, produceFrame(9, corr, 1, nil))
					want = append(want, corr)
				case "unanswered": // the broker never answers it
					write(t, l.client, otherFrame(corr, 10))
				case "stray answer":
					write(t, l.broker, answerFrame(-corr-1, 10))
				}
				synctest.Wait()
			}
			for i, kind := range kinds {
				if kind == "request" {
					write(t, l.broker, answerFrame(int32(i), 10))
				}
			}
			for _, f := range client.has() {
				if r := int32(uint32(f[4])<<24 | uint32(f[5])<<16 | uint32(f[6])<<8 | uint32(f[7])); r >= 0 {
					got = append(got, r)
				}
			}
		})
		if len(got) != len(want) {
			rt.Fatalf("answered: %v, want %v", got, want)
		}
		for i := range got {
			if got[i] != want[i] {
				rt.Fatalf("answered: %v, want %v", got, want)
			}
		}
	})
}
