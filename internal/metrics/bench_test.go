package metrics

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"kafkasim.example/simd/internal/ledger"
	"kafkasim.example/simd/internal/report"
	"kafkasim.example/simd/internal/scenario"
)

// BenchmarkScrape reads the whole page while twenty runs of case 2 are shown,
// near their ends, when they have the most to show. It is to take less than 50 ms.
func BenchmarkScrape(b *testing.B) {
	s, err := scenario.Preset("case-2")
	if err != nil {
		b.Fatal(err)
	}
	reg := prometheus.NewRegistry()
	set := New(reg)
	facts := overloaded(s.Plan())
	for i := range 20 {
		id := fmt.Sprintf("run-%02d", i)
		builder := report.NewBuilder(report.Meta{ID: id, Scenario: s})
		builder.AddBatch(facts)
		partitions := make([]Partition, s.Topic.Partitions)
		for p := range partitions {
			partitions[p] = Partition{ID: int32(p), EndOffset: 3000, Committed: 2900, Leader: int32(p % 3), Replicas: 3}
		}
		set.Attach(Run{
			ID: id, Scenario: s.Name, Speed: 1, Live: builder.Live,
			Partitions: func() []Partition { return partitions },
			Producer:   func() *Producer { return &Producer{Batches: 1, Records: 1, Requests: 1} },
			Ledger:     func() *Ledger { return new(Ledger) },
		}, 0)
	}
	handler := promhttp.HandlerFor(reg, promhttp.HandlerOpts{})
	for _, c := range []struct{ name, accept string }{
		{"text", "text/plain"},
		{"protobuf", "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited"},
	} {
		b.Run(c.name, func(b *testing.B) {
			req := httptest.NewRequest(http.MethodGet, "/metrics", nil)
			req.Header.Set("Accept", c.accept)
			b.ReportAllocs()
			for b.Loop() {
				rec := httptest.NewRecorder()
				handler.ServeHTTP(rec, req)
				if rec.Code != 200 || !bytes.Contains(rec.Body.Bytes(), []byte("run-19")) {
					b.Fatalf("answered %d, %d bytes", rec.Code, rec.Body.Len())
				}
			}
			b.ReportMetric(float64(b.Elapsed().Milliseconds())/float64(b.N), "ms/scrape")
		})
	}
}

// overloaded are facts as case 2 makes them: send times spread over three powers
// of ten, one message in 200 lost.
func overloaded(plan *scenario.Plan) []ledger.Fact {
	var facts []ledger.Fact
	for seq := range plan.Total() {
		at := plan.Due(seq)
		way := time.Duration(3+seq%2000) * time.Millisecond
		facts = append(facts, ledger.Fact{Kind: ledger.Offered, Seq: seq, At: at, Lag: way / 1000})
		if seq%200 == 0 {
			facts = append(facts,
				ledger.Fact{Kind: ledger.Refused, Seq: seq, At: at + 5*time.Second, Attempt: 1, Queue: way, Blocked: 5 * time.Second, Cause: ledger.BufferExhausted},
				ledger.Fact{Kind: ledger.Told, Seq: seq, At: at + 5*time.Second, Attempt: 1, Outcome: ledger.Failed, Cause: ledger.BufferExhausted, Send: 5 * time.Second, Total: 5*time.Second + way})
			continue
		}
		facts = append(facts,
			ledger.Fact{Kind: ledger.Accepted, Seq: seq, At: at, Attempt: 1, Queue: way / 2, Blocked: way / 3},
			ledger.Fact{Kind: ledger.Answered, Seq: seq, At: at + way, Attempt: 1, Outcome: ledger.Confirmed, Ack: way},
			ledger.Fact{Kind: ledger.Told, Seq: seq, At: at + way, Attempt: 1, Outcome: ledger.Confirmed, Send: way, Total: 2 * way},
			ledger.Fact{Kind: ledger.Written, Seq: seq, At: at + way, Attempt: 1},
			ledger.Fact{Kind: ledger.Consumed, Seq: seq, At: at + way, Attempt: 1})
	}
	return facts
}
