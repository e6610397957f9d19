// Package producer is a Kafka producer that behaves as the Java client does,
// property by property, on top of franz-go. It does not know the application,
// the plan or the log.
//
// franz-go brings the connections: brokers, versions, security, framing. What
// decides whether a message is late, lost or doubled is built here after the
// classes of the Java client 4.4, which the comments name. franz-go's own produce
// path has other rules: it fails every record behind one that times out, counts a
// refused connection as a try, and wakes all who wait for memory at once.
//
//	Send -> pool (buffer.memory) -> accumulator (a queue of batches a partition)
//	                                    |
//	        sender, one goroutine: ready -> reach -> drain -> send -> settle -> answers
//	                                              node: connection, throttle, requests under way
//
// # Where it deviates from the Java client
//
//   - A topic's partitions are counted once; those that are added later get no
//     records. A topic that is missing is not created by asking for it.
//   - Times are exact; Java counts whole milliseconds.
//   - Metadata and producer ids travel on connections of their own, franz-go's.
//     In Java they share the produce connections, take part in
//     max.in.flight.requests.per.connection, and a metadata request that is due
//     goes before any produce request.
//   - A connection that dies while nothing is under way on it is noticed by the
//     next batch for it. Java notices at once. If the batch could not be written
//     at all, that is no try, and the batch waits on, though closed to further
//     records; if its bytes went into a socket whose other end had gone, it is one.
//   - Connecting, with its ApiVersions, may take request.timeout.ms; Java has
//     socket.connection.setup.timeout.ms for it.
//   - Records are compressed when their batch is sent, by the sender; in Java as
//     they are appended, by the thread that sends. lz4, gzip and zstd are at
//     franz-go's levels.
//   - A producer that waits for its id lets batches expire; Java's does nothing
//     else meanwhile.
//   - Where the broker blames single records of a batch (KIP-467), all of the batch
//     get its error.
//   - The memory of all batches that one answer ends comes back at once; in Java
//     each batch's as its turn comes, microseconds apart.
//   - Who is faster, a newcomer or a waiter for memory, is a setting here; see
//     [Config].Contention.
//   - Not there: transactions, interceptors, partitioner.class,
//     partitioner.availability.timeout.ms, partitioner.rack.aware,
//     metadata.max.idle.ms, buffer.memory.allocation.strategy=incremental.
package producer
