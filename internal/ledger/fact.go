package ledger

import (
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
)

// Kind says what happened to a message, or to the run around it.
type Kind uint8

// The kinds, in the order in which an ordinary message meets them. Behind
// each: the fields of [Fact] that it sets, beside Kind and At. A [Log] keeps
// those, and no others.
const (
	_ Kind = iota

	// Offered: the scheduler put the message before the application.
	// Seq, Lag.
	Offered
	// Dropped: the message will never be handed to the producer. Seq, Cause.
	Dropped
	// Accepted: the producer took an attempt into its buffer.
	// Seq, Attempt, Queue (first attempt only), Blocked.
	Accepted
	// Refused: the producer did not take an attempt; nothing of it can ever be
	// in the log. Seq, Attempt, Queue (first attempt only), Blocked, Cause.
	Refused
	// Answered: the producer's answer to an accepted attempt, whether or not the
	// application was still listening. Seq, Attempt, Outcome (Confirmed or
	// Failed), Cause, Ack, and for Confirmed the Partition and Offset.
	Answered
	// Retried: an attempt has not ended in a yes, and the application will try
	// again. Seq, Attempt (the one that ended), Outcome, Cause.
	Retried
	// Told: the application's last word on the message. Seq, Attempt (how many
	// were made), Outcome, Cause, Send, Total.
	Told
	// Written: the log reader found a copy.
	// Seq, Attempt, Partition, Offset, Maker (MadeByApplication when an attempt
	// of the application's wrote it).
	Written
	// Consumed: the application's own consumer group got a copy.
	// Seq, Attempt, Partition, Offset.
	Consumed
	// Unread: retention overtook the log reader: offsets from Offset up to but
	// not including Until were deleted before anybody saw them. Partition,
	// Offset, Until.
	Unread
	// FaultBegan and FaultEnded: a fault of the scenario was injected or healed.
	// Seq is its index in the scenario; Note says what went wrong, if anything.
	FaultBegan
	FaultEnded
	// StateChanged: the run entered the state named in Note.
	StateChanged
	// Sampled: the gauges at this moment. Sample.
	Sampled

	kinds // one past the last
)

// OfMessage says that facts of this kind are about one message, which Seq names.
func (k Kind) OfMessage() bool { return k >= Offered && k <= Consumed }

// String is the kind's name in reports and lists.
func (k Kind) String() string {
	names := [kinds]string{
		"none", "offered", "dropped", "accepted", "refused", "answered", "retried", "told", "written", "consumed",
		"unread", "fault_began", "fault_ended", "state_changed", "sampled",
	}
	if k < kinds {
		return names[k]
	}
	return fmt.Sprintf("kind_%d", uint8(k))
}

// Outcome is what the application was told about a message.
type Outcome uint8

const (
	// NotTold is the outcome of a message that is still on its way.
	NotTold Outcome = iota
	// Confirmed is a yes: the broker acknowledged it.
	Confirmed
	// Failed is a no: an error.
	Failed
	// Unknown is silence: the application stopped waiting, never listened, or
	// died before it heard anything.
	Unknown
)

// String is the name that reports and messages use.
func (o Outcome) String() string {
	switch o {
	case Confirmed:
		return "confirmed"
	case Failed:
		return "failed"
	case Unknown:
		return "unknown"
	default:
		return "not_told"
	}
}

// Cause is why an outcome was not a yes. Positive values from 1 to 999 are
// Kafka's own error codes; the others are the client's and the application's.
// The zero Cause is none.
type Cause int16

const (
	// NoCause belongs to a yes.
	NoCause Cause = 0

	// BufferExhausted: no buffer memory within max.block.ms.
	BufferExhausted Cause = 999 + iota
	// WaitTimeout: the application's own wait for the answer ended first.
	WaitTimeout
	// DeliveryTimeout: delivery.timeout.ms passed in the buffer or on the way (KIP-91).
	DeliveryTimeout
	// RequestTimeout: no answer within request.timeout.ms, and no retry left.
	RequestTimeout
	// Connection: the connection went away before the answer, and no retry was left.
	Connection
	// MetadataTimeout: the topic's metadata did not come within max.block.ms.
	MetadataTimeout
	// RecordTooLarge: over max.request.size or buffer.memory, by the client's own word.
	RecordTooLarge
	// Closed: the producer was closed before it could send.
	Closed
	// QueueFull: the application's bounded queue had no place.
	QueueFull
	// ApplicationStopped: still queued when the application stopped gracefully.
	ApplicationStopped
	// ApplicationKilled: the application died first.
	ApplicationKilled
	// NotAwaited: the application never listens to the answer.
	NotAwaited
	// Acknowledged: the broker said yes, and the message is not in the log.
	Acknowledged
	// Other: an error that has no name here.
	Other
)

var causeNames = map[Cause]string{
	NoCause:            "none",
	BufferExhausted:    "buffer_exhausted",
	WaitTimeout:        "wait_timeout",
	DeliveryTimeout:    "delivery_timeout",
	RequestTimeout:     "request_timeout",
	Connection:         "connection",
	MetadataTimeout:    "metadata_timeout",
	RecordTooLarge:     "record_too_large",
	Closed:             "closed",
	QueueFull:          "queue_full",
	ApplicationStopped: "application_stopped",
	ApplicationKilled:  "application_killed",
	NotAwaited:         "not_awaited",
	Acknowledged:       "acknowledged",
	Other:              "other",
}

// String is the name that reports, expectations and metrics use: our own
// snake_case names, or the broker's error name, such as NOT_LEADER_OR_FOLLOWER.
func (c Cause) String() string {
	if name, ok := causeNames[c]; ok {
		return name
	}
	if err := kerr.TypedErrorForCode(int16(c)); err != nil {
		return err.Message
	}
	return fmt.Sprintf("error_%d", int16(c))
}

// Maker is who made a copy of a message beyond its first.
type Maker uint8

const (
	// MadeByApplication: an attempt of the application's own.
	MadeByApplication Maker = iota
	// MadeByClient: the client sent one attempt more than once.
	MadeByClient
	// MadeByRepublish: the message was put out again after the run.
	MadeByRepublish
	// MadeByReplay: the application came back from a crash and sent it again.
	MadeByReplay

	makers
)

// String is the name that reports use for the maker of an extra copy.
func (m Maker) String() string {
	return [...]string{"application_retry", "client_retry", "republish", "crash_replay", "unknown"}[min(m, makers)]
}

// Fact is one thing that happened. Which fields mean something depends on its
// Kind. Times are offsets from the run's one monotonic base time, as the clock
// showed them; whoever shows them to people turns them into scenario time.
type Fact struct {
	Kind    Kind
	Outcome Outcome
	Maker   Maker
	Cause   Cause
	// Attempt counts the application's attempts at one message from 1.
	Attempt int32
	// Seq is the message's number, from 0.
	Seq int64
	// At is when it happened.
	At time.Duration

	// The four clocks, each set by the fact that stops it.
	Lag     time.Duration // due -> offered
	Queue   time.Duration // offered -> a worker has it
	Blocked time.Duration // inside send, waiting for metadata and buffer memory
	Ack     time.Duration // accepted -> the producer's answer

	Send  time.Duration // inside the application's send, its waits and retries included
	Total time.Duration // due -> told

	Partition int32
	Offset    int64
	Until     int64

	Note   string
	Sample *Sample
}

// Sample is the state of the gauges at one moment.
type Sample struct {
	BufferTotal     int64         // bytes
	BufferAvailable int64         // bytes
	BufferWaiters   int64         // senders that wait for buffer memory
	Queued          int64         // messages that wait for a worker
	InFlight        int64         // messages that a worker has in hand
	ThrottleTime    time.Duration // told by brokers, in all since the start
	EndOffsets      int64         // sum over the partitions
	Committed       int64         // sum over the partitions, of the consumer group
	RecordRetries   int64         // by the client, in all since the start
	RecordErrors    int64         // by the client, in all since the start
	BytesSent       int64         // by the client, in all since the start
}

// Recorder takes facts. Record never blocks on a disk or a network and may be
// called by many goroutines at once. The fact's Sample must not change afterwards.
type Recorder interface {
	Record(Fact)
}

// Tee is a Recorder that hands every fact to each of its members in turn.
type Tee []Recorder

// Record implements [Recorder].
func (t Tee) Record(f Fact) {
	for _, r := range t {
		r.Record(f)
	}
}
