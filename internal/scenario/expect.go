package scenario

import (
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Expectation is one thing that a scenario is there to show.
type Expectation struct {
	// Of is a figure of the report, such as lost or causes.buffer_exhausted.
	Of string
	// Want is the condition that it must meet: a comparison with a number
	// ("<= 600"), with another figure ("== lost"), or with a multiple of one
	// (">= 1.12 * scheduled").
	Want string
}

// condition is Want, taken apart: the figure compared with Factor times Ref
// or, where there is no Ref, with Factor.
type condition struct {
	op     string
	factor float64
	ref    string
}

var wantShape = regexp.MustCompile(`^\s*(==|!=|<=|>=|<|>)\s*(?:(\S+)|(\S+)\s*\*\s*(\S+))\s*$`)

const wantWords = `a comparison (==, !=, <, <=, >, >=) with a number, a figure or a multiple of one, such as "<= 600", "== lost" or ">= 1.12 * scheduled"`

// parse takes the condition apart, or says what is wrong and what would be right.
func (x Expectation) parse() (c condition, problem, want string) {
	m := wantShape.FindStringSubmatch(x.Want)
	if m == nil || len(x.Want) > 200 {
		return c, is(text(x.Want)), wantWords
	}
	c = condition{op: m[1], factor: 1}
	factors := []string{m[3], m[4]}
	if m[2] != "" {
		factors = strings.Split(m[2], "*")
	}
	numbers := 0
	for _, part := range factors {
		if plain.number.MatchString(part) {
			v, err := strconv.ParseFloat(part, 64)
			if err != nil {
				return c, is(text(x.Want)), "a number of ordinary size"
			}
			c.factor = v
			numbers++
			continue
		}
		if c.ref != "" {
			return c, is(text(x.Want)), wantWords
		}
		if problem, want := judgeFigure(part); problem != "" {
			return c, "compares with " + part + ", which " + problem, want
		}
		c.ref = part
	}
	if numbers == 2 || len(factors) > 2 {
		return c, is(text(x.Want)), wantWords
	}
	return c, "", ""
}

// Holds says whether a figure meets the condition. lookup gives the report's
// other figures by their names; an error says that the condition names one that
// the report does not have.
func (x Expectation) Holds(got float64, lookup func(name string) (float64, bool)) (bool, error) {
	c, problem, want := x.parse()
	if problem != "" {
		return false, &Error{Path: "expect." + x.Of, Problem: problem, Want: want}
	}
	bound := c.factor
	if c.ref != "" {
		v, ok := lookup(c.ref)
		if !ok {
			return false, &Error{Path: "expect." + x.Of, Problem: "compares with " + c.ref + ", which the report does not have"}
		}
		bound *= v
	}
	// 1.12 * 100 is 112 to people, and a hair more to the machine.
	if math.Abs(got-bound) <= 1e-12*math.Abs(bound) {
		got = bound
	}
	switch c.op {
	case "==":
		return got == bound, nil
	case "!=":
		return got != bound, nil
	case "<":
		return got < bound, nil
	case "<=":
		return got <= bound, nil
	case ">":
		return got > bound, nil
	default:
		return got >= bound, nil
	}
}

// figures are the names of the report's figures. Where a part is "*", any
// identifier may stand: the causes of a loss have as many names as a broker
// has errors.
var figures, windowFigures = func() (all, window []string) {
	cells := strings.Fields("delivered vanished duplicated refused phantom lost_in_silence unconfirmed dropped")
	quantiles := strings.Fields("count mean p50 p95 p99 p999 max")
	product := func(groups, parts []string) (list []string) {
		for _, g := range groups {
			for _, p := range parts {
				list = append(list, g+"."+p)
			}
		}
		return list
	}
	window = strings.Fields("scheduled confirmed failed unknown written consumed lost extra_copies")
	window = append(window, cells...)
	window = append(window, product([]string{"cells"}, cells)...)
	window = append(window, product(strings.Fields("matrix.confirmed matrix.failed matrix.unknown"), strings.Fields("0 1 2+"))...)
	window = append(window, product(strings.Fields("causes late_causes copies_by attempts"), []string{"*"})...)

	all = append(all, window...)
	all = append(all, strings.Fields("planned unread duration_seconds drained_seconds")...)
	all = append(all, product(strings.Fields(`latency_seconds.send latency_seconds.schedule_lag latency_seconds.queue
		latency_seconds.blocked latency_seconds.acknowledgement latency_seconds.due_to_confirmed
		stress.before stress.under`), quantiles)...)
	all = append(all, strings.Fields("stress.from stress.to buffer.total_bytes buffer.lowest_available_bytes")...)

	return all, append(window, product([]string{"send"}, quantiles)...)
}()

var identifier = regexp.MustCompile(`^[A-Za-z0-9_]{1,100}$`)

// judgeFigure says what is wrong with a figure's name, and what would be right.
func judgeFigure(name string) (problem, want string) {
	if isFigure(name, figures) {
		return "", ""
	}
	if group, _, _ := strings.Cut(name, "."); slices.Contains(figures, group+".*") {
		return "names nothing in " + group, group + ".NAME with a name of a-z, 0-9 and _"
	} else if group == "phases" {
		if len(windowsOf(name)) > 0 {
			return "", ""
		}
		return "is no figure of a phase", "a name such as phases.climb.lost or phases.outage.during.send.p95"
	}
	if near := nearest(name, figures); near != "" {
		return "is no figure of the report", near
	}
	return "is no figure of the report", "a figure such as scheduled, confirmed, written, lost, extra_copies, vanished or causes.NAME"
}

func isFigure(name string, known []string) bool {
	if group, rest, ok := strings.Cut(name, "."); ok && slices.Contains(known, group+".*") {
		return identifier.MatchString(rest)
	}
	return slices.Contains(known, name)
}

// windowsOf are the windows that phases.WINDOW.FIGURE may mean: both may have
// dots in their names. None: it names no figure that a window has.
func windowsOf(name string) []string {
	rest := strings.TrimPrefix(name, "phases.")
	var list []string
	for i, c := range rest {
		if c == '.' && i > 0 && isFigure(rest[i+1:], windowFigures) {
			list = append(list, rest[:i])
		}
	}
	return list
}

var faultWindow = regexp.MustCompile(`^(.+?)(?:-[0-9]+)?\.(?:before|during|after)$`)

// expectRules says which expectations are about windows that the plan does not have.
func (s *Scenario) expectRules(f *findings) {
	for _, x := range s.Expect {
		c, _, _ := x.parse()
		for _, name := range []string{x.Of, c.ref} {
			if windows := windowsOf(name); strings.HasPrefix(name, "phases.") && !slices.ContainsFunc(windows, s.hasWindow) {
				f.add(join("expect", shown(x.Of)), "is about "+name+", and the scenario has no such phase",
					"a phase's name, or that of a fault with .before, .during or .after")
			}
		}
	}
}

// hasWindow says that the report will tell of a window of this name.
func (s *Scenario) hasWindow(name string) bool {
	for i, ph := range s.Load.Phases {
		if ph.window(i) == name {
			return true
		}
	}
	m := faultWindow.FindStringSubmatch(name)
	return m != nil && slices.ContainsFunc(s.Faults, func(x Fault) bool { return x.Kind == m[1] })
}

// expectations is the mapping from figures to what they must be; a list of
// conditions means all of them.
type expectations struct{ p *[]Expectation }

func (v expectations) read(f *findings, path string, n *node) {
	if n.kind != isObject {
		f.add(path, is(n), v.wanted())
		return
	}
	if len(n.keys) > maxEntries {
		f.add(path, "has "+grouped(int64(len(n.keys)))+" entries", "at most 1,000")
		return
	}
	*v.p = nil
	for i, key := range n.keys {
		at, item := join(path, shown(key)), n.items[i]
		f.lines[at] = item.line
		if slices.Contains(n.keys[:i], key) {
			f.add(at, "is there twice", "a list of conditions")
			continue
		}
		conditions := []*node{item}
		if item.kind == isList {
			if conditions = item.items; len(conditions) == 0 {
				f.add(at, "is an empty list", wantWords)
			}
		}
		for _, c := range conditions {
			switch c.kind {
			case isText:
				*v.p = append(*v.p, Expectation{Of: key, Want: c.text})
			case isNumber:
				f.add(at, is(c)+" alone", strconv.Quote("== "+c.text))
			case isNull:
				// Left out, as anywhere else.
			default:
				f.add(at, is(c), wantWords)
			}
		}
	}
}

func (v expectations) check(f *findings, path string) {
	if len(*v.p) > maxEntries {
		f.add(path, "has "+grouped(int64(len(*v.p)))+" conditions", "at most 1,000")
		return
	}
	for _, x := range *v.p {
		if problem, want := judgeFigure(x.Of); problem != "" {
			f.add(join(path, shown(x.Of)), problem, want)
		} else if _, problem, want := x.parse(); problem != "" {
			f.add(join(path, shown(x.Of)), problem, want)
		}
	}
}

func (v expectations) write() *node {
	n := &node{kind: isObject}
	for _, x := range *v.p {
		was := n.get(x.Of)
		switch {
		case was == nil:
			n.set(x.Of, text(x.Want))
		case was.kind == isList:
			was.items = append(was.items, text(x.Want))
		default:
			n.set(x.Of, &node{kind: isList, items: []*node{was, text(x.Want)}})
		}
	}
	return n
}

func (v expectations) wanted() string {
	return fmt.Sprintf("a mapping from figures to conditions, such as {lost: %q}", "== 0")
}
