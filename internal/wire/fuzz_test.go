package wire

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"testing"
	"testing/synctest"
	"time"
)

// FuzzFrames sends any bytes both ways, with any of the faults set. Nothing
// panics, nothing hangs (a bubble notices), what passes is what was sent, and an
// impossible length ends the connection with an error that says so.
func FuzzFrames(f *testing.F) {
	request, answer := produceFrame(9, 1, 1, pattern(100)), producedFrame(9, 1, 5)
	for faults := range byte(16) {
		f.Add(request, answer, faults)
		f.Add(append(otherFrame(2, 5), produceFrame(13, 3, -1, nil)...), append(answerFrame(2, 5), producedFrame(13, 3, 0)...), faults)
	}
	f.Add(produceFrame(3, 1, 0, nil)[:20], answer[:6], byte(0))
	f.Add([]byte{0xff, 0xff, 0xff, 0xff}, []byte{}, byte(0))
	f.Add([]byte{}, []byte{0x15, 3, 1, 0, 2, 1}, byte(1))
	f.Add([]byte{0, 0, 0, 8, 0, 0, 0, 99, 0, 0, 0, 1}, []byte{0, 0, 0, 4, 0, 0, 0, 1}, byte(15))
	f.Fuzz(func(t *testing.T, up, down []byte, faults byte) {
		inLine(t, func(t *testing.T, l *line) {
			if faults&1 != 0 {
				l.wire.SetQuota(Quota{BytesPerSecond: 10})
			}
			if faults&2 != 0 {
				l.wire.Swallow(0.5)
			}
			if faults&4 != 0 {
				l.wire.LoseAnswers(0.5)
			}
			if faults&8 != 0 {
				l.wire.Slow(Slowness{Latency: time.Second, Jitter: time.Second, BytesPerSecond: 1000})
			}
			var atBroker, atClient bytes.Buffer
			var clientErr error
			go io.Copy(&atBroker, l.broker)
			go func() { _, clientErr = io.Copy(&atClient, l.client) }()
			go l.client.Write(up)
			go l.broker.Write(down)
			time.Sleep(24 * 365 * time.Hour) // all throttles and delays are over
			synctest.Wait()

			badUp, badDown := badLength(up), badLength(down)
			var frame *FrameError
			switch {
			case errors.As(clientErr, &frame) != (badUp || badDown):
				t.Errorf("impossible lengths: the client's %t, the broker's %t; the client reads %v", badUp, badDown, clientErr)
			case frame != nil && frame.From == "client" && !badUp, frame != nil && frame.From == "broker" && !badDown:
				t.Errorf("the wrong one is blamed: %v", frame)
			case faults&^8 == 0 && !(bytes.HasPrefix(up, atBroker.Bytes()) && bytes.HasPrefix(down, atClient.Bytes())):
				t.Error("other bytes have passed than were sent")
			}
			if err := l.wire.Close(); err != nil {
				t.Error(err)
			}
			synctest.Wait()
		})
	})
}

// badLength tells whether a sequence of frames ends in one that cannot be.
func badLength(p []byte) bool {
	for len(p) >= 4 {
		size := int64(int32(binary.BigEndian.Uint32(p)))
		switch {
		case size < 0 || size > MaxFrameBytes:
			return true
		case 4+size > int64(len(p)):
			return false
		}
		p = p[4+size:]
	}
	return false
}
