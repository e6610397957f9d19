package scenario

import (
	"strings"
	"time"

	"pgregory.net/rapid"
)

// scenarios draws valid ones: whatever the format allows, in ranges small
// enough that their plans can be walked.
func scenarios() *rapid.Generator[*Scenario] {
	return rapid.Custom(func(t *rapid.T) *Scenario {
		s := Default()
		s.Name = rapid.StringMatching(`[a-z0-9][a-z0-9-]{0,20}`).Draw(t, "name")
		s.Title = line(t, "title", 40)
		s.About = about(t)
		s.Topic.Partitions = rapid.IntRange(1, 12).Draw(t, "partitions")
		s.Topic.Replication = rapid.IntRange(1, 3).Draw(t, "replication")
		s.Topic.MinInsyncReplicas = rapid.IntRange(1, s.Topic.Replication).Draw(t, "min.insync")
		s.Topic.Retention = duration(t, "retention", time.Second, maxTime)
		s.Topic.MaxMessageBytes = rapid.Int64Range(0, maxInt).Draw(t, "max.message.bytes")
		s.Message = Message{
			Bytes: rapid.Int64Range(0, 10<<20).Draw(t, "bytes"),
			Key:   rapid.SampledFrom([]string{"uuid", "none"}).Draw(t, "key"),
		}
		s.Load = loads().Draw(t, "load")
		s.Publisher = publishers().Draw(t, "publisher")
		s.Producer = producers().Draw(t, "producer")
		s.Quotas = Quotas{
			ProducerByteRate: rapid.Float64Range(0, 1e12).Draw(t, "quota"),
			Window:           duration(t, "window", time.Millisecond, time.Hour),
			Samples:          rapid.IntRange(1, 100).Draw(t, "samples"),
		}
		s.Faults = faults(t, s.Plan().End())
		s.Expect = expects(t)
		return s
	})
}

func duration(t *rapid.T, label string, least, most time.Duration) time.Duration {
	return time.Duration(rapid.Int64Range(int64(least), int64(most)).Draw(t, label))
}

func line(t *rapid.T, label string, most int) string {
	return rapid.OneOf(
		rapid.StringMatching(`[ -~äßøλ…]*`),
		rapid.SampledFrom([]string{"on", "null", "5", "1e3", "~", "- a", "a: b", "{}", "#", " x ", "", "'", `"`, "true", ".inf", "0x1f", "1_000", "=", "<<", "*a", "&a", "!b", "@", "|", ">-", "%", "? x"}),
	).Filter(func(s string) bool { return len([]rune(s)) <= most }).Draw(t, label)
}

func about(t *rapid.T) string {
	words := rapid.SliceOfN(rapid.StringMatching(`[!-~ü]{1,12}`), 0, 60).Draw(t, "words")
	gap := rapid.SampledFrom([]string{" ", "\n", "  ", " \n", "\n\n"}).Draw(t, "gap")
	return strings.Join(words, gap)
}

func rates(t *rapid.T, label string) float64 {
	return rapid.OneOf(
		rapid.Map(rapid.IntRange(0, 300), func(n int) float64 { return float64(n) }),
		rapid.Map(rapid.IntRange(0, 3000), func(n int) float64 { return float64(n) / 100 }),
		rapid.Map(rapid.IntRange(0, 3000), func(n int) float64 { return float64(n) / 7 }),
	).Draw(t, label)
}

func loads() *rapid.Generator[Load] {
	return rapid.Custom(func(t *rapid.T) Load {
		var l Load
		l.First = duration(t, "first", 0, time.Minute)
		l.Bursts = rapid.SampledFrom([]time.Duration{0, 0, time.Second, 300 * time.Millisecond, 7 * time.Second}).Draw(t, "bursts")
		// A first phase that plans something, so that the load is never empty.
		steady := 1.5
		l.Phases = []Phase{{For: 2 * time.Second, Rate: &steady}}
		for range rapid.IntRange(0, 5).Draw(t, "phases") {
			l.Phases = append(l.Phases, phases().Draw(t, "phase"))
		}
		if rapid.Bool().Draw(t, "named") {
			l.Phases[0].Name = "warm: up"
		}
		return l
	})
}

func phases() *rapid.Generator[Phase] {
	return rapid.Custom(func(t *rapid.T) Phase {
		length := rapid.OneOf(
			rapid.Map(rapid.IntRange(1, 30), func(n int) time.Duration { return time.Duration(n) * time.Second }),
			rapid.Map(rapid.Int64Range(1, 30e9), func(n int64) time.Duration { return time.Duration(n) }),
		).Draw(t, "for")
		switch rapid.IntRange(0, 2).Draw(t, "shape") {
		case 0:
			r := rates(t, "rate")
			return Phase{For: length, Rate: &r}
		case 1:
			return Phase{For: length, Ramp: &Ramp{From: rates(t, "from"), To: rates(t, "to")}}
		}
		by := rapid.SampledFrom([]float64{1, 0.25, 3}).Draw(t, "by")
		from := float64(rapid.IntRange(0, 20).Draw(t, "from")) * by
		to := float64(rapid.IntRange(0, 20).Draw(t, "to")) * by
		return Phase{Stairs: &Stairs{From: from, To: to, By: by, Each: max(length/10, time.Millisecond)}}
	})
}

func publishers() *rapid.Generator[Publisher] {
	return rapid.Custom(func(t *rapid.T) Publisher {
		p := Publisher{
			Send:       rapid.SampledFrom([]string{"blocking", "callback", "forget"}).Draw(t, "send"),
			Workers:    rapid.IntRange(1, maxWorkers).Draw(t, "workers"),
			Wait:       duration(t, "wait", time.Millisecond, time.Hour),
			Contention: rapid.Float64Range(0, 1).Draw(t, "contention"),
			Queue:      rapid.IntRange(0, maxMessages).Draw(t, "queue"),
		}
		if p.Send != "forget" && rapid.Bool().Draw(t, "retry") {
			p.Retry = &Retry{
				Attempts: rapid.IntRange(1, 10).Draw(t, "attempts"),
				Backoff:  duration(t, "backoff", 0, time.Minute),
				Factor:   rapid.Float64Range(1, 2).Draw(t, "factor"),
				Jitter:   rapid.Float64Range(0, 1).Draw(t, "jitter"),
				On:       rapid.SampledFrom([][]string{{"timeout"}, {"error"}, {"timeout", "error"}, {"error", "timeout"}}).Draw(t, "on"),
			}
		}
		return p
	})
}

func producers() *rapid.Generator[Producer] {
	return rapid.Custom(func(t *rapid.T) Producer {
		ms := func(label string) time.Duration {
			return rapid.OneOf(
				rapid.Map(rapid.IntRange(0, 100_000), func(n int) time.Duration { return time.Duration(n) * time.Millisecond }),
				rapid.Map(rapid.Int64Range(0, int64(longestInJava)/3), func(n int64) time.Duration { return time.Duration(n) }),
			).Draw(t, label)
		}
		p := Producer{
			Acks:         rapid.SampledFrom([]string{"0", "1", "all"}).Draw(t, "acks"),
			BufferMemory: rapid.Int64Range(0, maxBuffer).Draw(t, "buffer"),
			MaxBlock:     ms("max.block"), RequestTimeout: ms("request"), Linger: ms("linger"),
			RetryBackoff: ms("retry"), RetryBackoffMax: ms("retry.max"),
			ReconnectBackoff: ms("reconnect"), ReconnectBackoffMax: ms("reconnect.max"),
			MetadataMaxAge:  ms("metadata"),
			BatchSize:       rapid.Int64Range(0, maxInt).Draw(t, "batch"),
			MaxRequestSize:  rapid.Int64Range(0, maxInt).Draw(t, "request.size"),
			Retries:         rapid.SampledFrom([]int{0, 1, 5, maxInt}).Draw(t, "retries"),
			MaxInFlight:     rapid.IntRange(1, maxInFlightIdempotent).Draw(t, "in.flight"),
			CompressionType: rapid.SampledFrom([]string{"none", "gzip", "snappy", "lz4", "zstd"}).Draw(t, "compression"),
		}
		p.DeliveryTimeout = min(p.RequestTimeout+p.Linger+ms("delivery"), longestInJava)
		if rapid.Bool().Draw(t, "no idempotence") {
			off := false
			p.EnableIdempotence = &off
			p.MaxInFlight = rapid.IntRange(1, maxInt).Draw(t, "in.flight")
		} else if p.Acks == "all" && p.Retries > 0 && rapid.Bool().Draw(t, "idempotence") {
			on := true
			p.EnableIdempotence = &on
		}
		return p
	})
}

// faults follow one another, so that none overlap.
func faults(t *rapid.T, end time.Duration) []Fault {
	var list []Fault
	at := time.Duration(0)
	for range rapid.IntRange(0, 4).Draw(t, "faults") {
		x := Fault{Kind: rapid.SampledFrom(playableKinds()).Draw(t, "kind"), At: at}
		if x.Kind != "stop" {
			x.For = duration(t, "fault for", 1, 10*time.Second)
		}
		if at += x.For + time.Second; at > end+faultGrace {
			break
		}
		brokers := rapid.SampledFrom([][]int{nil, {0}, {2, 1}}).Draw(t, "brokers")
		switch x.Kind {
		case "outage":
			x.Brokers, x.Leaders = brokers, "kept"
			if rapid.Bool().Draw(t, "first back") {
				x.Leaders, x.Rebalance = "first_back", duration(t, "rebalance", 1, time.Hour)
			}
		case "slow":
			x.Brokers, x.Latency = brokers, duration(t, "latency", 1, time.Second)
			x.Bandwidth = rapid.Float64Range(0, 1e9).Draw(t, "bandwidth")
		case "lost_answers", "acknowledged_and_gone":
			x.Brokers, x.Fraction = brokers, rapid.Float64Range(0.001, 1).Draw(t, "fraction")
		case "quota":
			x.ProducerByteRate = rapid.Float64Range(0, 1e9).Draw(t, "rate")
		case "stop":
			x.Mode = rapid.SampledFrom([]string{"graceful", "abrupt"}).Draw(t, "mode")
			list = append(list, x)
			return list // a second stop would overlap
		}
		list = append(list, x)
	}
	return list
}

func expects(t *rapid.T) []Expectation {
	var list []Expectation
	for _, of := range rapid.SliceOfNDistinct(rapid.SampledFrom([]string{
		"scheduled", "lost", "extra_copies", "matrix.confirmed.2+", "latency_seconds.send.p95",
		"causes.buffer_exhausted", "causes.NOT_LEADER_OR_FOLLOWER", "copies_by.application_retry",
	}), 0, 4, rapid.ID).Draw(t, "of") {
		for range rapid.IntRange(1, 2).Draw(t, "conditions") {
			want := rapid.SampledFrom([]string{"== 0", "<= 600", "== scheduled", ">= 1.12 * scheduled", "< written * 0.5", "!=lost", " > -3.5e2 "}).Draw(t, "want")
			list = append(list, Expectation{Of: of, Want: want})
		}
	}
	return list
}
