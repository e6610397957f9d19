// Package producer is a Kafka producer that behaves as the Java client does,
// property by property, on top of franz-go.
//
// franz-go brings the connections: brokers, versions, security, framing. What
// decides whether a message is late, lost or doubled is built here after the
// Java client's own classes: the buffer and its queue of waiters (BufferPool),
// the batches of each partition (RecordAccumulator, ProducerBatch), and the one
// goroutine that drains, sends, retries and expires them (Sender). franz-go's
// own produce path has other rules: it fails every record behind one that
// times out, counts a refused connection as a try, and wakes all who wait for
// memory at once.
//
// The package does not know the application, the plan or the log.
package producer
