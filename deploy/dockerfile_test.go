package deploy_test

import (
	"context"
	"debug/elf"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
)

// instruction is one of the Dockerfile's, its continued lines joined.
type instruction struct {
	name, args string
	stage      string // what the stage is called, "" for the last
}

type instructions []instruction

// dockerfile reads the little of the Dockerfile's language that ours uses.
func dockerfile(t *testing.T) instructions {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, "Dockerfile"))
	if err != nil {
		t.Fatal(err)
	}
	var all instructions
	stage, pending := "", ""
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		if before, continued := strings.CutSuffix(line, `\`); continued {
			pending += before
			continue
		}
		name, args, _ := strings.Cut(pending+line, " ")
		pending = ""
		if name == "FROM" {
			_, stage, _ = strings.Cut(args, " AS ")
		}
		all = append(all, instruction{strings.ToUpper(name), strings.TrimSpace(args), stage})
	}
	return all
}

// of is the arguments of each instruction of that name.
func (all instructions) of(name string) (args []string) {
	for _, i := range all {
		if i.name == name {
			args = append(args, i.args)
		}
	}
	return args
}

// last is what counts in the image that comes of it.
func (all instructions) last(name string) string {
	if args := all.of(name); len(args) > 0 {
		return args[len(args)-1]
	}
	return ""
}

// flags are the --name=value before an instruction's arguments.
var flags = regexp.MustCompile(`^(?:--\S+\s+)+`)

// buildCommand is the RUN that makes the binary, as a shell would get it.
func buildCommand() (string, error) {
	text, err := os.ReadFile(filepath.Join(root, "Dockerfile"))
	if err != nil {
		return "", err
	}
	joined := strings.ReplaceAll(string(text), "\\\n", " ")
	for line := range strings.Lines(joined) {
		if run, ok := strings.CutPrefix(line, "RUN "); ok && strings.Contains(run, "go build") {
			return strings.TrimSpace(flags.ReplaceAllString(run, "")), nil
		}
	}
	return "", errors.New("the Dockerfile has no RUN with go build")
}

// built is the binary, made once for all tests; TestMain takes it away.
var built = sync.OnceValues(func() (string, error) {
	command, err := buildCommand()
	if err != nil {
		return "", err
	}
	if !strings.Contains(command, "/out/") {
		return "", fmt.Errorf("%q builds into another folder than /out", command)
	}
	command = strings.ReplaceAll(command, "/out/", scratch+"/")
	build := exec.CommandContext(context.Background(), "sh", "-c", command)
	build.Dir = root
	// As in the build stage: nothing of this machine's ideas about building.
	build.Env = append(os.Environ(), "GOENV=off", "GOFLAGS=", "TARGETOS="+runtime.GOOS, "TARGETARCH="+runtime.GOARCH)
	if said, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("%s: %w\n%s", command, err, said)
	}
	return filepath.Join(scratch, "simd"), nil
})

// scratch is where built puts the binary.
var scratch string

func TestMain(m *testing.M) {
	os.Exit(func() int {
		var err error
		if scratch, err = os.MkdirTemp("", "simd-deploy-*"); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer os.RemoveAll(scratch)
		return m.Run()
	}())
}

// binary is simd as the image has it.
func binary(t *testing.T) string {
	t.Helper()
	path, err := built()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

func TestTheImageIsPinnedSmallAndNobodys(t *testing.T) {
	d := dockerfile(t)
	stages := d.of("FROM")
	if len(stages) != 2 || stages[1] != "scratch" {
		t.Fatalf("the stages are %q, want one that builds, and scratch", stages)
	}
	base, _, _ := strings.Cut(flags.ReplaceAllString(stages[0], ""), " AS ")
	if !versioned.MatchString(base) {
		t.Errorf("the base %q is not pinned to a version", base)
	}
	module, err := os.ReadFile(filepath.Join(root, "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	wants := regexp.MustCompile(`(?m)^go (\S+)$`).FindSubmatch(module)
	if wants == nil || !strings.HasPrefix(base, "golang:"+string(wants[1])+"-") {
		t.Errorf("the base is %q, and go.mod wants Go %s", base, wants[1])
	}
	if user := d.last("USER"); !regexp.MustCompile(`^[1-9]\d*:[1-9]\d*$`).MatchString(user) { // a name would want a file of names
		t.Errorf("the image runs as %q, want somebody who is not root, by number", user)
	} else if !slices.Contains(d.of("COPY"), "--from=build --chown="+user+" /out/data "+d.last("VOLUME")) {
		t.Errorf("the folder %s is not its user's", d.last("VOLUME"))
	}
	if said := strings.Join(d.of("ENV"), " "); !strings.Contains(said, "SIMD_DATA_DIR="+d.last("VOLUME")) {
		t.Errorf("the image's environment %q puts the runs elsewhere than into the volume %s", said, d.last("VOLUME"))
	}
}

// TestWhatTheBuildCopiesIsThere, and none of what git keeps is left out: the
// binary would say that its source was changed.
func TestWhatTheBuildCopiesIsThere(t *testing.T) {
	for _, i := range dockerfile(t) {
		if i.name != "COPY" || strings.Contains(i.args, "--from=") {
			continue
		}
		words := strings.Fields(flags.ReplaceAllString(i.args, ""))
		for _, from := range words[:len(words)-1] {
			if _, err := os.Stat(filepath.Join(root, from)); err != nil {
				t.Errorf("COPY %s: %v", i.args, err)
			}
		}
	}

	ignored, err := os.ReadFile(filepath.Join(root, ".dockerignore"))
	if err != nil {
		t.Fatal(err)
	}
	kept := repositoryFiles(t)
	for pattern := range strings.Lines(string(ignored)) {
		pattern = strings.TrimSpace(pattern)
		if pattern == "" || strings.HasPrefix(pattern, "#") {
			continue
		}
		anywhere := strings.HasPrefix(pattern, "**/")
		pattern = strings.TrimPrefix(strings.TrimPrefix(pattern, "**/"), "/")
		for _, file := range kept {
			for parts := strings.Split(file, "/"); len(parts) > 0; parts = parts[:len(parts)-1] {
				path := strings.Join(parts, "/")
				if anywhere {
					path = parts[len(parts)-1]
				}
				if hit, err := filepath.Match(pattern, path); err != nil || hit || path == pattern {
					t.Errorf(".dockerignore leaves out %s by %q (%v)", file, pattern, err)
				}
			}
		}
	}
}

// repositoryFiles are the files that git keeps, with slashes.
func repositoryFiles(t *testing.T) []string {
	t.Helper()
	files := strings.Split(git(t, "ls-files", "-z"), "\x00")
	return slices.DeleteFunc(files, func(file string) bool { return file == "" })
}

func git(t *testing.T, args ...string) string {
	t.Helper()
	command := exec.CommandContext(t.Context(), "git", args...)
	command.Dir = root
	said, err := command.Output()
	if err != nil {
		t.Fatalf("git %s: %v", strings.Join(args, " "), err)
	}
	return strings.TrimSpace(string(said))
}

// TestTheBinaryStandsAlone: scratch has no libraries, no loader and no shell.
func TestTheBinaryStandsAlone(t *testing.T) {
	before := git(t, "rev-parse", "HEAD") // somebody may commit while we build
	path := binary(t)
	after := git(t, "rev-parse", "HEAD")
	if runtime.GOOS == "linux" {
		file, err := elf.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		defer file.Close()
		libraries, err := file.ImportedLibraries()
		if err != nil || len(libraries) > 0 {
			t.Errorf("the binary wants the libraries %v (%v)", libraries, err)
		}
		for _, program := range file.Progs {
			if program.Type == elf.PT_INTERP {
				t.Error("the binary wants a loader")
			}
		}
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if info.Size() > 64<<20 {
		t.Errorf("the binary has %d MiB, want 64 or less", info.Size()>>20)
	}
	said, err := exec.CommandContext(t.Context(), path, "version").Output()
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(said), before[:12]) && !strings.Contains(string(said), after[:12]) {
		t.Errorf("simd version says %q, want the commit %s in it", said, after[:12])
	}
}
