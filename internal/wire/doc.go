// Package wire is a man in the middle of one connection who understands
// Kafka's frames: it throttles, slows, cuts, loses answers and swallows records
// between a client and a broker, the same way in front of an embedded cluster
// (connections in memory) and of a real one (TCP). It does not know topics,
// scenarios, or what a client wants with its requests.
//
// It sits at the client: [Wire.Dial] is the client's dialer. What the client
// gets is one end of a connection in memory; two goroutines carry its frames to
// the connection that was really dialed, and back. Those two stand where the
// broker stands, so that delays happen on the client's side of them:
//
//	client -> [up: a stream] -> requests() -> broker
//	client <- [down: a stream] <- answers() <- broker
//
// A [stream] is what a socket's buffers and a cable are: bounded, with
// deadlines, a latency and a bandwidth. Between the two goroutines lies the
// list of requests that have been sent and not yet answered; Kafka answers the
// requests of a connection in the order in which they came, and so does a wire.
package wire
