package ledger

import (
	"encoding/binary"
	"hash/crc32"
)

// A facts file is its title, then blocks. A block, integers little-endian:
//
//	0   uint32  length of the payload in bytes
//	4   uint32  number of facts in it
//	8   uint32  CRC-32C of the payload
//	12  uint32  CRC-32C of the twelve bytes before
//	16  payload
//
// The header has a checksum of its own because a wrong length that reaches past
// the end of the file would look like an innocent torn tail.

// title begins every facts file: what it is, and the version of its format.
const title = "simd facts 1\n"

const (
	// headerSize is the length of a block's header in bytes.
	headerSize = 16
	// blockSize bounds a block, its header included, in bytes.
	blockSize = 64 << 10
	// maxPayload is the length of the longest payload in bytes.
	maxPayload = blockSize - headerSize
)

// castagnoli is CRC-32C, which processors compute on their own.
var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// header is a block's header, read.
type header struct {
	length, facts, checksum uint32
}

// parseHeader reads a block's header; ok is false when its checksum is wrong.
func parseHeader(b []byte) (h header, ok bool) {
	if binary.LittleEndian.Uint32(b[12:]) != crc32.Checksum(b[:12], castagnoli) {
		return header{}, false
	}
	return header{
		length:   binary.LittleEndian.Uint32(b),
		facts:    binary.LittleEndian.Uint32(b[4:]),
		checksum: binary.LittleEndian.Uint32(b[8:]),
	}, true
}

// block is a run of facts on its way to the file. Its buffer never grows: it is
// full when another fact might not fit.
type block struct {
	buf   []byte // headerSize bytes of room, then facts
	facts int
	last  cursor
}

func newBlock() *block {
	return &block{buf: make([]byte, headerSize, blockSize)}
}

func (b *block) reset() {
	b.buf, b.facts, b.last = b.buf[:headerSize], 0, cursor{}
}

func (b *block) add(f *Fact) {
	b.buf = appendFact(b.buf, f, &b.last)
	b.facts++
}

func (b *block) full() bool { return len(b.buf) > blockSize-maxFact }

func (b *block) payload() []byte { return b.buf[headerSize:] }

// framed fills in the header and returns the whole block, as the file has it.
func (b *block) framed() []byte {
	binary.LittleEndian.PutUint32(b.buf, uint32(len(b.payload())))
	binary.LittleEndian.PutUint32(b.buf[4:], uint32(b.facts))
	binary.LittleEndian.PutUint32(b.buf[8:], crc32.Checksum(b.payload(), castagnoli))
	binary.LittleEndian.PutUint32(b.buf[12:], crc32.Checksum(b.buf[:12], castagnoli))
	return b.buf
}
