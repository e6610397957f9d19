package broker

import (
	"fmt"
	"runtime"
	"testing"
)

// BenchmarkReadLog reads what is in the log of an embedded cluster, headers as
// the application writes them.
func BenchmarkReadLog(b *testing.B) {
	for _, size := range []int{100, 100 << 10} {
		b.Run(fmt.Sprintf("%dB", size), func(b *testing.B) {
			n := min(500_000, 200<<20/size)
			c := embed(b)
			createTopic(b, c, Topic{Name: "simd-t", Partitions: 9, Replication: 3})
			produce(b, c, "simd-t", 9, n, size)
			runtime.GC()
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			for b.Loop() {
				read := 0
				r, err := c.ReadLog(b.Context(), "simd-t", func(Record) { read++ })
				if err != nil {
					b.Fatal(err)
				}
				if err := r.CaughtUp(b.Context()); err != nil {
					b.Fatal(err)
				}
				r.Close()
				if read != n {
					b.Fatalf("read %d of %d records", read, n)
				}
			}
			runtime.ReadMemStats(&after)
			total := float64(b.N) * float64(n)
			b.ReportMetric(total/b.Elapsed().Seconds(), "records/s")
			b.ReportMetric(total*float64(size)/b.Elapsed().Seconds()/1e6, "MB/s")
			b.ReportMetric(float64(after.Mallocs-before.Mallocs)/total, "allocs/record")
			b.ReportMetric(float64(after.HeapSys)/(1<<20), "heap-MiB")
		})
	}
}
