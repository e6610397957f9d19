// Package prometheus holds no code: it tests the files beside it.
package prometheus

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
)

// promtool runs Prometheus' own checker.
func promtool(t *testing.T, args ...string) {
	t.Helper()
	path, err := exec.LookPath("promtool")
	if err != nil {
		t.Skip("promtool is not installed (Debian: apt-get install prometheus)")
	}
	if out, err := exec.CommandContext(t.Context(), path, args...).CombinedOutput(); err != nil {
		t.Errorf("promtool %s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

func files(t *testing.T, pattern string) []string {
	t.Helper()
	found, err := filepath.Glob(pattern)
	if err != nil || len(found) == 0 {
		t.Fatalf("no %s here: %v", pattern, err)
	}
	return found
}

// TestConfig: Prometheus takes the configuration, and with it the rules that it
// names. An old promtool is shown it without the lines that say they are newer.
func TestConfig(t *testing.T) {
	config, err := os.ReadFile("prometheus.yml")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.CopyFS(filepath.Join(dir, "rules"), os.DirFS("rules")); err != nil {
		t.Fatal(err)
	}
	if old(t) {
		config = withoutNewer(config)
	}
	path := filepath.Join(dir, "prometheus.yml")
	if err := os.WriteFile(path, config, 0o600); err != nil {
		t.Fatal(err)
	}
	promtool(t, "check", "config", path)
}

// old says whether promtool is older than Prometheus 3.
func old(t *testing.T) bool {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "promtool", "--version").CombinedOutput()
	if err != nil {
		t.Skip("promtool is not installed (Debian: apt-get install prometheus)")
	}
	return bytes.Contains(out, []byte("version 2."))
}

func withoutNewer(config []byte) []byte {
	var kept []byte
	for line := range bytes.Lines(config) {
		if !bytes.Contains(line, []byte("# since 3.")) {
			kept = append(kept, line...)
		}
	}
	return kept
}

// TestNativeHistogramsAreOn, which only a newer promtool could tell.
func TestNativeHistogramsAreOn(t *testing.T) {
	config, err := os.ReadFile("prometheus.yml")
	if err != nil {
		t.Fatal(err)
	}
	var got struct {
		Global struct {
			Native  bool `yaml:"scrape_native_histograms"`
			Classic bool `yaml:"always_scrape_classic_histograms"`
		} `yaml:"global"`
	}
	if err := yaml.Unmarshal(config, &got); err != nil {
		t.Fatal(err)
	}
	if !got.Global.Native || !got.Global.Classic {
		t.Errorf("native histograms: %v, classic ones beside them: %v; both are wanted", got.Global.Native, got.Global.Classic)
	}
}

func TestRules(t *testing.T) {
	promtool(t, append([]string{"check", "rules"}, files(t, "rules/*.yml")...)...)
}

// TestRulesDoWhatTheySay plays each rule's own tests.
func TestRulesDoWhatTheySay(t *testing.T) {
	promtool(t, append([]string{"test", "rules"}, files(t, "tests/*_test.yml")...)...)
}

// TestEveryRuleIsTested: a rule's name stands in a test.
func TestEveryRuleIsTested(t *testing.T) {
	var tests []byte
	for _, path := range files(t, "tests/*_test.yml") {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		tests = append(tests, text...)
	}
	for _, path := range files(t, "rules/*.yml") {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		var rules struct {
			Groups []struct {
				Rules []struct {
					Record, Alert string
					Annotations   map[string]string
				}
			}
		}
		if err := yaml.Unmarshal(text, &rules); err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		for _, group := range rules.Groups {
			for _, rule := range group.Rules {
				name := rule.Record + rule.Alert
				if !bytes.Contains(tests, []byte(name)) {
					t.Errorf("%s: no test names %s", path, name)
				}
				for _, say := range []string{"summary", "meaning", "action"} {
					if rule.Alert != "" && rule.Annotations[say] == "" {
						t.Errorf("%s: alert %s has no %s", path, name, say)
					}
				}
			}
		}
	}
}
