package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"syscall"
	"testing"

	"go.uber.org/goleak"
)

// daemon is simd serve in this process, on a free port.
type daemon struct {
	t      *testing.T
	url    string
	client *http.Client
	log    *io.PipeReader
	exit   chan int
}

func startDaemon(t *testing.T, settings map[string]string) *daemon {
	t.Helper()
	environment := map[string]string{"SIMD_LISTEN": "127.0.0.1:0", "SIMD_DATA_DIR": t.TempDir(), "SIMD_LOG": "json"}
	for name, value := range settings {
		environment[name] = value
	}
	read, write := io.Pipe()
	a := &app{stdin: strings.NewReader(""), stdout: io.Discard, stderr: write, environment: environment}
	d := &daemon{t: t, client: &http.Client{Transport: &http.Transport{}}, log: read, exit: make(chan int, 1)}
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(cancel)
	go func() {
		code := a.run(ctx, []string{"serve"})
		_ = write.Close()
		d.exit <- code
	}()
	lines := bufio.NewScanner(read)
	for lines.Scan() {
		var line struct{ Msg, URL string }
		if err := json.Unmarshal(lines.Bytes(), &line); err != nil {
			t.Fatalf("a log line that is not JSON: %s", lines.Text())
		}
		if line.URL != "" {
			d.url = line.URL
			break
		}
	}
	if d.url == "" {
		t.Fatalf("the daemon did not start: exit %d", <-d.exit)
	}
	go func() { _, _ = io.Copy(io.Discard, read) }() // ends with the daemon
	return d
}

// ends waits for the daemon's end.
func (d *daemon) ends(code int) {
	d.t.Helper()
	d.client.CloseIdleConnections()
	if got := <-d.exit; got != code {
		d.t.Errorf("the daemon exited with %d, want %d", got, code)
	}
}

// ask sends a request and decodes the answer.
func (d *daemon) ask(method, path, body string, status int, into any) {
	d.t.Helper()
	req, err := http.NewRequestWithContext(d.t.Context(), method, d.url+path, strings.NewReader(body))
	if err != nil {
		d.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := d.client.Do(req)
	if err != nil {
		d.t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		d.t.Fatal(err)
	}
	if resp.StatusCode != status {
		d.t.Fatalf("%s %s: %d, want %d: %s", method, path, resp.StatusCode, status, text)
	}
	if s, ok := into.(*string); ok {
		*s = string(text)
	} else if into != nil {
		if err := json.Unmarshal(text, into); err != nil {
			d.t.Fatalf("%s %s: %v: %s", method, path, err, text)
		}
	}
}

// state is what the tests read of a run.
type state struct {
	ID, State, Error string
	Ok               *bool
}

// until asks for the run until it is in one of the states.
func (d *daemon) until(id string, states ...string) state {
	d.t.Helper()
	for {
		var s state
		d.ask("GET", "/runs/"+id, "", 200, &s)
		for _, want := range states {
			if s.State == want {
				return s
			}
		}
		if s.State == "failed" {
			d.t.Fatalf("the run failed: %s", s.Error)
		}
	}
}

// TestADayOfTheDaemon is its whole use, over a real connection: a run from its
// start to its verdict, and what is asked about it.
func TestADayOfTheDaemon(t *testing.T) {
	defer goleak.VerifyNone(t)
	d := startDaemon(t, nil)
	d.ask("GET", "/readyz", "", 200, nil)

	var run state
	d.ask("POST", "/runs", `{"scenario": "hello", "speed": 5, "set": {"topic.partitions": 3}}`, 201, &run)
	d.ask("GET", "/runs/"+run.ID+"/report", "", 409, nil)
	over := d.until(run.ID, "completed")
	if over.Ok == nil || !*over.Ok {
		t.Errorf("hello did not show what it is there to show: %+v", over)
	}
	var verdict struct{ Scheduled, Written, Lost int }
	d.ask("GET", "/runs/"+run.ID+"/report?format=json", "", 200, &verdict)
	if verdict.Scheduled != 100 || verdict.Written != 100 || verdict.Lost != 0 {
		t.Errorf("the verdict: %+v", verdict)
	}
	var text string
	d.ask("GET", "/runs/"+run.ID+"/report?format=text", "", 200, &text)
	if !strings.Contains(text, "delivered") {
		t.Errorf("the report as text: %s", text)
	}
	d.ask("GET", "/runs/"+run.ID+"/messages?outcome=lost", "", 200, &text)
	if text != "" {
		t.Errorf("nothing was lost, and this is listed: %s", text)
	}
	d.ask("GET", "/runs/"+run.ID+"/messages?outcome=delivered", "", 200, &text)
	if n := strings.Count(text, "\n"); n != 100 || !strings.Contains(text, `"cell":"delivered"`) {
		t.Errorf("%d delivered messages are listed, want 100", n)
	}
	d.ask("GET", "/metrics", "", 200, &text)
	if !strings.Contains(text, run.ID) || !strings.Contains(text, "kafka_scheduler_event_count_total") {
		t.Error("the run is not on /metrics")
	}
	d.ask("POST", "/runs/"+run.ID+"/stop", `{"mode": "abrupt"}`, 409, nil)

	signalSelf(t, syscall.SIGTERM)
	d.ends(0)
}

// TestSIGTERMStopsRunsAndTheirReportsStand: the next daemon on the same folder
// finds what the one before has played.
func TestSIGTERMStopsRunsAndTheirReportsStand(t *testing.T) {
	defer goleak.VerifyNone(t)
	dir := t.TempDir()
	d := startDaemon(t, map[string]string{"SIMD_DATA_DIR": dir})
	var run state
	d.ask("POST", "/runs", `{"scenario": "hello", "set": {"load.phases[0].for": "10m"}}`, 201, &run)
	d.until(run.ID, "running")
	signalSelf(t, syscall.SIGTERM)
	d.ends(0)

	d = startDaemon(t, map[string]string{"SIMD_DATA_DIR": dir})
	d.until(run.ID, "stopped")
	var verdict struct {
		State string
		Lost  int
	}
	d.ask("GET", "/runs/"+run.ID+"/report", "", 200, &verdict)
	if verdict.State != "stopped" {
		t.Errorf("the report of the stopped run: %+v", verdict)
	}
	signalSelf(t, os.Interrupt)
	d.ends(0)
}

// TestWhoFollowsARunHearsItsEnd: a stream over a real connection, while the
// daemon shuts down; it keeps nobody waiting.
func TestWhoFollowsARunHearsItsEnd(t *testing.T) {
	defer goleak.VerifyNone(t)
	d := startDaemon(t, nil)
	var run state
	d.ask("POST", "/runs", `{"scenario": "hello", "set": {"load.phases[0].for": "10m"}}`, 201, &run)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, d.url+"/runs/"+run.ID+"/events", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := d.client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var heard []string
	stopped := false
	for lines := bufio.NewScanner(resp.Body); lines.Scan(); {
		if event, ok := strings.CutPrefix(lines.Text(), "event: "); ok {
			heard = append(heard, event)
		}
		if !stopped && strings.Contains(lines.Text(), `"state":"running"`) {
			stopped = true
			signalSelf(t, syscall.SIGTERM)
		}
	}
	if n := len(heard); n < 3 || heard[n-1] != "end" || heard[n-2] != "status" {
		t.Errorf("the stream held %v", heard)
	}
	d.ends(0)
}

// TestCtrlC stops a run from a shell, and its report is printed all the same.
func TestCtrlC(t *testing.T) {
	defer goleak.VerifyNone(t)
	progress, write := io.Pipe()
	var report strings.Builder
	a := &app{stdin: strings.NewReader(""), stdout: &report, stderr: write,
		environment: map[string]string{"SIMD_DATA_DIR": t.TempDir()}}
	exited := make(chan int, 1)
	go func() {
		code := a.run(context.Background(), []string{"run", "hello", "--set", "load.phases[0].for=10m"})
		_ = write.Close()
		exited <- code
	}()
	lines := bufio.NewScanner(progress)
	sent := false
	for lines.Scan() {
		if !sent && strings.Contains(lines.Text(), "running") {
			sent = true
			signalSelf(t, os.Interrupt)
		}
	}
	if code := <-exited; code != 130 {
		t.Errorf("exit %d, want 130", code)
	}
	if !strings.Contains(report.String(), "stopped") || !strings.Contains(report.String(), "told yes") {
		t.Errorf("the report: %s", report.String())
	}
}

func signalSelf(t *testing.T, sig os.Signal) {
	t.Helper()
	self, err := os.FindProcess(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	if err := self.Signal(sig); err != nil {
		t.Fatal(fmt.Errorf("signalling this process: %w", err))
	}
}
