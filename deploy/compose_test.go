package deploy_test

import (
	"encoding/base64"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/compose-spec/compose-go/v2/cli"
	"github.com/compose-spec/compose-go/v2/types"
)

// root is the repository.
const root = ".."

// everything is all profiles.
var everything = []string{"redis", "postgres", "embedded"}

// compose is docker-compose.yml as docker compose reads it with these profiles,
// checked against the specification's schema. Nothing of this machine's
// environment is in it.
func compose(t *testing.T, profiles ...string) *types.Project {
	t.Helper()
	options, err := cli.NewProjectOptions([]string{filepath.Join(root, "docker-compose.yml")}, cli.WithProfiles(profiles))
	if err != nil {
		t.Fatal(err)
	}
	project, err := options.LoadProject(t.Context())
	if err != nil {
		t.Fatalf("docker compose would refuse the file: %v", err)
	}
	return project
}

// environment is what the compose file sets for a service. It leaves nothing to
// the environment of whoever calls docker compose.
func environment(t *testing.T, s types.ServiceConfig) map[string]string {
	t.Helper()
	all := map[string]string{}
	for name, value := range s.Environment {
		if value == nil {
			t.Fatalf("%s: %s is left to the environment of whoever starts it", s.Name, name)
		}
		all[name] = *value
	}
	return all
}

func TestWhatEachCommandStarts(t *testing.T) {
	demo := []string{"grafana", "kafka-1", "kafka-2", "kafka-3", "prometheus", "simd"}
	for _, row := range []struct {
		command  string
		profiles []string
		named    []string
		want     []string
	}{
		{"up", nil, nil, demo},
		{"--profile redis up", []string{"redis"}, nil, append(slices.Clone(demo), "redis")},
		{"--profile postgres up", []string{"postgres"}, nil, append(slices.Clone(demo), "postgres")},
		{"--profile embedded up simd-embedded", []string{"embedded"}, []string{"simd-embedded"}, []string{"simd-embedded"}},
		{
			"--profile embedded up simd-embedded grafana", []string{"embedded"},
			[]string{"simd-embedded", "grafana"},
			[]string{"grafana", "prometheus", "simd-embedded"},
		},
	} {
		project := compose(t, row.profiles...)
		if row.named != nil {
			var err error
			if project, err = project.WithSelectedServices(row.named); err != nil {
				t.Fatalf("docker compose %s: %v", row.command, err)
			}
		}
		slices.Sort(row.want)
		if got := slices.Sorted(slices.Values(project.ServiceNames())); !slices.Equal(got, row.want) {
			t.Errorf("docker compose %s starts %v, want %v", row.command, got, row.want)
		}
	}
}

// versioned is an image with a version to the last figure, and nothing that moves.
var versioned = regexp.MustCompile(`^[a-z0-9./-]+:v?\d+\.\d+(\.\d+)?(-[a-z0-9.]+)?$`)

func TestImagesArePinned(t *testing.T) {
	for name, s := range compose(t, everything...).Services {
		switch {
		case s.Build != nil:
			if s.Build.Context != filepath.Clean(absolute(t, root)) || s.PullPolicy != "build" {
				t.Errorf("%s: built from %s with pull_policy %q, want the repository's Dockerfile, and no image from elsewhere", name, s.Build.Context, s.PullPolicy)
			}
		case !versioned.MatchString(s.Image):
			t.Errorf("%s: image %q is not pinned to a version", name, s.Image)
		}
	}
}

func TestOnlyThisMachineReachesThePorts(t *testing.T) {
	taken := map[string]string{}
	for name, s := range compose(t, everything...).Services {
		if s.NetworkMode != "" {
			t.Errorf("%s: network_mode %q goes past the published ports", name, s.NetworkMode)
		}
		for _, port := range s.Ports {
			if port.HostIP != "127.0.0.1" {
				t.Errorf("%s: port %s is published on %q, want 127.0.0.1", name, port.Published, port.HostIP)
			}
			other := taken[port.Published]
			if other != "" && !(strings.HasPrefix(other, "simd") && strings.HasPrefix(name, "simd")) { // one of the two runs
				t.Errorf("port %s is published by %s and by %s", port.Published, other, name)
			}
			taken[port.Published] = name
		}
	}
}

func TestMemoryFitsAnEightGigabyteLaptop(t *testing.T) {
	limits := func(project *types.Project) (sum int64) {
		for name, s := range project.Services {
			if s.MemLimit == 0 {
				t.Errorf("%s: has no memory limit", name)
			}
			sum += int64(s.MemLimit)
		}
		return sum
	}
	if sum := limits(compose(t)); sum > 5<<30 {
		t.Errorf("the demo may take %d MiB, want 5 GiB or less", sum>>20)
	}
	if sum := limits(compose(t, everything...)); sum > 6<<30 {
		t.Errorf("everything together may take %d MiB, want 6 GiB or less", sum>>20)
	}
	heap := regexp.MustCompile(`-Xmx(\d+)m`)
	for name, s := range compose(t).Services {
		if !strings.HasPrefix(name, "kafka-") {
			continue
		}
		var megabytes int64
		if found := heap.FindStringSubmatch(environment(t, s)["KAFKA_HEAP_OPTS"]); found != nil {
			_, _ = fmt.Sscan(found[1], &megabytes)
		}
		if megabytes == 0 || megabytes<<20 > int64(s.MemLimit)*6/10 {
			t.Errorf("%s: a heap of %d MiB within a limit of %d MiB, want some heap, and room beside it", name, megabytes, int64(s.MemLimit)>>20)
		}
	}
}

func TestServicesSayHowTheyAreAndStartInOrder(t *testing.T) {
	after := map[string][]string{}
	for name, s := range compose(t, everything...).Services {
		h := s.HealthCheck
		switch {
		case h == nil || h.Disable || len(h.Test) < 2:
			t.Errorf("%s: has no health check", name)
		case h.Test[0] != "CMD":
			t.Errorf("%s: the health check wants a shell: %v", name, h.Test)
		case h.Interval == nil || h.Timeout == nil || h.Retries == nil || h.StartPeriod == nil || time.Duration(*h.Timeout) >= time.Duration(*h.Interval):
			t.Errorf("%s: a health check with interval, timeout (the shorter), retries and start_period, not %+v", name, *h)
		}
		for other, dependency := range s.DependsOn {
			if dependency.Condition != types.ServiceConditionHealthy {
				t.Errorf("%s: waits for %s to be %s, want healthy", name, other, dependency.Condition)
			}
		}
		after[name] = slices.Sorted(maps.Keys(s.DependsOn))
		if s.Restart != types.RestartPolicyUnlessStopped {
			t.Errorf("%s: restart is %q", name, s.Restart)
		}
		if !slices.Contains(s.CapDrop, "ALL") || !slices.Contains(s.SecurityOpt, "no-new-privileges:true") || s.Privileged || len(s.CapAdd) > 0 {
			t.Errorf("%s: keeps rights that it does not need", name)
		}
	}
	if want := []string{"kafka-1", "kafka-2", "kafka-3"}; !slices.Equal(after["simd"], want) {
		t.Errorf("simd starts after %v, want %v", after["simd"], want)
	}
	if want := []string{"prometheus"}; !slices.Equal(after["grafana"], want) {
		t.Errorf("grafana starts after %v, want %v", after["grafana"], want)
	}
}

// TestMountsAreThere: folders that are mounted are the repository's, for reading
// only; what a service writes goes to a named volume of its own.
func TestMountsAreThere(t *testing.T) {
	project := compose(t, everything...)
	writers := map[string]string{}
	for name, s := range project.Services {
		for _, v := range s.Volumes {
			switch v.Type {
			case types.VolumeTypeBind:
				info, err := os.Stat(v.Source)
				if err != nil || !info.IsDir() {
					t.Errorf("%s: mounts %s, which is no folder (docker would make an empty one, of root's)", name, v.Source)
				}
				if within, err := filepath.Rel(absolute(t, root), v.Source); err != nil || !filepath.IsLocal(within) || !v.ReadOnly {
					t.Errorf("%s: mounts %s, want a folder of the repository, for reading", name, v.Source)
				}
			case types.VolumeTypeVolume:
				if _, ok := project.Volumes[v.Source]; !ok {
					t.Errorf("%s: %s is a volume without a name", name, v.Target)
				}
				if other := writers[v.Source]; other != "" {
					t.Errorf("volume %s is written by %s and %s", v.Source, other, name)
				}
				writers[v.Source] = name
			default:
				t.Errorf("%s: mounts a %s", name, v.Type)
			}
		}
	}
	for name := range project.Volumes {
		if writers[name] == "" {
			t.Errorf("volume %s is nobody's", name)
		}
	}
}

// TestBrokersAreOneCluster: who votes, who listens where, and what clients are
// told all name the same services and ports.
func TestBrokersAreOneCluster(t *testing.T) {
	project := compose(t)
	var voters, inside []string
	clusters, nodes := map[string]bool{}, map[string]bool{}
	for id := 1; id <= 3; id++ {
		name := fmt.Sprintf("kafka-%d", id)
		s, err := project.GetService(name)
		if err != nil {
			t.Fatal(err)
		}
		env := environment(t, s)
		voters = append(voters, fmt.Sprintf("%d@%s:9093", id, name))
		inside = append(inside, name+":9092")
		clusters[env["CLUSTER_ID"]], nodes[env["KAFKA_NODE_ID"]] = true, true
		if len(s.Ports) != 1 {
			t.Fatalf("%s: publishes %d ports, want its listener for this machine", name, len(s.Ports))
		}
		want := fmt.Sprintf("INSIDE://%s:9092,HOST://localhost:%s", name, s.Ports[0].Published)
		if got := env["KAFKA_ADVERTISED_LISTENERS"]; got != want {
			t.Errorf("%s: tells clients %s, want %s", name, got, want)
		}
		want = fmt.Sprintf("INSIDE://:9092,CONTROLLER://:9093,HOST://:%d", s.Ports[0].Target)
		if got := env["KAFKA_LISTENERS"]; got != want {
			t.Errorf("%s: listens at %s, want %s", name, got, want)
		}
		if len(s.Volumes) != 1 || s.Volumes[0].Target != env["KAFKA_LOG_DIRS"] {
			t.Errorf("%s: keeps its log in %s, which is no volume", name, env["KAFKA_LOG_DIRS"])
		}
	}
	for name, s := range project.Services {
		if strings.HasPrefix(name, "kafka-") && environment(t, s)["KAFKA_CONTROLLER_QUORUM_VOTERS"] != strings.Join(voters, ",") {
			t.Errorf("%s: the voters are %s, want %s", name, environment(t, s)["KAFKA_CONTROLLER_QUORUM_VOTERS"], strings.Join(voters, ","))
		}
	}
	if len(clusters) != 1 || len(nodes) != 3 {
		t.Errorf("%d cluster ids and %d node ids, want 1 and 3", len(clusters), len(nodes))
	}
	for id := range clusters {
		if raw, err := base64.RawURLEncoding.DecodeString(id); err != nil || len(raw) != 16 {
			t.Errorf("CLUSTER_ID %q is not 16 bytes in base64", id)
		}
	}
	if got := environment(t, project.Services["simd"])["SIMD_BROKERS"]; got != strings.Join(inside, ",") {
		t.Errorf("simd calls the brokers at %s, want %s", got, strings.Join(inside, ","))
	}
}

func absolute(t *testing.T, path string) string {
	t.Helper()
	abs, err := filepath.Abs(path)
	if err != nil {
		t.Fatal(err)
	}
	return abs
}
