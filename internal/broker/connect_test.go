package broker

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// Every way to stand before a closed door, and what is said there. The clusters
// are kfake's, on real sockets; what only a real broker answers is in the test of
// advice below.
func TestConnectSaysWhatIsWrong(t *testing.T) {
	certificate, trusted := selfSigned(t)
	open := elsewhere(t)
	secure := elsewhere(t, kfake.TLS(certificate))
	locked := elsewhere(t, kfake.EnableSASL(),
		kfake.Superuser("PLAIN", "ann", "right"), kfake.Superuser("SCRAM-SHA-256", "ben", "right"), kfake.Superuser("SCRAM-SHA-512", "cem", "right"))
	web := answering(t, "HTTP/1.1 400 Bad Request\r\n\r\n")
	trust := &tls.Config{RootCAs: trusted}

	for _, row := range []struct {
		name string
		cfg  ConnectConfig
		want []string // parts of the sentence; none: it connects
	}{
		{"a cluster without security", ConnectConfig{Brokers: open}, nil},
		{"one of its addresses is enough", ConnectConfig{Brokers: []string{"127.0.0.1:1", open[0]}}, nil},
		{"TLS", ConnectConfig{Brokers: secure, TLS: trust}, nil},
		{"PLAIN", ConnectConfig{Brokers: locked, SASL: SASL{"PLAIN", "ann", "right"}}, nil},
		{"SCRAM-SHA-256", ConnectConfig{Brokers: locked, SASL: SASL{"SCRAM-SHA-256", "ben", "right"}}, nil},
		{"SCRAM-SHA-512, in small letters", ConnectConfig{Brokers: locked, SASL: SASL{"scram-sha-512", "cem", "right"}}, nil},

		{"no address", ConnectConfig{},
			[]string{"no broker to connect to", "host:port"}},
		{"an address without its port", ConnectConfig{Brokers: []string{"kafka"}},
			[]string{`"kafka" is not understood`, "host:port"}},
		{"nobody listens there", ConnectConfig{Brokers: []string{"127.0.0.1:1", "127.0.0.1:2"}},
			[]string{"no Kafka cluster answers at 127.0.0.1:1,127.0.0.1:2", "dial tcp 127.0.0.1:1: connect: connection refused", "dial tcp 127.0.0.1:2: connect: connection refused"}},
		{"it is a web server", ConnectConfig{Brokers: []string{web}},
			[]string{"no Kafka cluster answers at " + web, "beginning of an HTTP response"}},
		{"it wants TLS", ConnectConfig{Brokers: secure},
			[]string{"no Kafka cluster answers at", "is TLS missing?"}},
		{"its certificate is not trusted", ConnectConfig{Brokers: secure, TLS: &tls.Config{}},
			[]string{"TLS with " + secure[0][:10], "signed by unknown authority", "trust the authority"}},
		{"its certificate carries another name", ConnectConfig{Brokers: secure, TLS: &tls.Config{RootCAs: trusted, ServerName: "kafka.example"}},
			[]string{"kafka.example", "by a name that the certificate carries"}},
		{"it wants a user", ConnectConfig{Brokers: locked},
			[]string{"no Kafka cluster answers at", "is SASL missing?"}},
		{"a wrong password", ConnectConfig{Brokers: locked, SASL: SASL{"SCRAM-SHA-256", "ben", "wrong"}},
			[]string{`user "ben" with SCRAM-SHA-256`, "check the password"}},
		{"a mechanism that nobody knows", ConnectConfig{Brokers: locked, SASL: SASL{"KERBEROS", "ben", "right"}},
			[]string{`"KERBEROS" is not known`, "PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512"}},
		{"a user, but no mechanism", ConnectConfig{Brokers: locked, SASL: SASL{User: "ben"}},
			[]string{"no mechanism", "PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512"}},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			c, err := Connect(t.Context(), row.cfg)
			if err == nil {
				defer c.Close()
				if ids := c.BrokerIDs(); len(ids) != 2 || c.Addr(ids[0]) == "" {
					t.Errorf("brokers %v, the first at %q, want 2 with addresses", ids, c.Addr(ids[0]))
				}
			}
			says(t, err, row.want)
		})
	}
}

// What comes from real brokers, and takes long here or does not happen on kfake.
func TestAdviceAtTheDoor(t *testing.T) {
	cfg := ConnectConfig{SASL: SASL{"PLAIN", "ann", "?"}}
	for _, row := range []struct {
		name string
		err  error
		want string
	}{
		{"authentication failed", kerr.SaslAuthenticationFailed, `user "ann" with PLAIN was not let in: check the password`},
		{"the listener has another mechanism", kerr.UnsupportedSaslMechanism, "does not let users in by PLAIN"},
		{"the listener has no SASL at all", kerr.IllegalSaslState, "does not let users in by PLAIN"},
		{"packets go nowhere", context.DeadlineExceeded, "nothing came back within 10s"},
		{"TLS to a port without", tls.RecordHeaderError{Msg: "first record does not look like a TLS handshake"}, "speaks no TLS there"},
		{"a certificate of ours is asked for", tls.AlertError(116), "may ask for a certificate of ours"},
		{"an error that speaks for itself", errors.New("no route to host"), ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			got := advice(row.err, cfg)
			if !strings.Contains(got, row.want) || row.want == "" && got != "" {
				t.Errorf("advice: %q, want %q", got, row.want)
			}
		})
	}
}

// The trap of every Kafka in a container: the address to start from answers, and
// gives its clients another one, which does not.
func TestConnectNamesABrokerThatIsAdvertisedWrongly(t *testing.T) {
	k, err := kfake.NewCluster(kfake.NumBrokers(1))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(k.Close)
	k.ControlKey(int16(kmsg.Metadata), func(req kmsg.Request) (kmsg.Response, error, bool) {
		k.KeepControl()
		resp := req.ResponseKind().(*kmsg.MetadataResponse)
		resp.Brokers = append(resp.Brokers, kmsg.MetadataResponseBroker{NodeID: 7, Host: "127.0.0.1", Port: 1})
		resp.ControllerID = 7
		return resp, nil, true
	})
	seed := k.ListenAddrs()[0]
	_, err = Connect(t.Context(), ConnectConfig{Brokers: []string{seed}})
	says(t, err, []string{seed + " answers, but not its broker 7 at 127.0.0.1:1", "advertised.listeners", "connection refused"})
}

func TestTLSFilesAreReadOrNamed(t *testing.T) {
	dir := t.TempDir()
	file := func(name, text string) string {
		name = filepath.Join(dir, name)
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return name
	}
	certificate, _ := selfSigned(t)
	key, err := x509.MarshalPKCS8PrivateKey(certificate.Certificates[0].PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	certFile := file("cert.pem", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate.Certificates[0].Certificate[0]})))
	keyFile := file("key.pem", string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key})))
	empty := file("empty.pem", "nothing\n")

	for _, row := range []struct {
		name  string
		files TLSFiles
		want  []string // parts of the sentence; none: it is fine
	}{
		{"nothing: the system's authorities", TLSFiles{}, nil},
		{"everything", TLSFiles{CA: certFile, Cert: certFile, Key: keyFile, ServerName: "kafka"}, nil},
		{"a file that is not there", TLSFiles{CA: filepath.Join(dir, "none.pem")}, []string{"reading the TLS authorities", "none.pem"}},
		{"a file without a certificate", TLSFiles{CA: empty}, []string{"empty.pem", "no PEM certificate"}},
		{"a certificate without its key", TLSFiles{Cert: certFile}, []string{"give both"}},
		{"a key that is none", TLSFiles{Cert: certFile, Key: empty}, []string{"our TLS certificate"}},
	} {
		t.Run(row.name, func(t *testing.T) {
			cfg, err := row.files.Config()
			says(t, err, row.want)
			if err == nil && (cfg.ServerName != row.files.ServerName || (cfg.RootCAs != nil) != (row.files.CA != "") || (len(cfg.Certificates) > 0) != (row.files.Cert != "")) {
				t.Errorf("%+v became %+v", row.files, cfg)
			}
		})
	}
}

// says fails the test unless the error says all of it; nothing to say is no error.
func says(t testing.TB, err error, want []string) {
	t.Helper()
	switch {
	case err == nil && len(want) > 0:
		t.Errorf("no error, want one that says %q", want)
	case err != nil && len(want) == 0:
		t.Errorf("error: %v, want none", err)
	}
	for _, part := range want {
		if err != nil && !strings.Contains(err.Error(), part) {
			t.Errorf("the error %q does not say %q", err, part)
		}
	}
}

// elsewhere starts a cluster of two brokers on real sockets.
func elsewhere(t testing.TB, opts ...kfake.Opt) []string {
	t.Helper()
	k, err := kfake.NewCluster(append(opts, kfake.NumBrokers(2))...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(k.Close)
	return k.ListenAddrs()
}

// answering is the address of a server that says the same to everybody.
func answering(t testing.TB, text string) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			c.Write([]byte(text))
			c.Close()
		}
	}()
	t.Cleanup(func() { l.Close(); <-done })
	return l.Addr().String()
}

// selfSigned is a certificate for 127.0.0.1, and a pool that trusts it.
func selfSigned(t testing.TB) (*tls.Config, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "broker"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(cert)
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}, pool
}
