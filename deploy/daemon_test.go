package deploy_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/compose-spec/compose-go/v2/types"
)

// patience is how long anything here may take before a test calls it broken.
const patience = 2 * time.Minute

// daemon is the image's process, outside of a container: the binary that the
// Dockerfile's command builds, the image's entry point, and no other environment
// than that of the compose file.
type daemon struct {
	t     *testing.T
	s     types.ServiceConfig
	env   []string
	url   string
	ended chan error
	kill  func(os.Signal) error
}

// start starts a service of simd's. Paths and ports are this test's own; rewrite
// sets what else must differ on one machine.
func start(t *testing.T, s types.ServiceConfig, rewrite map[string]string) *daemon {
	t.Helper()
	d := &daemon{t: t, s: s, ended: make(chan error, 1)}
	env := environment(t, s)
	env["SIMD_DATA_DIR"] = t.TempDir()
	env["SIMD_LISTEN"] = net.JoinHostPort("127.0.0.1", freePort(t))
	for name, value := range rewrite {
		if _, ok := env[name]; !ok {
			t.Fatalf("%s: there is no %s to rewrite", s.Name, name)
		}
		env[name] = value
	}
	for name, value := range env {
		d.env = append(d.env, name+"="+value)
	}
	command := d.command(context.WithoutCancel(t.Context()), t, dockerfile(t).last("CMD"))
	read, write := io.Pipe()
	command.Stderr = write
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	d.kill = command.Process.Signal
	go func() {
		err := command.Wait()
		write.Close()
		d.ended <- err
	}()
	lines := bufio.NewScanner(read)
	var said strings.Builder
	for d.url == "" && lines.Scan() {
		said.WriteString(lines.Text() + "\n")
		if _, after, ok := strings.Cut(lines.Text(), "url=http://"); ok {
			address, _, _ := strings.Cut(after, " ")
			_, port, err := net.SplitHostPort(address)
			if err != nil {
				t.Fatalf("%s: %v", lines.Text(), err)
			}
			d.url = "http://localhost:" + port
		}
	}
	if d.url == "" {
		t.Fatalf("%s did not start: %v\n%s", s.Name, <-d.ended, said.String())
	}
	go func() { _, _ = io.Copy(io.Discard, read) }() // ends with the daemon
	t.Cleanup(func() {
		if d.kill != nil {
			_ = d.kill(os.Kill)
			<-d.ended
		}
	})
	return d
}

// command runs the image's binary in the service's environment, with the
// arguments of one of the image's or the compose file's lists.
func (d *daemon) command(ctx context.Context, t *testing.T, list string) *exec.Cmd {
	t.Helper()
	var args []string
	if err := json.Unmarshal([]byte(list), &args); err != nil {
		t.Fatalf("%s is no list of arguments: %v", list, err)
	}
	if len(args) > 0 && args[0] == "/simd" {
		args = args[1:]
	}
	command := exec.CommandContext(ctx, binary(t), args...)
	command.Env = append([]string{}, d.env...) // nil would be this process's own
	return command
}

// stop is docker stop: SIGTERM, and an orderly end before Docker's patience ends.
func (d *daemon) stop() {
	d.t.Helper()
	if err := d.kill(syscall.SIGTERM); err != nil {
		d.t.Fatal(err)
	}
	d.kill = nil
	if d.s.StopGracePeriod == nil {
		d.t.Errorf("%s: has no stop_grace_period", d.s.Name)
		return
	}
	select {
	case err := <-d.ended:
		if err != nil {
			d.t.Errorf("%s: ended with %v", d.s.Name, err)
		}
	case <-time.After(time.Duration(*d.s.StopGracePeriod)):
		d.t.Errorf("%s: Docker would have killed it", d.s.Name)
	}
}

// ask is curl from the host: no token, and the name localhost.
func (d *daemon) ask(host, path, body string, status int, into any) {
	d.t.Helper()
	method := http.MethodGet
	if body != "" {
		method = http.MethodPost
	}
	req, err := http.NewRequestWithContext(d.t.Context(), method, d.url+path, strings.NewReader(body))
	if err != nil {
		d.t.Fatal(err)
	}
	req.Host = host
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	resp, err := http.DefaultClient.Do(req)
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
	if into != nil {
		if err := json.Unmarshal(text, into); err != nil {
			d.t.Fatalf("%s %s: %v: %s", method, path, err, text)
		}
	}
}

// run is what these tests read of a run.
type run struct {
	ID, State, Error string
	Ok               *bool
}

// play starts a run, and returns when it has ended.
func (d *daemon) play(request string) run {
	d.t.Helper()
	var r run
	d.ask("localhost:8080", "/runs", request, http.StatusCreated, &r)
	deadline := time.After(patience)
	again := time.NewTicker(100 * time.Millisecond)
	defer again.Stop()
	for {
		switch r.State {
		case "completed", "stopped", "failed", "interrupted":
			return r
		}
		select {
		case <-again.C:
		case <-deadline:
			d.t.Fatalf("the run is still %s", r.State)
		}
		d.ask("localhost:8080", "/runs/"+r.ID, "", http.StatusOK, &r)
	}
}

// TestTheEmbeddedProfilePlays a run from a curl without a token to its verdict.
func TestTheEmbeddedProfilePlays(t *testing.T) {
	d := start(t, compose(t, "embedded").Services["simd-embedded"], nil)
	d.ask("localhost:8080", "/healthz", "", http.StatusOK, nil)
	d.ask("127.0.0.1:8080", "/readyz", "", http.StatusOK, nil)
	r := d.play(`{"scenario": "hello", "speed": 10}`)
	if r.State != "completed" || r.Ok == nil || !*r.Ok {
		t.Errorf("hello ended as %+v", r)
	}
	var verdict struct{ Scheduled, Written, Lost int }
	d.ask("localhost:8080", "/runs/"+r.ID+"/report?format=json", "", http.StatusOK, &verdict)
	if verdict.Scheduled == 0 || verdict.Written != verdict.Scheduled || verdict.Lost != 0 {
		t.Errorf("the verdict: %+v", verdict)
	}
	d.stop()
}

// TestSimdWaitsForNoBroker: with the brokers away (nobody listens on those ports) it
// serves, Prometheus may scrape it, other names may not, and a run fails in words.
func TestSimdWaitsForNoBroker(t *testing.T) {
	d := start(t, compose(t).Services["simd"], map[string]string{"SIMD_BROKERS": "127.0.0.1:1,127.0.0.1:2,127.0.0.1:3"})
	d.ask("localhost:8080", "/healthz", "", http.StatusOK, nil)
	d.ask("localhost:8080", "/readyz", "", http.StatusOK, nil)
	d.ask("simd:8080", "/metrics", "", http.StatusOK, nil)
	d.ask("rebound.example:8080", "/runs", "", http.StatusForbidden, nil)
	if r := d.play(`{"scenario": "hello"}`); r.State != "failed" || !strings.Contains(r.Error, "127.0.0.1:1") {
		t.Errorf("a run without brokers ended as %+v", r)
	}
	d.stop()
}

// TestTheDaemonTakesTheComposeFilesWord: the address that it listens on in its
// container wants a token, or the setting that the compose file has.
func TestTheDaemonTakesTheComposeFilesWord(t *testing.T) {
	for name, s := range compose(t, everything...).Services {
		if !strings.HasPrefix(name, "simd") {
			continue
		}
		host, _, err := net.SplitHostPort(environment(t, s)["SIMD_LISTEN"])
		if err != nil {
			t.Fatal(err)
		}
		d := start(t, s, map[string]string{"SIMD_LISTEN": net.JoinHostPort(host, "0")})
		d.ask("localhost:8080", "/readyz", "", http.StatusOK, nil)
		d.stop()
	}
}

// TestTheHealthCheckSeesTheDaemon come and go: that of the compose file, and that
// of the image, which are one.
func TestTheHealthCheckSeesTheDaemon(t *testing.T) {
	s := compose(t).Services["simd"]
	_, image, ok := strings.Cut(dockerfile(t).last("HEALTHCHECK"), "CMD ")
	if !ok {
		t.Fatal("the image has no health check")
	}
	own, err := json.Marshal(s.HealthCheck.Test[1:])
	if err != nil || strings.ReplaceAll(image, " ", "") != string(own) {
		t.Fatalf("the image asks %s, the compose file %s (%v)", image, own, err)
	}
	d := start(t, s, nil)
	if said, err := d.command(t.Context(), t, image).CombinedOutput(); err != nil {
		t.Errorf("of a daemon that lives: %v: %s", err, said)
	}
	d.stop()
	if err := d.command(t.Context(), t, image).Run(); err == nil {
		t.Error("a daemon that has ended is called healthy")
	}
}

// TestTheImageAloneWantsAWord: without the compose file, and so without its
// setting, nobody is let in by mistake.
func TestTheImageAloneWantsAWord(t *testing.T) {
	var env []string
	for _, words := range dockerfile(t).of("ENV") {
		env = append(env, strings.Fields(words)...)
	}
	if !strings.HasPrefix(dockerfile(t).last("ENTRYPOINT"), `["/`+path.Base(binary(t))+`"`) {
		t.Errorf("the image starts %s", dockerfile(t).last("ENTRYPOINT"))
	}
	d := &daemon{env: env}
	said, err := d.command(t.Context(), t, dockerfile(t).last("CMD")).CombinedOutput()
	if err == nil || !strings.Contains(string(said), "SIMD_TOKEN") {
		t.Errorf("docker run, without any setting: %v: %s", err, said)
	}
}

// freePort is a port of this machine's loopback that was free a moment ago.
func freePort(t *testing.T) string {
	t.Helper()
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	address, ok := listener.Addr().(*net.TCPAddr)
	if !ok {
		t.Fatalf("%s is no TCP address", listener.Addr())
	}
	return fmt.Sprint(address.Port)
}
