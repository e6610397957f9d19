// Package broker is the cluster under the load: one that lives inside this
// process ([Embed], kfake on connections in memory) or one that runs elsewhere
// ([Connect]). It makes and removes what a run needs there (a topic, a quota, a
// consumer group), moves leaders, and reads the log back twice: directly, for
// what was written ([Cluster.ReadLog]), and as the application's own consumer
// group ([Cluster.Consume]).
//
// It does not know what the messages mean, when they are due, nor what a
// scenario is. Faults between the application and the cluster are made by the
// wire; this room's own traffic goes past it.
package broker
