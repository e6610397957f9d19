package scenario

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// Setting is a field by its path, and what to put there.
type Setting struct{ Path, Value string }

// Set puts a value into a field: see [Scenario.SetAll].
func (s *Scenario) Set(path, value string) error {
	return s.SetAll([]Setting{{path, value}})
}

// SetAll puts values into fields, in order, and judges the scenario after the
// last. A path is a field's, such as producer.buffer.memory,
// load.phases[1].stairs.to or expect.causes.buffer_exhausted; a value is what
// could stand there in YAML, whole lists and mappings included; a text needs no
// quotes, and null takes the field away, so that its default is back. The index
// one past a list's end appends. When anything is wrong, the scenario stays as
// it was.
func (s *Scenario) SetAll(settings []Setting) error {
	tree := s.root().write()
	for _, one := range settings {
		if wrong := setIn(s, tree, one); wrong != nil {
			return Errors{wrong}
		}
	}
	changed, err := fromTree(tree)
	if err != nil {
		return err
	}
	*s = *changed
	return nil
}

func setIn(s *Scenario, tree *node, one Setting) *Error {
	steps, last, wrong := s.resolve(one.Path)
	if wrong != nil {
		return wrong
	}
	v, wrong := literal(last, one)
	if wrong != nil {
		return wrong
	}
	if v.kind == isNull {
		v = nil
	}
	return put(tree, "", steps, v)
}

// step leads from a list or mapping to one of its entries.
type step struct {
	key   string
	index int // of a list; the key is empty then
}

// resolve finds the steps to a path, and the value there. The format is asked,
// not the tree: dots are parts of some names, and what is left out is not there.
func (s *Scenario) resolve(path string) ([]step, value, *Error) {
	var steps []step
	var at value = s.root()
	for done := ""; done != path; {
		rest := strings.TrimPrefix(path[len(done):], ".")
		at = inside(at)
		next, ok := at.(interface {
			enter(rest string) (st step, v value, length int)
		})
		if !ok {
			return nil, nil, &Error{Path: path, Problem: "is no field: " + done + " has no parts", Want: done}
		}
		st, v, length := next.enter(rest)
		if v == nil {
			return nil, nil, unknownPath(path, at, done, rest)
		}
		steps = append(steps, st)
		done = path[:len(path)-len(rest)+length]
		at = v
	}
	if len(steps) == 0 {
		return nil, nil, &Error{Path: path, Problem: "is an empty path", Want: "a field's path, such as producer.buffer.memory"}
	}
	return steps, at, nil
}

// inside is what an optional value is once it is there.
func inside(v value) value {
	if o, ok := v.(interface{ inner() value }); ok {
		return o.inner()
	}
	return v
}

func (o optional[T]) inner() value {
	v := o.usual()
	return o.of(&v)
}

func unknownPath(path string, at value, done, rest string) *Error {
	if o, ok := at.(interface {
		unknown(string) (string, string)
		fieldNames() []string
	}); ok {
		problem, want := o.unknown(rest)
		if near := nearest(rest, o.fieldNames()); near != "" {
			want = join(done, near)
		}
		return &Error{Path: path, Problem: problem, Want: want}
	}
	want := done + "[0] and so on"
	if _, ok := at.(expectations); ok {
		want = "a figure, such as expect.lost"
	}
	return &Error{Path: path, Problem: "is no field: " + done + " is " + at.wanted(), Want: want}
}

func (o object[T]) enter(rest string) (step, value, int) {
	return enterField(o.fields(o.p), rest)
}

// enterField takes the longest name that rest begins with: names have dots.
func enterField(fields []field, rest string) (step, value, int) {
	var found field
	for _, fd := range fields {
		after, ok := strings.CutPrefix(rest, fd.name)
		if ok && (after == "" || after[0] == '.' || after[0] == '[') && len(fd.name) > len(found.name) {
			found = fd
		}
	}
	return step{key: found.name}, found.value, len(found.name)
}

func (o object[T]) fieldNames() []string { return names(o.fields(o.p)) }

var indexShape = regexp.MustCompile(`^\[([0-9]{1,6})\](?:$|[.\[])`)

func (l list[T]) enter(rest string) (step, value, int) {
	m := indexShape.FindStringSubmatch(rest)
	if m == nil {
		return step{}, nil, 0
	}
	i, _ := strconv.Atoi(m[1])
	return step{index: i}, l.of(new(T)), len(m[1]) + 2
}

func (v anyFault) enter(rest string) (step, value, int) {
	return enterField(allFaultFields(&Fault{}), rest)
}

func (v anyFault) unknown(name string) (problem, want string) {
	return "is no field of a fault", Nearest(name, v.fieldNames())
}

func (v anyFault) fieldNames() []string { return names(allFaultFields(&Fault{})) }

// enter takes every name for a figure's, until the scenario is judged.
func (v expectations) enter(rest string) (step, value, int) {
	name, _, _ := strings.Cut(rest, "[")
	if name == "" {
		return step{}, nil, 0
	}
	return step{key: name}, conditions{v}, len(name)
}

// conditions are what stands under a figure: a condition, or a list of them.
type conditions struct{ expectations }

func (conditions) enter(rest string) (step, value, int) {
	return list[string]{of: func(s *string) value { return words(s, wantWords, nil) }}.enter(rest)
}

func (conditions) wordy() bool { return true }

// literal reads a setting's value as YAML. A text means itself, whatever it
// looks like, unless it stands in quotes or is null.
func literal(at value, one Setting) (*node, *Error) {
	v, wrong := readTree([]byte(one.Value))
	if wordy, ok := at.(interface{ wordy() bool }); ok && wordy.wordy() {
		first := strings.TrimSpace(one.Value)
		_, several := at.(conditions)
		switch {
		case wrong == nil && v.kind == isNull && first != "":
		case wrong == nil && v.kind == isText && first != "" && strings.ContainsAny(first[:1], `"'`):
		case wrong == nil && v.kind == isList && several:
		default:
			return text(one.Value), nil
		}
	}
	if wrong != nil {
		return nil, &Error{Path: one.Path, Problem: wrong.Problem, Want: wrong.Want}
	}
	return v, nil
}

// put walks the steps, making what is not there, and puts v at their end.
func put(n *node, path string, steps []step, v *node) *Error {
	st := steps[0]
	if st.key == "" {
		return putItem(n, path, steps, v)
	}
	if n.kind != isObject {
		return &Error{Path: join(path, st.key), Problem: "has no place: " + path + " " + is(n), Want: "a mapping there"}
	}
	if len(steps) == 1 {
		n.set(st.key, v)
		return nil
	}
	child := n.get(st.key)
	if child == nil {
		if v == nil {
			return nil // already away
		}
		child = &node{kind: isObject}
		if steps[1].key == "" {
			child.kind = isList
		}
		n.set(st.key, child)
	}
	return put(child, join(path, st.key), steps[1:], v)
}

func putItem(n *node, path string, steps []step, v *node) *Error {
	i := steps[0].index
	at := fmt.Sprintf("%s[%d]", path, i)
	switch last := len(steps) == 1; {
	case n.kind != isList:
		return &Error{Path: at, Problem: "has no place: " + path + " " + is(n), Want: "a list there"}
	case i > len(n.items) || i == len(n.items) && (v == nil || !last):
		return &Error{Path: at, Problem: fmt.Sprintf("is not there: %s has %d entries, counted from 0", path, len(n.items)), Want: "an entry that it has"}
	case !last:
		return put(n.items[i], at, steps[1:], v)
	case i == len(n.items):
		n.items = append(n.items, v)
	case v == nil:
		n.items = append(n.items[:i:i], n.items[i+1:]...)
	default:
		n.items[i] = v
	}
	return nil
}
