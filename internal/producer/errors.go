package producer

import (
	"errors"

	"github.com/twmb/franz-go/pkg/kerr"

	"kafkasim.example/simd/internal/ledger"
)

// The errors that Send returns and that answers carry, each after the Java
// exception that the same event throws. A broker's own error comes as a
// *kerr.Error; it is every record's in its batch, also where the broker blames
// single ones (Java tells the others a KafkaException of their own, KIP-467).
var (
	// ErrBufferExhausted: BufferExhaustedException.
	ErrBufferExhausted = errors.New("no buffer memory within max.block.ms: the producer accepts more than it can send; raise buffer.memory or max.block.ms, or send less")
	// ErrMetadataTimeout: TimeoutException from KafkaProducer.waitOnMetadata.
	ErrMetadataTimeout = errors.New("no metadata for the topic within max.block.ms: no broker answered, or the topic does not exist")
	// ErrRecordTooLarge: RecordTooLargeException from KafkaProducer.ensureValidRecordSize.
	ErrRecordTooLarge = errors.New("the record is larger than max.request.size or buffer.memory")
	// ErrDeliveryTimeout: TimeoutException from Sender.failExpiredBatches (KIP-91).
	ErrDeliveryTimeout = errors.New("delivery.timeout.ms passed since the record was accepted")
	// ErrRequestTimeout: TimeoutException for Errors.REQUEST_TIMED_OUT, when no
	// answer came within request.timeout.ms, or not to a request before it on
	// the same connection, which was closed for that.
	ErrRequestTimeout = errors.New("no answer within request.timeout.ms")
	// ErrNetwork: NetworkException: the connection went away before the answer.
	ErrNetwork = errors.New("the connection to the broker went away before its answer")
	// ErrClosed: IllegalStateException for a send after close, and
	// KafkaException("Producer is closed forcefully.") for what was still buffered.
	ErrClosed = errors.New("the producer is closed")
)

// Cause names an error of this package for the ledger.
func Cause(err error) ledger.Cause {
	var broker *kerr.Error
	switch {
	case err == nil:
		return ledger.NoCause
	case errors.Is(err, ErrBufferExhausted):
		return ledger.BufferExhausted
	case errors.Is(err, ErrMetadataTimeout):
		return ledger.MetadataTimeout
	case errors.Is(err, ErrRecordTooLarge):
		return ledger.RecordTooLarge
	case errors.Is(err, ErrDeliveryTimeout):
		return ledger.DeliveryTimeout
	case errors.Is(err, ErrRequestTimeout):
		return ledger.RequestTimeout
	case errors.Is(err, ErrNetwork):
		return ledger.Connection
	case errors.Is(err, ErrClosed):
		return ledger.Closed
	case errors.As(err, &broker) && broker.Code > 0:
		return ledger.Cause(broker.Code)
	default:
		return ledger.Other
	}
}

// stale says whether the error means that the metadata is out of date: the
// subclasses of Java's InvalidMetadataException that a produce request can meet.
func stale(err error) bool {
	if errors.Is(err, ErrNetwork) {
		return true
	}
	var broker *kerr.Error
	if !errors.As(err, &broker) {
		return false
	}
	switch broker.Code {
	case kerr.UnknownTopicOrPartition.Code, kerr.LeaderNotAvailable.Code, kerr.NotLeaderForPartition.Code,
		kerr.ReplicaNotAvailable.Code, kerr.NetworkException.Code, kerr.KafkaStorageError.Code, kerr.ListenerNotFound.Code,
		kerr.FencedLeaderEpoch.Code, kerr.UnknownTopicID.Code, kerr.InconsistentTopicID.Code:
		return true
	}
	return false
}

// retriable says whether another try may succeed: Java's RetriableException.
func retriable(err error) bool {
	if errors.Is(err, ErrNetwork) || errors.Is(err, ErrRequestTimeout) {
		return true
	}
	var broker *kerr.Error
	return errors.As(err, &broker) && broker.Retriable && broker.Code != kerr.BrokerNotAvailable.Code
}
