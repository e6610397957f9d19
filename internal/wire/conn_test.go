package wire

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
	"pgregory.net/rapid"
)

// A line is a connection through a wire, with a test at both its ends.
type line struct {
	wire   *Wire
	client net.Conn
	broker net.Conn
}

// newLine must be called in a bubble.
func newLine(t *testing.T) *line {
	t.Helper()
	var l line
	l.wire = New(func(context.Context, string, string) (net.Conn, error) {
		near, far := net.Pipe()
		l.broker = far
		return near, nil
	})
	client, err := l.wire.Dial(t.Context(), "tcp", "broker:9092")
	if err != nil {
		t.Fatal(err)
	}
	l.client = client
	t.Cleanup(func() {
		l.client.Close()
		l.broker.Close()
		l.wire.Close()
	})
	return &l
}

// inLine runs f with a line in a bubble.
func inLine(t *testing.T, f func(t *testing.T, l *line)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { f(t, newLine(t)) })
}

// frame puts a length before what it is given.
func frame(parts ...[]byte) []byte {
	body := bytes.Join(parts, nil)
	return append(binary.BigEndian.AppendUint32(nil, uint32(len(body))), body...)
}

// produceFrame is a produce request of one partition, from client id "c".
func produceFrame(version int16, corr int32, acks int16, records []byte) []byte {
	req := kmsg.NewPtrProduceRequest()
	req.SetVersion(version)
	req.Acks = acks
	topic := kmsg.NewProduceRequestTopic()
	topic.Topic, topic.TopicID = "t", [16]byte{1}
	partition := kmsg.NewProduceRequestTopicPartition()
	partition.Records = records
	topic.Partitions = append(topic.Partitions, partition)
	req.Topics = append(req.Topics, topic)
	return kmsg.NewRequestFormatter(kmsg.FormatterClientID("c")).AppendRequest(nil, req, corr)
}

// producedFrame is the broker's answer to that.
func producedFrame(version int16, corr int32, offset int64) []byte {
	req := kmsg.NewPtrProduceRequest()
	req.SetVersion(version)
	resp := req.ResponseKind().(*kmsg.ProduceResponse)
	topic := kmsg.NewProduceResponseTopic()
	topic.Topic, topic.TopicID = "t", [16]byte{1}
	partition := kmsg.NewProduceResponseTopicPartition()
	partition.BaseOffset = offset
	topic.Partitions = append(topic.Partitions, partition)
	resp.Topics = append(resp.Topics, topic)
	header := binary.BigEndian.AppendUint32(nil, uint32(corr))
	if resp.IsFlexible() {
		header = append(header, 0)
	}
	return frame(header, resp.AppendTo(nil))
}

// otherFrame is a request that is no produce request, and answerFrame may
// answer it.
func otherFrame(corr int32, bytes int) []byte {
	head := []byte{0, byte(kmsg.Metadata), 0, 9}
	return frame(binary.BigEndian.AppendUint32(head, uint32(corr)), []byte{0, 1, 'c', 0}, pattern(bytes))
}

func answerFrame(corr int32, bytes int) []byte {
	return frame(binary.BigEndian.AppendUint32(nil, uint32(corr)), pattern(bytes))
}

// readFrame returns the next whole frame.
func readFrame(t *testing.T, from io.Reader) []byte {
	t.Helper()
	prefix := make([]byte, 4)
	if _, err := io.ReadFull(from, prefix); err != nil {
		t.Fatalf("no frame came: %v", err)
	}
	body := make([]byte, binary.BigEndian.Uint32(prefix))
	if _, err := io.ReadFull(from, body); err != nil {
		t.Fatalf("half a frame came: %v", err)
	}
	return frame(body)
}

// parseProduced takes a produce response apart.
func parseProduced(t *testing.T, frame []byte, version int16, corr int32) *kmsg.ProduceResponse {
	t.Helper()
	a, err := parseAnswer(frame, version)
	if err != nil {
		t.Fatalf("a produce response that cannot be read: %v", err)
	}
	if got := int32(binary.BigEndian.Uint32(frame[4:])); got != corr {
		t.Fatalf("the answer is for request %d, want %d", got, corr)
	}
	return a.ProduceResponse
}

func write(t *testing.T, to io.Writer, p []byte) {
	t.Helper()
	if _, err := to.Write(p); err != nil {
		t.Fatal(err)
	}
}

// Whatever the frames and however they are cut into writes and reads: with
// nothing set, each end gets what the other one sent.
func TestBytesPassUnchanged(t *testing.T) {
	frames := rapid.Custom(func(t *rapid.T) []byte {
		size := rapid.SampledFrom([]int{0, 1, 3, 4, 7, 8, 9, 10, 11, 100, headBytes, headBytes + 1, 1000, 70_000, 200_000}).Draw(t, "size")
		corr := rapid.Int32Range(0, 5).Draw(t, "corr")
		switch rapid.IntRange(0, 3).Draw(t, "kind") {
		case 0:
			return frame(pattern(size))
		case 1:
			return otherFrame(corr, size)
		case 2:
			version := rapid.Int16Range(3, 13).Draw(t, "version")
			return produceFrame(version, corr, rapid.SampledFrom([]int16{-1, 0, 1}).Draw(t, "acks"), pattern(size))
		default:
			return answerFrame(corr, size)
		}
	})
	sizes := rapid.SliceOfN(rapid.IntRange(1, 100_000), 1, 5)
	rapid.Check(t, func(rt *rapid.T) {
		var up, down []byte
		for _, f := range rapid.SliceOfN(frames, 0, 6).Draw(rt, "requests") {
			up = append(up, f...)
		}
		for _, f := range rapid.SliceOfN(frames, 0, 6).Draw(rt, "answers") {
			down = append(down, f...)
		}
		// The last frame may be torn off.
		up = up[:len(up)-min(len(up), rapid.IntRange(0, 20).Draw(rt, "torn"))]
		writes, reads := append(sizes.Draw(rt, "writes"), 50_000), append(sizes.Draw(rt, "reads"), 50_000)
		var atBroker, atClient []byte
		inLine(t, func(t *testing.T, l *line) {
			var all sync.WaitGroup
			all.Go(func() { writeChunks(t, l.client, up, writes) })
			all.Go(func() { writeChunks(t, l.broker, down, writes) })
			all.Go(func() { atClient = readChunks(l.client, len(down), reads) })
			all.Go(func() { atBroker = readChunks(l.broker, len(up), reads) })
			synctest.Wait()
			l.client.Close() // what is left of a torn frame goes its way now
			all.Wait()
		})
		if !bytes.Equal(atBroker, up) || !bytes.Equal(atClient, down) {
			rt.Errorf("the broker got %d bytes of %d, the client %d of %d, or others", len(atBroker), len(up), len(atClient), len(down))
		}
	})
}

func writeChunks(t *testing.T, to io.Writer, p []byte, sizes []int) {
	for i := 0; len(p) > 0; i++ {
		k := min(len(p), sizes[i%len(sizes)])
		if _, err := to.Write(p[:k]); err != nil {
			t.Error(err)
			return
		}
		p = p[k:]
	}
}

func readChunks(from io.Reader, n int, sizes []int) (got []byte) {
	for i := 0; len(got) < n; i++ {
		p := make([]byte, min(n-len(got), sizes[i%len(sizes)]))
		k, err := from.Read(p)
		got = append(got, p[:k]...)
		if err != nil {
			break
		}
	}
	return got
}

func TestACutInTheMiddleOfAFrame(t *testing.T) {
	inLine(t, func(t *testing.T, l *line) {
		whole := otherFrame(1, 1000)
		write(t, l.client, whole[:700])
		if _, err := io.ReadFull(l.broker, make([]byte, 700)); err != nil {
			t.Fatal(err)
		}
		answer := answerFrame(1, 1000)
		write(t, l.broker, answer[:10])
		if _, err := io.ReadFull(l.client, make([]byte, 10)); err != nil {
			t.Fatal(err)
		}

		l.wire.Cut("elsewhere:9092")
		write(t, l.client, whole[700:701])
		l.wire.Cut("broker:9092")
		if _, err := l.client.Read(make([]byte, 1)); !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("the client reads: %v, want ECONNRESET", err)
		}
		if _, err := l.client.Write(whole[701:]); !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("the client writes: %v, want ECONNRESET", err)
		}
		if rest, err := io.ReadAll(l.broker); len(rest) > 1 || err != nil {
			t.Errorf("the broker still got %d bytes, then %v", len(rest), err)
		}
	})
}

func TestABrokerThatCloses(t *testing.T) {
	inLine(t, func(t *testing.T, l *line) {
		go func() {
			l.broker.Write(answerFrame(1, 100))
			l.broker.Write(answerFrame(2, 100)[:50])
			l.broker.Close()
		}()
		synctest.Wait()
		readFrame(t, l.client)
		if rest, err := io.ReadAll(l.client); len(rest) != 50 || err != nil {
			t.Errorf("after the last whole frame %d bytes, then %v; want the 50 of half a frame and the end", len(rest), err)
		}
		if _, err := l.client.Write(otherFrame(3, 10)); !errors.Is(err, syscall.EPIPE) {
			t.Errorf("writing to it: %v, want EPIPE", err)
		}
	})
}

// What a client has written before it closes is under way, and the broker gets
// it: so a request that has timed out may be written all the same.
func TestAClientThatCloses(t *testing.T) {
	inLine(t, func(t *testing.T, l *line) {
		request := otherFrame(1, 100_000)
		write(t, l.client, request)
		l.client.Close()
		if got, err := io.ReadAll(l.broker); !bytes.Equal(got, request) || err != nil {
			t.Errorf("the broker got %d bytes of %d, then %v", len(got), len(request), err)
		}
		if _, err := l.client.Read(make([]byte, 1)); !errors.Is(err, net.ErrClosed) {
			t.Errorf("reading from a closed connection: %v", err)
		}
		if _, err := l.client.Write(make([]byte, 1)); !errors.Is(err, net.ErrClosed) {
			t.Errorf("writing to a closed connection: %v", err)
		}
	})
}

func TestAnImpossibleLengthEndsTheConnection(t *testing.T) {
	for _, row := range []struct {
		story string
		bytes []byte
		says  int32
		tls   bool // the error has an idea
	}{
		{"negative", []byte{0xff, 0xff, 0xff, 0xff}, -1, false},
		{"more than 100 MiB", []byte{0x06, 0x40, 0, 1}, MaxFrameBytes + 1, false},
		{"a TLS handshake", []byte{0x16, 0x03, 0x01, 0x02, 0, 1}, 0x16030102, true},
	} {
		t.Run(row.story, func(t *testing.T) {
			for _, from := range []string{"client", "broker"} {
				inLine(t, func(t *testing.T, l *line) {
					if from == "client" {
						write(t, l.client, row.bytes)
					} else {
						go l.broker.Write(row.bytes)
					}
					_, err := l.client.Read(make([]byte, 1))
					want := FrameError{From: from, Addr: "broker:9092", Bytes: row.says}
					if got := (*FrameError)(nil); !errors.As(err, &got) || *got != want {
						t.Errorf("from the %s: the client reads %v, want %v", from, err, &want)
					}
					if hint := strings.Contains(err.Error(), "TLS"); hint != row.tls {
						t.Errorf("from the %s: %q speaks of TLS: %t", from, err, hint)
					}
					if rest, err := io.ReadAll(l.broker); len(rest) > 0 || err != nil {
						t.Errorf("from the %s: the broker gets %d bytes, then %v", from, len(rest), err)
					}
				})
			}
		})
	}
}

func TestDeadlinesOfAConnection(t *testing.T) {
	inLine(t, func(t *testing.T, l *line) {
		begin := time.Now()
		l.client.SetDeadline(begin.Add(time.Second))
		_, err := l.client.Read(make([]byte, 1))
		var timeout net.Error
		if !errors.Is(err, os.ErrDeadlineExceeded) || !errors.As(err, &timeout) || !timeout.Timeout() {
			t.Errorf("reading: %v, want a time-out", err)
		}
		if took := time.Since(begin); took != time.Second {
			t.Errorf("a second took %v", took)
		}
		if _, err := l.client.Write(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("writing: %v, want a time-out", err)
		}
		l.client.SetDeadline(time.Time{})
		write(t, l.client, otherFrame(1, 10))
		readFrame(t, l.broker)

		// A broker that does not read: what fits is taken, and then nothing.
		l.client.SetWriteDeadline(time.Now().Add(time.Second))
		n, err := l.client.Write(make([]byte, 2*streamBytes))
		if n < streamBytes || n > streamBytes+4+headBytes || !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("of two mebibytes %d bytes were taken: %v", n, err)
		}
	})
}

func TestAnAnswerToNothingPasses(t *testing.T) {
	inLine(t, func(t *testing.T, l *line) {
		l.wire.SetQuota(Quota{BytesPerSecond: 1})
		want := answerFrame(7, 10)
		go l.broker.Write(want)
		if got := readFrame(t, l.client); !bytes.Equal(got, want) {
			t.Errorf("got %q", got)
		}
	})
}
