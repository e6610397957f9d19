package ledger

import (
	"io"
	"time"
)

// run is the writer goroutine, from Create to Close.
func (l *Log) run() {
	defer close(l.done)
	tick := time.NewTicker(l.opts.Flush)
	defer tick.Stop()
	for {
		select {
		case <-l.full:
			l.drain()
		case <-tick.C:
			l.sealAll(false)
			l.drain()
		case flushed := <-l.flushes:
			l.sealAll(false)
			l.drain()
			close(flushed)
		case <-l.closing:
			l.sealAll(true)
			l.drain()
			l.finish()
			return
		}
	}
}

// sealAll queues what every shard has, for the last time or not.
func (l *Log) sealAll(last bool) {
	for i := range l.shards {
		s := &l.shards[i]
		s.mu.Lock()
		l.seal(s)
		s.closed = last
		s.mu.Unlock()
	}
}

// drain carries every block that waits to the file and to Each.
func (l *Log) drain() {
	before := l.Bytes()
	l.taken = l.queue.take(l.taken)
	for i, b := range l.taken {
		l.write(b.framed())
		l.hand(b)
		l.queue.done(b)
		l.taken[i] = nil
	}
	if l.opts.Sync && l.Bytes() > before {
		l.sync()
	}
}

// write appends to the file, unless it has failed already. After an error it
// cuts off what is only half there; should that fail too, Read knows a torn
// tail when it sees one.
func (l *Log) write(p []byte) {
	if l.Err() != nil {
		return
	}
	n, err := l.file.Write(p)
	if err == nil && n < len(p) {
		err = io.ErrShortWrite
	}
	if err != nil {
		l.fail("write", err, 0)
		_ = l.file.Truncate(l.Bytes())
		return
	}
	l.bytes.Add(int64(n))
}

// hand gives a block's facts to Each, as Read would.
func (l *Log) hand(b *block) {
	if l.opts.Each == nil {
		return
	}
	facts, err := decodeFacts(l.facts[:0], b.payload())
	if err != nil {
		panic("ledger: cannot read its own facts: " + err.Error())
	}
	l.facts = facts
	l.opts.Each(facts)
}

func (l *Log) sync() {
	if l.Err() != nil {
		return
	}
	if err := l.file.Sync(); err != nil {
		l.fail("sync", err, 0)
	}
}

// finish syncs and closes the file.
func (l *Log) finish() {
	l.sync()
	if err := l.file.Close(); err != nil {
		l.fail("close", err, 0)
	}
}
