package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"reflect"
	"strings"
	"time"

	"github.com/caarlos0/env/v11"

	"kafkasim.example/simd/internal/api"
	"kafkasim.example/simd/internal/broker"
)

// settings are what the operator says, by environment variables. README.md has
// the table of them.
type settings struct {
	Listen       string   `env:"SIMD_LISTEN" envDefault:"127.0.0.1:8080"`
	Token        string   `env:"SIMD_TOKEN"`
	TrustNetwork bool     `env:"SIMD_TRUST_NETWORK"` // whoever reaches Listen may come in
	Hosts        []string `env:"SIMD_HOSTS"`

	Brokers       []string `env:"SIMD_BROKERS"` // none: the embedded cluster
	TLS           bool     `env:"SIMD_TLS"`
	TLSCA         string   `env:"SIMD_TLS_CA"`
	TLSCert       string   `env:"SIMD_TLS_CERT"`
	TLSKey        string   `env:"SIMD_TLS_KEY"`
	TLSServerName string   `env:"SIMD_TLS_SERVER_NAME"`
	TLSInsecure   bool     `env:"SIMD_TLS_INSECURE"`
	SASLMechanism string   `env:"SIMD_SASL_MECHANISM"`
	SASLUsername  string   `env:"SIMD_SASL_USERNAME"`
	SASLPassword  string   `env:"SIMD_SASL_PASSWORD"`

	DataDir  string        `env:"SIMD_DATA_DIR" envDefault:"simd-data"`
	MaxRuns  int           `env:"SIMD_MAX_RUNS" envDefault:"4"`
	KeepRuns int           `env:"SIMD_KEEP_RUNS" envDefault:"100"`
	Grace    time.Duration `env:"SIMD_GRACE" envDefault:"10s"`

	Log      string     `env:"SIMD_LOG" envDefault:"text"`
	LogLevel slog.Level `env:"SIMD_LOG_LEVEL" envDefault:"info"`
}

// wanted says what a value of each type should look like.
var wanted = map[reflect.Type]string{
	reflect.TypeFor[int]():           "a whole number, such as 4",
	reflect.TypeFor[bool]():          "true or false",
	reflect.TypeFor[time.Duration](): "a duration, such as 10s",
	reflect.TypeFor[slog.Level]():    "debug, info, warn or error",
}

// readSettings reads the environment; its error has a sentence for each setting
// that is wrong.
func readSettings(environment map[string]string) (settings, error) {
	var s settings
	err := env.ParseWithOptions(&s, env.Options{Environment: environment})
	var all env.AggregateError
	if errors.As(err, &all) {
		var sentences []error
		for _, one := range all.Errors {
			sentences = append(sentences, sentence(one, environment))
		}
		return s, errors.Join(sentences...)
	}
	if err != nil {
		return s, err
	}
	return s, s.check()
}

// sentence makes one of an error of the library's, which knows fields of ours
// where the operator knows variables.
func sentence(err error, environment map[string]string) error {
	var parse env.ParseError
	if !errors.As(err, &parse) {
		return err
	}
	field, _ := reflect.TypeFor[settings]().FieldByName(parse.Name)
	name := field.Tag.Get("env")
	return fmt.Errorf("%s is %q; want %s", name, environment[name], wanted[field.Type])
}

// check judges the settings together.
func (s *settings) check() error {
	var wrong []error
	bad := func(format string, args ...any) { wrong = append(wrong, fmt.Errorf(format, args...)) }
	if _, port, err := net.SplitHostPort(s.Listen); err != nil || port == "" {
		bad("SIMD_LISTEN is %q; want host:port, such as 127.0.0.1:8080", s.Listen)
	} else if s.Token == "" && !s.TrustNetwork && !api.Loopback(s.Listen) {
		bad("SIMD_LISTEN is %q, which other machines can reach; set SIMD_TOKEN to what they must know, or listen on 127.0.0.1; SIMD_TRUST_NETWORK=true is for a network of your own alone, such as that of containers", s.Listen)
	}
	if s.Token != "" && s.TrustNetwork {
		bad("SIMD_TOKEN and SIMD_TRUST_NETWORK are both set; want one: whoever comes in knows the token, or need not")
	}
	if s.MaxRuns < 1 {
		bad("SIMD_MAX_RUNS is %d; want at least 1", s.MaxRuns)
	}
	if s.KeepRuns < 1 {
		bad("SIMD_KEEP_RUNS is %d; want at least 1", s.KeepRuns)
	}
	if s.Grace < 0 {
		bad("SIMD_GRACE is %s; want 0s or more", s.Grace)
	}
	if s.DataDir == "" {
		bad("SIMD_DATA_DIR is empty; want a folder")
	}
	if s.Log != "text" && s.Log != "json" {
		bad("SIMD_LOG is %q; want text or json", s.Log)
	}
	s.checkSecurity(bad)
	return errors.Join(wrong...)
}

func (s *settings) checkSecurity(bad func(format string, args ...any)) {
	switch strings.ToUpper(s.SASLMechanism) {
	case "PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512":
		if s.SASLUsername == "" || s.SASLPassword == "" {
			bad("SIMD_SASL_MECHANISM is %s; want SIMD_SASL_USERNAME and SIMD_SASL_PASSWORD with it", s.SASLMechanism)
		}
	case "":
		if s.SASLUsername != "" || s.SASLPassword != "" {
			bad("SIMD_SASL_USERNAME or SIMD_SASL_PASSWORD is set; want SIMD_SASL_MECHANISM with them: PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512")
		}
	default:
		bad("SIMD_SASL_MECHANISM is %q; want PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512", s.SASLMechanism)
	}
	if (s.TLSCert == "") != (s.TLSKey == "") {
		bad("SIMD_TLS_CERT and SIMD_TLS_KEY belong together; want both or neither")
	}
}

// encrypted says whether connections to the brokers use TLS: asked for, or
// implied by any of its settings.
func (s *settings) encrypted() bool {
	return s.TLS || s.TLSCA != "" || s.TLSCert != "" || s.TLSServerName != "" || s.TLSInsecure
}

// cluster returns what opens the cluster for a run: the embedded one, or the
// brokers that the settings name. Files are read now, so that what is wrong with
// them is known now.
func (s *settings) cluster(log *slog.Logger) (func(context.Context) (*broker.Cluster, error), error) {
	if len(s.Brokers) == 0 {
		return func(ctx context.Context) (*broker.Cluster, error) {
			return broker.Embed(ctx, broker.EmbedConfig{Brokers: embeddedBrokers, Logger: log})
		}, nil
	}
	var encryption *tls.Config
	if s.encrypted() {
		var err error
		encryption, err = broker.TLSFiles{
			CA: s.TLSCA, Cert: s.TLSCert, Key: s.TLSKey, ServerName: s.TLSServerName, Insecure: s.TLSInsecure,
		}.Config()
		if err != nil {
			return nil, fmt.Errorf("the SIMD_TLS settings: %w", err)
		}
	}
	cfg := broker.ConnectConfig{
		Brokers: s.Brokers,
		TLS:     encryption,
		SASL:    broker.SASL{Mechanism: strings.ToUpper(s.SASLMechanism), User: s.SASLUsername, Password: s.SASLPassword},
		Logger:  log,
	}
	return func(ctx context.Context) (*broker.Cluster, error) { return broker.Connect(ctx, cfg) }, nil
}

// clusterName is what reports call the cluster.
func (s *settings) clusterName() string {
	if len(s.Brokers) == 0 {
		return "embedded"
	}
	return strings.Join(s.Brokers, ",")
}

// embeddedBrokers is how many brokers the embedded cluster has: three, for a
// replication of 3 is what people run.
const embeddedBrokers = 3

// logger writes structured logs as the settings say.
func (s *settings) logger(w io.Writer, level slog.Level) *slog.Logger {
	options := &slog.HandlerOptions{Level: level}
	if s.Log == "json" {
		return slog.New(slog.NewJSONHandler(w, options))
	}
	return slog.New(slog.NewTextHandler(w, options))
}
