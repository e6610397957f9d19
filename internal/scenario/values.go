package scenario

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// value is one place in the format, tied to the variable that holds it. What
// reads a scenario, judges it and writes it goes through the same values, so
// the three cannot disagree.
type value interface {
	// read takes over what n says, or says why it cannot.
	read(f *findings, path string, n *node)
	// check judges what the variable holds.
	check(f *findings, path string)
	// write is the variable as a tree; nil when there is nothing to write.
	write() *node
	// wanted says in words what may stand here.
	wanted() string
}

// leaf is a value without parts, made of small functions over one type.
type leaf[T any] struct {
	p      *T
	want   string
	hint   func(T) string          // what would be right in place of this value; nil: want
	words  bool                    // a text: in a setting it needs no quotes
	parse  func(*node) (T, string) // the value, or what is wrong
	judge  func(T) string          // what is wrong, or ""
	format func(T) *node
}

func (l leaf[T]) read(f *findings, path string, n *node) {
	v, problem := l.parse(n)
	if problem != "" {
		f.add(path, problem, l.want)
		return
	}
	*l.p = v
}

func (l leaf[T]) check(f *findings, path string) {
	problem, want := l.judge(*l.p), l.want
	if problem == "" {
		return
	}
	if l.hint != nil {
		want = l.hint(*l.p)
	}
	f.add(path, problem, want)
}

func (l leaf[T]) write() *node   { return l.format(*l.p) }
func (l leaf[T]) wanted() string { return l.want }
func (l leaf[T]) wordy() bool    { return l.words }

// is shows a scalar in a message as it was written.
func is(n *node) string {
	switch n.kind {
	case isText:
		return "is the text " + quote(n.text)
	case isNumber, isFlag:
		return "is " + strings.Trim(quote(n.text), `"`)
	}
	return "is " + n.kind.String()
}

// whole is a whole number.
func whole[T int | int64](p *T, least, most T) value {
	return leaf[T]{
		p:    p,
		want: fmt.Sprintf("a whole number from %s to %s", grouped(int64(least)), grouped(int64(most))),
		parse: func(n *node) (T, string) {
			if n.kind != isNumber {
				return 0, is(n)
			}
			if v, err := strconv.ParseInt(n.text, 10, 64); err == nil {
				return T(v), ""
			}
			// 3.0 and 1e6 are whole, too; beyond 2^53 a float no longer says which.
			v, err := strconv.ParseFloat(n.text, 64)
			if err != nil || v != math.Trunc(v) || math.Abs(v) > 1<<53 {
				return 0, is(n)
			}
			return T(v), ""
		},
		judge: func(v T) string {
			if outside(v, least, most) {
				return "is " + grouped(int64(v))
			}
			return ""
		},
		format: func(v T) *node { return number(strconv.FormatInt(int64(v), 10)) },
	}
}

// float is a number that may have a fraction.
func float(p *float64, least, most float64) value {
	return leaf[float64]{
		p:    p,
		want: fmt.Sprintf("a number from %s to %s", decimal(least), decimal(most)),
		parse: func(n *node) (float64, string) {
			if n.kind != isNumber {
				return 0, is(n)
			}
			v, err := strconv.ParseFloat(n.text, 64)
			if err != nil || math.IsInf(v, 0) || math.IsNaN(v) {
				return 0, is(n)
			}
			return v, ""
		},
		judge: func(v float64) string {
			if outside(v, least, most) {
				return "is " + decimal(v)
			}
			return ""
		},
		format: func(v float64) *node { return number(strconv.FormatFloat(v, 'f', -1, 64)) },
	}
}

// share is a number above 0 and up to 1.
func share(p *float64) value {
	l := float(p, 0, 1).(leaf[float64])
	l.want = "a fraction above 0, up to 1 (all)"
	judge := l.judge
	l.judge = func(v float64) string {
		if v == 0 {
			return "is 0"
		}
		return judge(v)
	}
	return l
}

var units = []struct {
	name  string
	bytes float64
}{
	{"kB", 1e3}, {"MB", 1e6}, {"GB", 1e9}, {"TB", 1e12},
	{"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}, {"TiB", 1 << 40}, {"B", 1},
}

// parseSize reads 2MiB, 1.5kB or 2097152, and says what is wrong otherwise.
func parseSize(n *node) (float64, string) {
	if n.kind != isNumber && n.kind != isText {
		return 0, is(n)
	}
	digits := strings.TrimRightFunc(n.text, unicode.IsLetter)
	factor := 1.0
	if unit := n.text[len(digits):]; unit != "" && n.kind == isText {
		i := slices.IndexFunc(units, func(u struct {
			name  string
			bytes float64
		}) bool {
			return u.name == unit
		})
		if i < 0 {
			return 0, is(n) + ", whose unit is unknown (kB, MB, GB are thousands; KiB, MiB, GiB are 1,024s)"
		}
		factor = units[i].bytes
	}
	v, err := strconv.ParseFloat(strings.TrimSpace(digits), 64)
	if err != nil || !plain.number.MatchString(strings.TrimSpace(digits)) {
		return 0, is(n)
	}
	return v * factor, ""
}

// size is a number of bytes, up to most.
func size(p *int64, most int64) value {
	const least = 0
	return leaf[int64]{
		p:    p,
		want: fmt.Sprintf("a size in whole bytes from %s to %s, such as 2097152 or 2MiB", bytesOf(least), bytesOf(most)),
		parse: func(n *node) (int64, string) {
			if v, err := strconv.ParseInt(n.text, 10, 64); err == nil && n.kind == isNumber {
				return v, ""
			}
			v, problem := parseSize(n)
			if problem == "" && (v != math.Trunc(v) || math.Abs(v) > 1<<53) {
				problem = is(n)
			}
			return int64(v), problem
		},
		judge: func(v int64) string {
			if outside(v, least, most) {
				return "is " + grouped(v) + " bytes"
			}
			return ""
		},
		format: func(v int64) *node { return number(strconv.FormatInt(v, 10)) },
	}
}

// byteRate is bytes per second.
func byteRate(p *float64) value {
	const most = 1e15
	return leaf[float64]{
		p:    p,
		want: "bytes per second from 0 to 1,000,000,000,000,000, such as 1048576 or 1MiB",
		parse: func(n *node) (float64, string) {
			return parseSize(n)
		},
		judge: func(v float64) string {
			if outside(v, 0, most) {
				return "is " + decimal(v)
			}
			return ""
		},
		format: func(v float64) *node { return number(strconv.FormatFloat(v, 'f', -1, 64)) },
	}
}

// flag is a truth value.
func flag(p *bool) value {
	return leaf[bool]{
		p:    p,
		want: "true or false",
		parse: func(n *node) (bool, string) {
			if n.kind != isFlag {
				return false, is(n)
			}
			return n.text == "true", ""
		},
		judge:  func(bool) string { return "" },
		format: func(v bool) *node { return &node{kind: isFlag, text: strconv.FormatBool(v)} },
	}
}

// words is a text whose content a function judges.
func words(p *string, want string, judge func(string) string) leaf[string] {
	return leaf[string]{
		p:     p,
		want:  want,
		words: true,
		parse: func(n *node) (string, string) {
			if n.kind != isText {
				return "", is(n) + ", not a text"
			}
			return n.text, ""
		},
		judge:  judge,
		format: text,
	}
}

// prose is text for people, of at most so many characters.
func prose(p *string, most int, lines bool) value {
	want := fmt.Sprintf("a text of up to %s characters", grouped(int64(most)))
	if !lines {
		want += " on one line"
	}
	return words(p, want, func(s string) string {
		if count := len([]rune(s)); count > most {
			return fmt.Sprintf("is %s characters long", grouped(int64(count)))
		}
		for _, r := range s {
			if r == unicode.ReplacementChar || !unicode.IsPrint(r) && !(lines && r == '\n') {
				return fmt.Sprintf("holds the character %q", r)
			}
		}
		return ""
	})
}

// choice is one of a few words.
func choice(p *string, known ...string) leaf[string] {
	l := words(p, "one of "+strings.Join(known, ", "), func(s string) string {
		if !slices.Contains(known, s) {
			return is(text(s))
		}
		return ""
	})
	l.hint = func(s string) string { return Nearest(s, known) }
	return l
}

// grouped writes a whole number with its thousands apart: 10,485,760.
func grouped(v int64) string {
	s := strconv.FormatInt(v, 10)
	sign := ""
	if v < 0 {
		sign, s = "-", s[1:]
	}
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return sign + s
}

// decimal writes a number for a message.
func decimal(v float64) string {
	if v == math.Trunc(v) && math.Abs(v) < 1<<53 {
		return grouped(int64(v))
	}
	return strconv.FormatFloat(v, 'g', -1, 64)
}

// bytesOf writes a size for a message, in the largest unit that fits evenly.
func bytesOf(v int64) string {
	for _, u := range []string{"TiB", "GiB", "MiB", "KiB", "TB", "GB", "MB"} {
		for _, unit := range units {
			if b := int64(unit.bytes); unit.name == u && v >= b && v%b == 0 {
				return grouped(v/b) + u
			}
		}
	}
	return grouped(v)
}
