package dashboards

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// server is a real Prometheus that scrapes simd.
type server struct {
	url string
	log *bytes.Buffer
}

// startServer starts Prometheus with prometheus.yml as it is, but for the
// addresses, and the lines that a version before 3 does not know.
func startServer(t *testing.T, simd string, flags ...string) *server {
	t.Helper()
	path, err := exec.LookPath("prometheus")
	if err != nil {
		t.Skip("prometheus is not installed (Debian: apt-get install prometheus)")
	}
	version, err := exec.CommandContext(t.Context(), path, "--version").CombinedOutput()
	if err != nil {
		t.Fatalf("prometheus --version: %v\n%s", err, version)
	}
	older := bytes.Contains(version, []byte("version 2."))

	dir, address := t.TempDir(), freeAddress(t)
	if err := os.CopyFS(dir, os.DirFS("../../prometheus")); err != nil {
		t.Fatal(err)
	}
	config, err := os.ReadFile("../../prometheus/prometheus.yml")
	if err != nil {
		t.Fatal(err)
	}
	var adapted strings.Builder
	for line := range strings.Lines(string(config)) {
		if older && strings.Contains(line, "# since 3.") {
			continue
		}
		adapted.WriteString(strings.NewReplacer("simd:8080", simd, "localhost:9090", address).Replace(line))
	}
	file := filepath.Join(dir, "prometheus.yml")
	if err := os.WriteFile(file, []byte(adapted.String()), 0o600); err != nil {
		t.Fatal(err)
	}

	s := &server{url: "http://" + address, log: new(bytes.Buffer)}
	cmd := exec.Command(path, append([]string{
		"--config.file=" + file, "--storage.tsdb.path=" + filepath.Join(dir, "data"), "--web.listen-address=" + address,
	}, flags...)...)
	cmd.Stdout, cmd.Stderr = s.log, s.log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		kill := time.AfterFunc(10*time.Second, func() { _ = cmd.Process.Kill() })
		defer kill.Stop()
		_ = cmd.Wait()
		if t.Failed() {
			t.Logf("prometheus %s said:\n%s", strings.Join(flags, " "), s.log)
		}
	})
	return s
}

// freeAddress is one where nobody listens. Prometheus does not tell which port it
// got, so it cannot be given port 0.
func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// until asks a question again and again until it has that many answers.
func (s *server) until(t *testing.T, answers int, query string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	var last string
	for {
		got, err := s.at(ctx, query, time.Now())
		if err == nil && len(got) == answers {
			return
		}
		last = fmt.Sprintf("%d answers, %v", len(got), err)
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("%s has no %d answers within a minute, but %s", query, answers, last)
		}
	}
}

// series is an answer: labels, and values a second apart, or one.
type series struct {
	labels map[string]string
	values []float64
	until  time.Time // of the last value
	gone   bool      // before the end of the time that was asked for
}

func (s series) last() float64 { return s.values[len(s.values)-1] }

// over asks for each second of a time.
func (s *server) over(ctx context.Context, query string, from, to time.Time) ([]series, error) {
	all, err := s.ask(ctx, "query_range", url.Values{
		"query": {query}, "step": {"1"}, "start": {stamp(from)}, "end": {stamp(to)},
	})
	for i := range all {
		all[i].gone = to.Sub(all[i].until) > 1500*time.Millisecond
	}
	return all, err
}

// at asks for one moment.
func (s *server) at(ctx context.Context, query string, at time.Time) ([]series, error) {
	return s.ask(ctx, "query", url.Values{"query": {query}, "time": {stamp(at)}})
}

func stamp(t time.Time) string { return strconv.FormatFloat(float64(t.UnixMilli())/1000, 'f', 3, 64) }

func (s *server) ask(ctx context.Context, kind string, form url.Values) ([]series, error) {
	var answer struct {
		Data struct {
			Result []struct {
				Metric map[string]string
				Value  [2]any
				Values [][2]any
			}
		}
	}
	if err := s.get(ctx, "/api/v1/"+kind+"?"+form.Encode(), &answer); err != nil {
		return nil, err
	}
	all := make([]series, 0, len(answer.Data.Result))
	for _, r := range answer.Data.Result {
		if r.Values == nil {
			r.Values = [][2]any{r.Value}
		}
		one := series{labels: r.Metric}
		for _, pair := range r.Values {
			text, _ := pair[1].(string)
			value, err := strconv.ParseFloat(text, 64)
			if err != nil {
				return nil, fmt.Errorf("%v is no sample: %w", pair, err)
			}
			one.values = append(one.values, value)
			at, _ := pair[0].(float64)
			one.until = time.UnixMilli(int64(1000 * at))
		}
		all = append(all, one)
	}
	return all, nil
}

func (s *server) get(ctx context.Context, path string, answer any) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.url+path, nil)
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s", resp.Status, text)
	}
	return json.Unmarshal(text, answer)
}
