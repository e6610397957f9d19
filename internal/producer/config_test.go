package producer

import (
	"strings"
	"testing"
	"time"
)

func TestConfig(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(*Config)
		says   string // part of the error; "": there is none
	}{
		{"Java's defaults", func(*Config) {}, ""},
		{"no topic", func(c *Config) { c.Topic = "" }, "Topic"},
		{"acks=2", func(c *Config) { c.Acks = 2 }, "acks"},
		{"no memory", func(c *Config) { c.BufferMemory = 0 }, "buffer.memory"},
		{"batch.size of all memory", func(c *Config) { c.BufferMemory = c.BatchSize }, ""},
		{"batch.size over buffer.memory", func(c *Config) { c.BufferMemory = c.BatchSize - 1 }, "batch.size"},
		{"batch.size=0", func(c *Config) { c.BatchSize = 0 }, ""},
		{"negative batch.size", func(c *Config) { c.BatchSize = -1 }, "batch.size"},
		{"nothing in flight", func(c *Config) { c.MaxInFlight = 0 }, "max.in.flight"},
		{"no request timeout", func(c *Config) { c.RequestTimeout = 0 }, "request.timeout.ms"},
		{"delivery.timeout.ms at its least", func(c *Config) { c.DeliveryTimeout = c.Linger + c.RequestTimeout }, ""},
		{"delivery.timeout.ms below that", func(c *Config) { c.DeliveryTimeout = c.Linger + c.RequestTimeout - 1 }, "KIP-91"},
		{"idempotence with acks=1", func(c *Config) { c.Acks = 1 }, "KIP-98"},
		{"idempotence with 6 in flight", func(c *Config) { c.MaxInFlight = 6 }, "KIP-98"},
		{"idempotence without retries", func(c *Config) { c.Retries = 0 }, "KIP-98"},
		{"contention over 1", func(c *Config) { c.Contention = 1.1 }, "contention"},
		{"an unknown compression", func(c *Config) { c.Compression = "rar" }, "compression.type"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			cfg := javaDefaults()
			tt.change(&cfg)
			p, err := New(cfg)
			if err == nil {
				p.Close(0)
			}
			if (err == nil) != (tt.says == "") || err != nil && !strings.Contains(err.Error(), tt.says) {
				t.Errorf("New: %v, want an error that names %q", err, tt.says)
			}
		})
	}
}

// franz-go has limits for times of its own; they are not ours.
func TestVeryLongAndVeryShortTimes(t *testing.T) {
	for _, d := range []time.Duration{time.Millisecond, 24 * time.Hour} {
		cfg := javaDefaults()
		cfg.Linger, cfg.RequestTimeout, cfg.DeliveryTimeout = 0, d, d
		cfg.RetryBackoff, cfg.RetryBackoffMax, cfg.ReconnectBackoff, cfg.ReconnectBackoffMax, cfg.MetadataMaxAge = d, d, d, d, d
		p, err := New(cfg)
		if err != nil {
			t.Errorf("all times %v: %v", d, err)
			continue
		}
		p.Close(0)
	}
}
