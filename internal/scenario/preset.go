package scenario

import (
	"embed"
	"fmt"
	"path"
	"slices"
	"strings"
)

//go:embed presets/*.yaml
var presetFiles embed.FS

// PresetNames are the names of the scenarios that come with simd, sorted.
func PresetNames() []string {
	files, err := presetFiles.ReadDir("presets")
	if err != nil {
		panic(err) // the directory is part of the program
	}
	list := make([]string, len(files))
	for i, file := range files {
		list[i] = strings.TrimSuffix(file.Name(), ".yaml")
	}
	slices.Sort(list) // without the suffix the order is another
	return list
}

// Preset is a scenario that comes with simd, by its name. The copy is the
// caller's. An unknown name is an [*Error] that says which is near.
func Preset(name string) (*Scenario, error) {
	known := PresetNames()
	for _, k := range known {
		if k == name {
			return mustPreset(name), nil
		}
	}
	return nil, &Error{Path: "scenario", Problem: is(text(name)) + ", and no preset is called so", Want: Nearest(name, known)}
}

// Presets are all of them, sorted by name.
func Presets() []*Scenario {
	var list []*Scenario
	for _, name := range PresetNames() {
		list = append(list, mustPreset(name))
	}
	return list
}

// mustPreset reads an embedded file, which the tests have read before.
func mustPreset(name string) *Scenario {
	data, err := presetFiles.ReadFile(path.Join("presets", name+".yaml"))
	if err != nil {
		panic(err)
	}
	s, err := Parse(data)
	if err != nil {
		panic(fmt.Sprintf("preset %s: %v", name, err))
	}
	return s
}
