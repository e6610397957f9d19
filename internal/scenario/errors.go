package scenario

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Error is one thing that is wrong with a scenario, in three parts that make a
// sentence: "producer.acks is "2"; want one of 0, 1, all".
type Error struct {
	// Path is the field, such as load.phases[1].stairs.to; empty when it is the
	// text as a whole.
	Path string
	// Problem is what is wrong, from the verb on: "is missing".
	Problem string
	// Want is what would be right; empty when there is nothing to add.
	Want string
	// Line is where in the text it was read, from 1; 0 when it was not read.
	Line int
}

// Error joins the parts into the sentence.
func (e *Error) Error() string {
	subject := e.Path
	if subject == "" {
		subject = "the scenario"
	}
	if e.Want == "" {
		return subject + " " + e.Problem
	}
	return subject + " " + e.Problem + "; want " + e.Want
}

// Errors is everything that is wrong with a scenario, in the order of its
// fields. It is never empty when it is returned as an error.
type Errors []*Error

// Error is one sentence a line.
func (e Errors) Error() string {
	lines := make([]string, len(e))
	for i, one := range e {
		lines[i] = one.Error()
	}
	return strings.Join(lines, "\n")
}

// Unwrap lets errors.As find the first [*Error].
func (e Errors) Unwrap() []error {
	errs := make([]error, len(e))
	for i, one := range e {
		errs[i] = one
	}
	return errs
}

// maxFindings bounds how many errors are told at once: a text that is wrong a
// thousand times is not helped by a thousand sentences.
const maxFindings = 100

// findings collects errors while a scenario is read and judged.
type findings struct {
	errs  Errors
	lines map[string]int // where each path was read
	told  map[string]bool
}

func newFindings() *findings {
	return &findings{lines: map[string]int{}, told: map[string]bool{}}
}

// add notes what is wrong with a path, unless that follows from what is told
// already about it, or about what it is a part of.
func (f *findings) add(path, problem, want string) {
	for i, c := range path {
		if (c == '.' || c == '[') && f.told[path[:i]] {
			return
		}
	}
	if len(f.errs) < maxFindings && !f.told[path] {
		f.told[path] = true
		f.errs = append(f.errs, &Error{Path: path, Problem: problem, Want: want, Line: f.lines[path]})
	}
}

// sound says that nothing was found in a section so far, so that a rule about
// several of its fields may trust what they hold.
func (f *findings) sound(section string) bool {
	return len(f.errs) < maxFindings && !slices.ContainsFunc(f.errs, func(e *Error) bool {
		return e.Path == section || strings.HasPrefix(e.Path, section+".") || strings.HasPrefix(e.Path, section+"[")
	})
}

func (f *findings) err() error {
	if len(f.errs) == 0 {
		return nil
	}
	return f.errs
}

// nearest is the known name that somebody probably meant, or "".
func nearest(name string, known []string) string {
	if len(name) > 100 {
		return ""
	}
	best, distance := "", max(2, len(name)/2)+1
	for _, k := range known {
		if d := edits(strings.ToLower(name), strings.ToLower(k)); d < distance {
			best, distance = k, d
		}
	}
	return best
}

// Nearest says what would be right in place of an unknown name: the nearest
// known one, or all of them when none is near.
func Nearest(name string, known []string) string {
	if near := nearest(name, known); near != "" {
		return near
	}
	if len(known) == 1 {
		return known[0]
	}
	return "one of " + strings.Join(known, ", ")
}

// edits is the Levenshtein distance of a and b, in bytes.
func edits(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			substitute := diagonal
			if a[i] != b[j] {
				substitute++
			}
			diagonal = row[j+1]
			row[j+1] = min(substitute, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}

// quote shows a piece of somebody's text in a message, shortened.
func quote(text string) string {
	const most = 60
	if runes := []rune(text); len(runes) > most {
		text = string(runes[:most]) + "..."
	}
	return fmt.Sprintf("%q", text)
}

// outside says whether v lies outside a range, as a NaN always does.
func outside[T cmp.Ordered](v, least, most T) bool {
	return !(v >= least && v <= most)
}
