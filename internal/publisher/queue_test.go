package publisher

import (
	"testing"

	"pgregory.net/rapid"
)

func TestQueueIsFirstInFirstOut(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var q queue[int]
		var in, out int
		for _, n := range rapid.SliceOf(rapid.IntRange(-3*chunkLen, 3*chunkLen)).Draw(t, "pushes and pops") {
			for ; n > 0; n-- {
				q.push(in)
				in++
			}
			for ; n < 0 && q.len() > 0; n++ {
				if got := q.pop(); got != out {
					t.Fatalf("got %d, want %d", got, out)
				}
				out++
			}
			if q.len() != in-out {
				t.Fatalf("length %d, want %d", q.len(), in-out)
			}
		}
		chunks := 0
		for c := q.head; c != nil; c = c.next {
			chunks++
		}
		if most := q.len()/chunkLen + 2; chunks > most {
			t.Errorf("%d items are kept in %d chunks, want at most %d", q.len(), chunks, most)
		}
	})
}
