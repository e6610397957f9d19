package scenario

import (
	"os"
	"slices"
	"strings"
	"testing"
)

// fieldTables are the tables of docs/scenario.md that begin with a field
// column: by heading and header, the rows' names and defaults.
func fieldTables(t *testing.T) map[string]map[string]string {
	t.Helper()
	data, err := os.ReadFile("../../docs/scenario.md")
	if err != nil {
		t.Fatal(err)
	}
	tables := make(map[string]map[string]string)
	heading, table := "", ""
	for line := range strings.Lines(string(data)) {
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|")
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
		}
		switch {
		case strings.HasPrefix(line, "## "):
			heading = strings.TrimSpace(line[3:])
		case !strings.HasPrefix(line, "|"):
			table = ""
		case strings.HasPrefix(cells[0], "field") && len(cells) == 4:
			table = strings.TrimSpace(heading + strings.TrimPrefix(cells[0], "field"))
			tables[table] = make(map[string]string)
		case table != "" && strings.HasPrefix(cells[0], "`"):
			tables[table][strings.Trim(cells[0], "`")] = strings.Trim(cells[2], "`")
		}
	}
	return tables
}

func TestTheReferenceNamesEveryFieldWithItsDefault(t *testing.T) {
	d := Default()
	retry := defaultRetry()
	tables := fieldTables(t)
	for table, fields := range map[string][]field{
		"Top level":          scenarioFields(d),
		"topic":              topicFields(&d.Topic),
		"message":            messageFields(&d.Message),
		"load":               loadFields(&d.Load),
		"load of a phase":    phaseFields(&Phase{}),
		"load of a ramp":     rampValue(&Ramp{}).(object[Ramp]).fields(&Ramp{}),
		"load of stairs":     stairsValue(nil).(object[Stairs]).fields(&Stairs{By: 1}),
		"publisher":          publisherFields(&d.Publisher),
		"publisher of retry": retryValue(nil).(object[Retry]).fields(&retry),
		"producer":           producerFields(&d.Producer),
		"quotas":             quotaFields(&d.Quotas),
		"faults":             allFaultFields(&Fault{}),
	} {
		rows := tables[table]
		for _, fd := range fields {
			said, ok := rows[fd.name]
			delete(rows, fd.name)
			usual := ""
			if v := fd.value.write(); v != nil && (v.kind != isObject || fd.name == "expect") && !fd.required {
				usual = strings.Trim(string(writeFlow(nil, v)), `"`)
			}
			// A number that must be given has no default, nor have words that
			// depend on others.
			if fd.name == "fraction" && usual == "0" {
				usual = ""
			}
			switch {
			case !ok:
				t.Errorf("%s: the field %s has no row", table, fd.name)
			case said != usual:
				t.Errorf("%s: the default of %s is said to be %q, and is %q", table, fd.name, said, usual)
			}
		}
		for name := range rows {
			t.Errorf("%s: there is no field %s", table, name)
		}
	}
	if len(tables) != 12 {
		t.Errorf("%d tables of fields, want 12: %v", len(tables), tables)
	}
}

func TestTheReferenceNamesEveryKindFigureAndPreset(t *testing.T) {
	data, err := os.ReadFile("../../docs/scenario.md")
	if err != nil {
		t.Fatal(err)
	}
	doc := string(data)
	_, faults, _ := strings.Cut(doc, "\n## faults")
	for _, k := range faultKinds {
		row, refused := "| `"+k.name+"` |", "refused for now"
		at := strings.Index(faults, row)
		if (at >= 0) != k.playable || !k.playable && strings.Index(faults, "`"+k.name+"`") < strings.Index(faults, refused) {
			t.Errorf("the kind %s is not where it belongs", k.name)
			continue
		}
		if at < 0 {
			at = strings.Index(faults, "`"+k.name+"`")
		}
		line, _, _ := strings.Cut(faults[at:], "\n\n")
		for name := range strings.FieldsSeq(k.fields) {
			if !strings.Contains(line, "`"+name+"`") {
				t.Errorf("the kind %s is not said to have %s", k.name, name)
			}
		}
	}
	for _, name := range PresetNames() {
		if !strings.Contains(doc, "| `"+name+"` |") {
			t.Errorf("the preset %s is not there", name)
		}
	}
	_, expect, _ := strings.Cut(doc, "\n## expect")
	for _, name := range figures {
		parts := strings.Split(name, ".")
		group, last := parts[0], parts[len(parts)-1]
		if !slices.ContainsFunc([]string{"`" + name + "`", "`" + group + ".NAME`", "`" + strings.Join(parts[:len(parts)-1], ".") + ".OF`", "`" + group + ".CLOCK.OF`"},
			func(s string) bool { return strings.Contains(expect, s) }) && !(group == "matrix" && strings.Contains(expect, "`"+last+"`")) {
			t.Errorf("the figure %s is not there", name)
		}
	}
}

// The example at the top is somebody's first scenario: it had better be right.
func TestTheExamplesInTheReferenceAreValid(t *testing.T) {
	data, err := os.ReadFile("../../docs/scenario.md")
	if err != nil {
		t.Fatal(err)
	}
	examples := 0
	for _, block := range strings.Split(string(data), "```yaml\n")[1:] {
		text, _, _ := strings.Cut(block, "```")
		if !strings.HasPrefix(text, "name:") {
			text = smallest + text
		}
		if _, err := Parse([]byte(text)); err != nil {
			t.Errorf("%v\n%s", err, text)
		}
		examples++
	}
	if examples != 2 {
		t.Errorf("%d examples, want 2", examples)
	}
}
