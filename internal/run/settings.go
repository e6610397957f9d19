package run

import (
	"slices"

	"kafkasim.example/simd/internal/producer"
	"kafkasim.example/simd/internal/publisher"
	"kafkasim.example/simd/internal/scenario"
)

// producerConfig gives the scenario's properties to the producer.
func producerConfig(topic string, s *scenario.Scenario, seed uint64) producer.Config {
	p := s.Producer
	acks := map[string]int{"0": 0, "1": 1, "all": -1, "-1": -1}[p.Acks]
	return producer.Config{
		ClientID:            topic,
		Topic:               topic,
		Acks:                acks,
		BufferMemory:        p.BufferMemory,
		BatchSize:           p.BatchSize,
		MaxRequestSize:      p.MaxRequestSize,
		Retries:             p.Retries,
		MaxInFlight:         p.MaxInFlight,
		Idempotence:         p.Idempotent(),
		Compression:         p.CompressionType,
		MaxBlock:            p.MaxBlock,
		Linger:              p.Linger,
		DeliveryTimeout:     p.DeliveryTimeout,
		RequestTimeout:      p.RequestTimeout,
		RetryBackoff:        p.RetryBackoff,
		RetryBackoffMax:     p.RetryBackoffMax,
		ReconnectBackoff:    p.ReconnectBackoff,
		ReconnectBackoffMax: p.ReconnectBackoffMax,
		MetadataMaxAge:      p.MetadataMaxAge,
		Contention:          s.Publisher.Contention,
		Seed:                seed,
	}
}

// publisherConfig gives the scenario's application to the publisher.
func publisherConfig(s *scenario.Scenario, seed uint64) publisher.Config {
	p := s.Publisher
	cfg := publisher.Config{
		Mode:    map[string]publisher.Mode{"blocking": publisher.Blocking, "callback": publisher.Callback, "forget": publisher.Forget}[p.Send],
		Workers: p.Workers,
		Queue:   p.Queue,
		Wait:    p.Wait,
		Seed:    seed,
		Retry:   publisher.Retry{Attempts: 1},
	}
	if r := p.Retry; r != nil {
		cfg.Retry = publisher.Retry{
			Attempts:  r.Attempts,
			Backoff:   r.Backoff,
			Factor:    r.Factor,
			Jitter:    r.Jitter,
			OnTimeout: slices.Contains(r.On, "timeout"),
			OnError:   slices.Contains(r.On, "error"),
		}
	}
	return cfg
}
