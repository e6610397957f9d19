package scenario

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"
)

func TestTextsThatAreMadeToHurtAreRefused(t *testing.T) {
	var laughs strings.Builder
	laughs.WriteString("a0: &a0 [x, x]\n")
	for i := range 40 {
		fmt.Fprintf(&laughs, "a%d: &a%d [*a%d, *a%d]\n", i+1, i+1, i, i)
	}
	const n = maxYAML / 4
	for what, text := range map[string]string{
		"a billion laughs":          laughs.String(),
		"too long":                  strings.Repeat("#", maxText+1),
		"lists in lists, open":      strings.Repeat("[", n),
		"lists in lists":            strings.Repeat("[", n) + strings.Repeat("]", n),
		"JSON in JSON":              strings.Repeat(`{"a":`, 5000) + "1" + strings.Repeat("}", 5000),
		"JSON deeper than it reads": strings.Repeat("[", 20_000) + strings.Repeat("]", 20_000),
		"mappings in mappings":      strings.Repeat("{a: ", n),
		"lists on a line":           strings.Repeat("- ", n),
		"deeper every line":         deeper(700),
		"keys that are asked for":   strings.Repeat("? ", n),
		"tags":                      strings.Repeat("!a ", n),
		"anchors":                   strings.Repeat("&a ", n),
		"closing what is not open":  strings.Repeat("]", n),
		"documents":                 strings.Repeat("---\n", 20_000) + "a: b\n---\nc: d\n",
		"a million colons":          strings.Repeat(":", n),
		"a long key":                strings.Repeat("a", n) + ": 1",
		"many keys":                 many(10_000, "k%d: 1\n"),
		"many figures":              smallest + "expect:\n" + many(2000, "  causes.k%d: == 0\n"),
		"many phases":               "name: x\nload:\n  phases:\n" + many(1500, "    - {name: p%d, for: 1s, rate: 1}\n"),
		"quotes":                    strings.Repeat(`"`, n+1),
		"an open quote":             `"` + strings.Repeat("\\", n),
		"an open literal":           "a: |" + strings.Repeat("\n", n) + "- b\n  c: d",
		"NULs":                      strings.Repeat("\x00", n),
		"tabs":                      strings.Repeat("\t", n) + "a: b",
	} {
		if _, err := Parse([]byte(text)); err == nil {
			t.Errorf("%s: was taken", what)
		} else if len(err.Error()) > 1000 {
			t.Errorf("%s: said in %d bytes", what, len(err.Error()))
		}
	}
}

func deeper(levels int) string {
	var b strings.Builder
	for i := range levels {
		b.WriteString(strings.Repeat(" ", i) + "a:\n")
	}
	return b.String()
}

func many(n int, format string) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, format, i)
	}
	return b.String()
}

func TestPlainWordsAreReadAsYAMLOneTwoDoes(t *testing.T) {
	for word, want := range map[string]kind{
		"null": isNull, "~": isNull, "": isNull,
		"true": isFlag, "False": isFlag,
		"0": isNumber, "-1": isNumber, "1.5": isNumber, "1e3": isNumber, ".5": isNumber, ".inf": isNumber, ".NaN": isNumber, "+1": isNumber,
		"yes": isText, "no": isText, "on": isText, "1_000": isText, "0x10": isText, "017": isText, "1.2.3": isText, "15s": isText, "2MiB": isText, "a b": isText,
		`"5"`: isText, "'5'": isText, `"null"`: isText, `""`: isText,
	} {
		tree, wrong := readTree([]byte("a: " + word))
		if wrong != nil {
			t.Errorf("%q: %v", word, wrong)
		} else if got := tree.get("a").kind; got != want {
			t.Errorf("%q was read as %v, want %v", word, got, want)
		}
	}
}

func TestEveryWayToWriteAText(t *testing.T) {
	for yaml, want := range map[string]string{
		"a: x y":                      "x y",
		"a: 'it''s'":                  "it's",
		`a: "\u00e9\n\t\"\\"`:         "é\n\t\"\\",
		"a: >-\n  one\n  two\n":       "one two",
		"a: >\n  one\n\n  two\n":      "one\ntwo\n",
		"a: |\n  one\n    two\n":      "one\n  two\n",
		"a: x # not this":             "x",
		"{a: x}":                      "x",
		"{\"a\": \"\\ud83d\\ude00\"}": "😀",
		"{\n\t\"a\":\t\"x\"\n}":       "x",
	} {
		tree, wrong := readTree([]byte(yaml))
		if wrong != nil {
			t.Errorf("%q: %v", yaml, wrong)
		} else if got := tree.get("a"); got.kind != isText || got.text != want {
			t.Errorf("%q: %q, want %q", yaml, got.text, want)
		}
	}
}

func TestAScenarioTooLongForYAMLIsWrittenAsJSON(t *testing.T) {
	s := Default()
	s.Name = "long"
	for range maxEntries {
		s.Load.Phases = append(s.Load.Phases, steady(1.25, 1234567891*time.Nanosecond))
	}
	for i := range maxEntries {
		s.Faults = append(s.Faults, Fault{Kind: "outage", Leaders: "kept", At: time.Duration(i), For: 1, Brokers: []int{0, 1, 2, 3, 4, 5}})
	}
	yaml, err := s.YAML()
	if err != nil {
		t.Fatal(err)
	}
	again, err := Parse(yaml)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(s, again) {
		t.Error("changed")
	}
}
