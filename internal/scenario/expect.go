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
var figures = func() []string {
	list := strings.Fields(`
		scheduled confirmed failed unknown dropped written consumed lost extra_copies unread
		delivered vanished duplicated refused phantom lost_in_silence unconfirmed
		causes.* copies_by.* attempts.*`)
	for _, told := range strings.Fields("confirmed failed unknown") {
		for _, copies := range strings.Fields("0 1 2+") {
			list = append(list, "matrix."+told+"."+copies)
		}
	}
	for _, clock := range strings.Fields("send schedule_lag queue blocked acknowledgement due_to_confirmed") {
		for _, of := range strings.Fields("mean p50 p95 p99 p999 max") {
			list = append(list, "latency_seconds."+clock+"."+of)
		}
	}
	return list
}()

var identifier = regexp.MustCompile(`^[A-Za-z0-9_]{1,100}$`)

// judgeFigure says what is wrong with a figure's name, and what would be right.
func judgeFigure(name string) (problem, want string) {
	if slices.Contains(figures, name) && !strings.HasSuffix(name, "*") {
		return "", ""
	}
	if group, rest, ok := strings.Cut(name, "."); ok && slices.Contains(figures, group+".*") {
		if identifier.MatchString(rest) {
			return "", ""
		}
		return "names nothing in " + group, group + "." + "NAME with a name of a-z, 0-9 and _"
	}
	if near := nearest(name, figures); near != "" {
		return "is no figure of the report", near
	}
	return "is no figure of the report", "a figure such as scheduled, confirmed, written, lost, extra_copies, vanished or causes.NAME"
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
