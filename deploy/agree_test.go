package deploy_test

import (
	"encoding/json"
	"fmt"
	"net"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/types"
	"github.com/goccy/go-yaml"
)

// source is the file of the repository that a service finds at this path.
func source(t *testing.T, s types.ServiceConfig, at string) string {
	t.Helper()
	for _, v := range s.Volumes {
		if v.Type == types.VolumeTypeBind && (at == v.Target || strings.HasPrefix(at, v.Target+"/")) {
			return filepath.Join(v.Source, filepath.FromSlash(strings.TrimPrefix(at, v.Target)))
		}
	}
	t.Fatalf("%s: nothing of the repository is mounted at %s", s.Name, at)
	return ""
}

// read reads YAML. Fields that the caller does not name are somebody else's.
func read(t *testing.T, file string, into any) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.Unmarshal(text, into); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
}

// named says whether a host is what the other containers can call a service by.
func named(s types.ServiceConfig, host string) bool {
	if s.Name == host {
		return true
	}
	network := s.Networks["default"]
	return network != nil && slices.Contains(network.Aliases, host)
}

// TestPrometheusScrapesSimd: Prometheus reads the file that is mounted, and calls
// simd where it listens, by a name that it answers to.
func TestPrometheusScrapesSimd(t *testing.T) {
	project := compose(t, everything...)
	prometheus := project.Services["prometheus"]
	at := ""
	for _, argument := range prometheus.Command {
		if value, ok := strings.CutPrefix(argument, "--config.file="); ok {
			at = value
		}
	}
	var config struct {
		RuleFiles     []string `yaml:"rule_files"`
		ScrapeConfigs []struct {
			JobName       string                       `yaml:"job_name"`
			MetricsPath   string                       `yaml:"metrics_path"`
			Scheme        string                       `yaml:"scheme"`
			StaticConfigs []struct{ Targets []string } `yaml:"static_configs"`
		} `yaml:"scrape_configs"`
	}
	read(t, source(t, prometheus, at), &config)

	scraped := false
	for _, job := range config.ScrapeConfigs {
		for _, static := range job.StaticConfigs {
			for _, target := range static.Targets {
				host, port, err := net.SplitHostPort(target)
				if err != nil || host == "localhost" || host == "127.0.0.1" {
					continue // Prometheus itself
				}
				if job.Scheme == "https" || job.MetricsPath != "" && job.MetricsPath != "/metrics" {
					t.Errorf("job %s does not ask for http://%s/metrics", job.JobName, target)
				}
				scraped = true
				for _, name := range []string{"simd", "simd-embedded"} {
					env := environment(t, project.Services[name])
					if !named(project.Services[name], host) || !slices.Contains(strings.Split(env["SIMD_HOSTS"], ","), host) {
						t.Errorf("job %s calls %s, a name that %s does not answer to", job.JobName, host, name)
					}
					if _, listens, _ := net.SplitHostPort(env["SIMD_LISTEN"]); listens != port {
						t.Errorf("job %s calls port %s, and %s listens on %s", job.JobName, port, name, listens)
					}
				}
			}
		}
	}
	if !scraped {
		t.Error("no job scrapes simd")
	}
	if len(config.RuleFiles) == 0 {
		t.Error("there are no rules")
	}
	for _, pattern := range config.RuleFiles {
		if !path.IsAbs(pattern) {
			pattern = path.Join(path.Dir(at), pattern)
		}
		if files, err := filepath.Glob(source(t, prometheus, pattern)); err != nil || len(files) == 0 {
			t.Errorf("no file of the repository is %s", pattern)
		}
	}
}

// TestSimdPublishesWhereItListens also holds the image to the same port.
func TestSimdPublishesWhereItListens(t *testing.T) {
	project := compose(t, everything...)
	for _, name := range []string{"simd", "simd-embedded"} {
		s := project.Services[name]
		_, port, err := net.SplitHostPort(environment(t, s)["SIMD_LISTEN"])
		if err != nil || len(s.Ports) != 1 || fmt.Sprint(s.Ports[0].Target) != port || s.Ports[0].Published != "8080" {
			t.Errorf("%s: listens on port %s and publishes %+v, want it at localhost:8080", name, port, s.Ports)
		}
		if exposed := dockerfile(t).last("EXPOSE"); exposed != port {
			t.Errorf("%s: listens on %s, and the image exposes %s", name, port, exposed)
		}
		if dir := environment(t, s)["SIMD_DATA_DIR"]; len(s.Volumes) != 1 || s.Volumes[0].Target != dir || dockerfile(t).last("VOLUME") != dir {
			t.Errorf("%s: keeps its runs in %s; the volumes are %+v, the image's %s", name, dir, s.Volumes, dockerfile(t).last("VOLUME"))
		}
	}
}

// prometheusUID finds the datasource of type prometheus that a panel or a query names.
var prometheusUID = regexp.MustCompile(`"type":\s*"prometheus",\s*"uid":\s*"([^"]*)"`)

// TestGrafanaFindsPrometheusAndItsDashboards by the files that provision it.
func TestGrafanaFindsPrometheusAndItsDashboards(t *testing.T) {
	project := compose(t)
	grafana := project.Services["grafana"]
	provisioning := source(t, grafana, "/etc/grafana/provisioning")

	prometheus, uid := 0, ""
	for _, file := range glob(t, provisioning, "datasources", "*.y*ml") {
		var config struct {
			Datasources []struct{ Name, Type, URL, Access, UID string }
		}
		read(t, file, &config)
		for _, d := range config.Datasources {
			if d.Type != "prometheus" {
				continue
			}
			prometheus++
			// Prometheus listens on 9090 where it is not told otherwise.
			if want := "http://prometheus:9090"; strings.TrimSuffix(d.URL, "/") != want || d.Access == "direct" {
				t.Errorf("datasource %s is %s (access %q), want %s from Grafana's side", d.Name, d.URL, d.Access, want)
			}
			uid = d.UID
		}
	}
	if prometheus != 1 {
		t.Errorf("%d datasources are Prometheus, want 1", prometheus)
	}

	folders := map[string]bool{} // of the repository
	for _, file := range glob(t, provisioning, "dashboards", "*.y*ml") {
		var config struct {
			Providers []struct {
				Name, Type string
				Options    struct{ Path string }
			}
		}
		read(t, file, &config)
		for _, provider := range config.Providers {
			folders[filepath.Clean(source(t, grafana, provider.Options.Path))] = true
		}
	}

	for folder := range folders {
		for _, file := range glob(t, folder, "*.json") {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			for _, asked := range prometheusUID.FindAllSubmatch(text, -1) {
				if string(asked[1]) != uid && !strings.HasPrefix(string(asked[1]), "$") { // a variable is chosen by who looks
					t.Errorf("%s asks the datasource %s, and Prometheus is %q", file, asked[1], uid)
				}
			}
		}
	}

	home := source(t, grafana, environment(t, grafana)["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"])
	if !folders[filepath.Dir(home)] {
		t.Errorf("the home page %s is in none of the providers' folders", home)
	}
	text, err := os.ReadFile(home)
	if err != nil {
		t.Fatal(err)
	}
	var dashboard struct{ Title, UID string }
	if err := json.Unmarshal(text, &dashboard); err != nil || dashboard.Title != "A run" || dashboard.UID == "" {
		t.Errorf("the home page is %q (uid %q, %v), want the dashboard %q", dashboard.Title, dashboard.UID, err, "A run")
	}
}

// glob is the files at a path, one at least.
func glob(t *testing.T, parts ...string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(parts...))
	if err != nil || len(files) == 0 {
		t.Fatalf("there is no file %s", filepath.Join(parts...))
	}
	return files
}
