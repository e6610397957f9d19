package producer

import (
	"encoding/binary"
	"math/rand/v2"
	"sync"
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
// batch.size bytes went there, then another at random (KIP-794,
// BuiltInPartitioner). Of its adaptive part, which prefers partitions with
// short queues (partitioner.adaptive.partitioning.enable), nothing is simulated.
type sticky struct {
	mu        sync.Mutex
	rng       *rand.Rand
	partition int32 // -1: none chosen yet
	left      int64 // bytes until the next choice
}

func (s *sticky) next(bytes, batchSize int64, partitions int) int32 {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.partition < 0 || s.left <= 0 {
		s.partition = s.rng.Int32N(int32(partitions))
		s.left = max(batchSize, 1)
	}
	s.left -= bytes
	return s.partition
}
