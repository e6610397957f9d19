package producer

import (
	"encoding/binary"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
)

// byKey is the partition of a key: Utils.toPositive(Utils.murmur2(key)) modulo
// the number of partitions, as BuiltInPartitioner.partitionForKey has it.
func byKey(key []byte, partitions int) int32 {
	return int32(int(murmur2(key)&0x7fffffff) % partitions)
}

// murmur2 is org.apache.kafka.common.utils.Utils.murmur2.
func murmur2(data []byte) uint32 {
	const (
		seed uint32 = 0x9747b28c
		m    uint32 = 0x5bd1e995
		r           = 24
	)
	h := seed ^ uint32(len(data))
	for ; len(data) >= 4; data = data[4:] {
		k := binary.LittleEndian.Uint32(data) * m
		k ^= k >> r
		h = h*m ^ k*m
	}
	switch len(data) {
	case 3:
		h ^= uint32(data[2]) << 16
		fallthrough
	case 2:
		h ^= uint32(data[1]) << 8
		fallthrough
	case 1:
		h ^= uint32(data[0])
		h *= m
	}
	h ^= h >> 13
	h *= m
	return h ^ h>>15
}

// sticky chooses partitions for records without a key: one partition until
// batch.size bytes went there, then another by chance (KIP-794, BuiltInPartitioner).
type sticky struct {
	batchSize int64
	mu        sync.Mutex // of rng
	rng       *rand.Rand
	current   atomic.Pointer[choice] // nil: none yet
	spread    atomic.Pointer[spread]
}

// choice is a partition that was chosen, and for how long.
type choice struct {
	partition int32
	bytes     int64 // that went there since; belongs to the lock of the partition's queue
}

// spread is among which partitions the next choice is made, and with what odds.
type spread struct {
	partitions []int32
	sums       []int // of the weights up to and including each one's; nil: all alike
}

// now is the choice that is in force.
func (s *sticky) now() *choice {
	if c := s.current.Load(); c != nil {
		return c
	}
	s.current.CompareAndSwap(nil, &choice{partition: s.draw()})
	return s.current.Load()
}

// moved says whether the choice is no longer in force. c is nil for a record with a key.
func (s *sticky) moved(c *choice) bool { return c != nil && s.current.Load() != c }

// add counts bytes that went to the chosen partition, and makes the next choice
// once they are enough. That waits for the end of a batch, so that no batch is
// left small, but not for ever.
func (s *sticky) add(c *choice, bytes int, batchEnds bool) {
	if c == nil {
		return
	}
	c.bytes += int64(bytes)
	if c.bytes >= s.batchSize && batchEnds || c.bytes >= 2*s.batchSize {
		s.current.Store(&choice{partition: s.draw()})
	}
}

func (s *sticky) draw() int32 {
	among := s.spread.Load()
	s.mu.Lock()
	defer s.mu.Unlock()
	if among.sums == nil {
		return among.partitions[s.rng.IntN(len(among.partitions))]
	}
	n := s.rng.IntN(among.sums[len(among.sums)-1])
	i, _ := slices.BinarySearch(among.sums, n+1)
	return among.partitions[i]
}

// spreadByQueues prefers partitions with short queues of batches, whose brokers
// are fast (partitioner.adaptive.partitioning.enable; partitioner.availability.timeout.ms
// is at its default of 0, and partitioner.rack.aware at false).
func spreadByQueues(partitions []int32, queues []int) *spread {
	longest := slices.Max(queues)
	if slices.Min(queues) == longest {
		return &spread{partitions: partitions}
	}
	sums := make([]int, len(queues))
	sum := 0
	for i, n := range queues {
		sum += longest + 1 - n
		sums[i] = sum
	}
	return &spread{partitions: partitions, sums: sums}
}
