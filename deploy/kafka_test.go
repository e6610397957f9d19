//go:build kafka

package deploy_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/compose-spec/compose-go/v2/types"
)

// brokerNode is a Kafka service of the compose file, as a process of this machine.
type brokerNode struct {
	service                  types.ServiceConfig
	env                      map[string]string // the compose file's, rewritten
	inside, controller, host string            // ports of 127.0.0.1
	dir                      string
	process                  *exec.Cmd
	ended                    chan struct{}
}

// TestKafkaClusterOfTheComposeFile makes three brokers as containers of Kafka's
// image would be made: its start-up class turns the compose file's environment
// into server.properties and formats the storage; then the brokers start, the
// health checks pass, and simd, with its own environment of the compose file,
// plays case-2 on them. Only names and ports of hosts, and folders, are rewritten.
func TestKafkaClusterOfTheComposeFile(t *testing.T) {
	jars := kafkaJars(t)
	project := compose(t)
	nodes := loopback(t, project)
	for _, n := range nodes {
		if said, err := n.setup(t, jars); err != nil {
			t.Fatalf("%s: the start-up class: %v\n%s", n.service.Name, err, said)
		}
		n.check(t)
	}
	for _, n := range nodes {
		n.start(t, jars)
	}
	for _, n := range nodes {
		n.awaitHealth(t)
	}

	// simd waits for no more than those health checks, and so does this test.
	s := project.Services["simd"]
	d := start(t, s, map[string]string{"SIMD_BROKERS": rewritten(environment(t, s)["SIMD_BROKERS"], nodes)})
	// case-2 in small, a few megabytes: the quotas are the brokers' own, and the
	// buffer runs dry on them.
	r := d.play(`{"scenario": "case-2", "speed": 4, "set": {
		"load.phases[0].for": "20s", "load.phases[1].stairs.each": "1s", "load.phases[1].stairs.to": 20,
		"quotas.producer_byte_rate": 131072, "topic.retention": "600s", "expect": {}}}`)
	if r.State != "completed" {
		t.Fatalf("case-2 ended as %+v", r)
	}
	var verdict struct {
		Scheduled, Written, Lost, Unread int
		ExtraCopies                      int `json:"extra_copies"`
		Matrix                           map[string]map[string]int
		Causes                           map[string]int
	}
	d.ask("localhost:8080", "/runs/"+r.ID+"/report?format=json", "", http.StatusOK, &verdict)
	const planned = 20*1 + (2+20)*19/2 // the warm-up, and a second of each of 19 stairs
	if verdict.Scheduled != planned || verdict.Written+verdict.Lost != planned || verdict.Written == 0 ||
		verdict.ExtraCopies != 0 || verdict.Unread != 0 || verdict.Matrix["confirmed"]["0"] != 0 {
		t.Errorf("the verdict: %+v, want %d messages, each written once or lost, and none that vanished", verdict, planned)
	}
	if verdict.Causes["buffer_exhausted"] == 0 {
		t.Errorf("the verdict: %+v, want that the buffer ran dry", verdict)
	}
	d.stop()

	n := nodes[0]
	n.stop(t)
	// docker compose restart: the image's script takes this sentence for a yes.
	if said, err := n.setup(t, jars); err == nil || !strings.Contains(strings.ToLower(said), "already formatted") {
		t.Errorf("%s: the start-up class, on a volume that is in use: %v, want that it is already formatted\n%s", n.service.Name, err, said)
	}
	n.start(t, jars)
	n.awaitHealth(t)
}

// loopback moves the compose file's brokers to this machine.
func loopback(t *testing.T, project *types.Project) []*brokerNode {
	t.Helper()
	var nodes []*brokerNode
	for _, name := range slices.Sorted(slices.Values(project.ServiceNames())) {
		if strings.HasPrefix(name, "kafka-") {
			nodes = append(nodes, &brokerNode{
				service: project.Services[name], dir: t.TempDir(),
				inside: freePort(t), controller: freePort(t), host: freePort(t),
			})
		}
	}
	for _, n := range nodes {
		n.env = environment(t, n.service)
		published := n.service.Ports[0]
		n.env["KAFKA_LISTENERS"] = strings.NewReplacer(
			"INSIDE://:9092", "INSIDE://127.0.0.1:"+n.inside,
			"CONTROLLER://:9093", "CONTROLLER://127.0.0.1:"+n.controller,
			fmt.Sprintf("HOST://:%d", published.Target), "HOST://127.0.0.1:"+n.host,
		).Replace(n.env["KAFKA_LISTENERS"])
		for _, name := range []string{"KAFKA_ADVERTISED_LISTENERS", "KAFKA_CONTROLLER_QUORUM_VOTERS"} {
			n.env[name] = strings.ReplaceAll(rewritten(n.env[name], nodes), "localhost:"+published.Published, "localhost:"+n.host)
		}
		n.env["KAFKA_LOG_DIRS"] = filepath.Join(n.dir, "data")
		for name, value := range n.env {
			if strings.Contains(value, "kafka-") || strings.Contains(value, "/var/lib") {
				t.Fatalf("%s: %s=%s was not rewritten", n.service.Name, name, value)
			}
		}
	}
	return nodes
}

// rewritten puts this machine's addresses in place of the containers'.
func rewritten(value string, nodes []*brokerNode) string {
	for _, n := range nodes {
		value = strings.ReplaceAll(value, n.service.Name+":9092", "127.0.0.1:"+n.inside)
		value = strings.ReplaceAll(value, n.service.Name+":9093", "127.0.0.1:"+n.controller)
	}
	return value
}

// java is a Java process with the service's environment, and the PATH beside it.
func (n *brokerNode) java(t *testing.T, jars string, args ...string) *exec.Cmd {
	t.Helper()
	// kafka-run-class.sh of the image takes its memory from here.
	all := strings.Fields(n.env["KAFKA_HEAP_OPTS"])
	all = append(all, "-Dlog4j2.configurationFile="+filepath.Join(n.dir, "config", "log4j2.yaml"), "-cp", filepath.Join(jars, "*"))
	command := exec.CommandContext(context.WithoutCancel(t.Context()), "java", append(all, args...)...)
	command.Env = []string{"PATH=" + os.Getenv("PATH")}
	for name, value := range n.env {
		command.Env = append(command.Env, name+"="+value)
	}
	return command
}

// setup is what the image's launch script does first.
func (n *brokerNode) setup(t *testing.T, jars string) (said string, err error) {
	t.Helper()
	for _, folder := range []string{"mounted", "config"} {
		if err := os.MkdirAll(filepath.Join(n.dir, folder), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	output, err := n.java(t, jars, "kafka.docker.KafkaDockerWrapper", "setup",
		"--default-configs-dir", absolute(t, filepath.Join("testdata", "image")),
		"--mounted-configs-dir", filepath.Join(n.dir, "mounted"),
		"--final-configs-dir", filepath.Join(n.dir, "config")).CombinedOutput()
	return string(output), err
}

// check holds the server.properties that came of it to the compose file: each
// variable became the setting that it is meant to be, and nothing else is in it.
func (n *brokerNode) check(t *testing.T) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(n.dir, "config", "server.properties"))
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for line := range strings.Lines(string(text)) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), "="); ok {
			got[name] = value
		}
	}
	for name, value := range n.env {
		setting, ok := strings.CutPrefix(name, "KAFKA_")
		if !ok || setting == "HEAP_OPTS" { // the memory is Java's, not Kafka's
			continue
		}
		setting = strings.ToLower(strings.ReplaceAll(setting, "_", "."))
		if got[setting] != value {
			t.Errorf("%s: %s=%s became %s=%s", n.service.Name, name, value, setting, got[setting])
		}
		delete(got, setting)
	}
	if len(got) > 0 {
		t.Errorf("%s: the broker has settings that the compose file has not: %v", n.service.Name, got)
	}
}

// start is what the image's launch script does last.
func (n *brokerNode) start(t *testing.T, jars string) {
	t.Helper()
	log, err := os.Create(filepath.Join(n.dir, "log"))
	if err != nil {
		t.Fatal(err)
	}
	n.process = n.java(t, jars, "kafka.Kafka", filepath.Join(n.dir, "config", "server.properties"))
	n.process.Stdout, n.process.Stderr = log, log
	if err := n.process.Start(); err != nil {
		t.Fatal(err)
	}
	process, ended := n.process, make(chan struct{})
	n.ended = ended
	go func() {
		_ = process.Wait() // its log says why
		log.Close()
		close(ended)
	}()
	t.Cleanup(func() {
		_ = process.Process.Kill()
		<-ended
	})
}

// stop is docker stop.
func (n *brokerNode) stop(t *testing.T) {
	t.Helper()
	if err := n.process.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	select {
	case <-n.ended:
	case <-time.After(time.Duration(*n.service.StopGracePeriod)):
		t.Errorf("%s: Docker would have killed it", n.service.Name)
		_ = n.process.Process.Kill()
		<-n.ended
	}
}

// awaitHealth runs the compose file's health check until it passes.
func (n *brokerNode) awaitHealth(t *testing.T) {
	t.Helper()
	test := slices.Clone(n.service.HealthCheck.Test[1:])
	for i := range test {
		test[i] = strings.ReplaceAll(test[i], "127.0.0.1/9092", "127.0.0.1/"+n.inside)
	}
	deadline := time.After(patience)
	again := time.NewTicker(100 * time.Millisecond)
	defer again.Stop()
	for {
		if exec.CommandContext(t.Context(), test[0], test[1:]...).Run() == nil {
			return
		}
		select {
		case <-again.C:
			continue
		case <-n.ended:
		case <-deadline:
		}
		log, _ := os.Open(filepath.Join(n.dir, "log"))
		text, _ := io.ReadAll(io.LimitReader(log, 1<<16))
		t.Fatalf("%s: is not healthy; it said:\n%s", n.service.Name, text)
	}
}

// kafkaJars is the folder of Kafka's jars that scripts/kafka/cluster keeps, of the
// version that the compose file names.
func kafkaJars(t *testing.T) string {
	t.Helper()
	folder := filepath.Join(root, "scripts", "kafka")
	pom, err := os.ReadFile(filepath.Join(folder, "pom.xml"))
	if err != nil {
		t.Fatal(err)
	}
	found := regexp.MustCompile(`<kafka\.version>(.*)</kafka\.version>`).FindSubmatch(pom)
	if found == nil {
		t.Fatal("pom.xml names no version of Kafka")
	}
	version := string(found[1])
	if image := compose(t).Services["kafka-1"].Image; image != "apache/kafka:"+version {
		t.Fatalf("the compose file runs %s, and the tests Kafka %s", image, version)
	}
	jars := os.Getenv("KAFKA_JARS")
	if jars == "" {
		cache := os.Getenv("XDG_CACHE_HOME")
		if cache == "" {
			cache = filepath.Join(os.Getenv("HOME"), ".cache")
		}
		jars = filepath.Join(cache, "simd", "kafka-"+version)
	}
	if _, err := os.Stat(jars); err == nil {
		return jars
	}
	fetch := exec.CommandContext(t.Context(), filepath.Join(folder, "cluster"), "tool", "kafka.tools.StorageTool", "random-uuid")
	fetch.Env = append(os.Environ(), "KAFKA_DIR="+t.TempDir(), "KAFKA_JARS="+jars)
	if said, err := fetch.CombinedOutput(); err != nil {
		t.Fatalf("fetching Kafka's jars: %v\n%s", err, said)
	}
	return jars
}
