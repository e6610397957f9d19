package report

import (
	"math"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// grouped writes a count with its thousands apart: 28,765.
func grouped(n int64) string {
	s := strconv.FormatInt(n, 10)
	sign := ""
	if s[0] == '-' {
		sign, s = "-", s[1:]
	}
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return sign + s
}

// counted writes a count and the noun that agrees with it.
func counted(n int64, one, many string) string {
	return grouped(n) + " " + either(n, one, many)
}

// either is the word that agrees with a count.
func either(n int64, one, many string) string {
	if n == 1 {
		return one
	}
	return many
}

// tidy writes a figure with as many digits as a reader needs, and no trailing zeros.
func tidy(v float64) string {
	switch a := math.Abs(v); {
	case a == 0:
		return "0"
	case a >= 1000:
		return grouped(int64(math.Round(v)))
	case a >= 100:
		return strconv.FormatFloat(v, 'f', 0, 64)
	case a >= 10:
		return trimmed(v, 1)
	default:
		return trimmed(v, 2)
	}
}

// exact writes a figure that is compared with another.
func exact(v float64) string {
	if v == math.Trunc(v) && math.Abs(v) < 1<<53 {
		return grouped(int64(v))
	}
	return trimmed(v, 6)
}

func trimmed(v float64, digits int) string {
	s := strconv.FormatFloat(v, 'f', digits, 64)
	if digits == 0 {
		return s
	}
	return strings.TrimSuffix(strings.TrimRight(s, "0"), ".")
}

// lasting writes a time in the unit that suits it: 35 µs, 4.2 ms, 1.63 s.
func lasting(s float64) string {
	switch {
	case s == 0:
		return "0"
	case s < 0.001:
		return strconv.FormatFloat(s*1e6, 'f', 0, 64) + " µs"
	case s < 0.01:
		return strconv.FormatFloat(s*1e3, 'f', 1, 64) + " ms"
	case s < 0.9995:
		return strconv.FormatFloat(s*1e3, 'f', 0, 64) + " ms"
	case s < 100:
		return strconv.FormatFloat(s, 'f', 2, 64) + " s"
	default:
		return strconv.FormatFloat(s, 'f', 0, 64) + " s"
	}
}

// percent writes a share of a whole, never rounded to all or nothing.
func percent(part, whole int64) string {
	p := 100 * float64(part) / float64(whole)
	switch {
	case part != 0 && p < 0.01:
		return "under 0.01 %"
	case part != whole && p > 99.99:
		return "over 99.99 %"
	case p < 1 || p > 99:
		return trimmed(p, 2) + " %"
	default:
		return trimmed(p, 1) + " %"
	}
}

// size writes bytes the way buffer memory is set: 2 MiB, 5.11 MiB, 46,692 bytes.
func size(n int64) string {
	switch {
	case n >= 1<<30:
		return trimmed(float64(n)/(1<<30), 2) + " GiB"
	case n >= 1<<20:
		return trimmed(float64(n)/(1<<20), 2) + " MiB"
	case n >= 100<<10:
		return trimmed(float64(n)/(1<<10), 0) + " KiB"
	default:
		return counted(n, "byte", "bytes")
	}
}

// sentence makes one of a message: a capital at its front, a full stop behind.
func sentence(s string) string {
	s = strings.TrimSpace(s)
	if s == "" {
		return s
	}
	first, width := utf8.DecodeRuneInString(s)
	s = string(unicode.ToUpper(first)) + s[width:]
	if !strings.HasSuffix(s, ".") {
		s += "."
	}
	return s
}

// listed joins phrases as a sentence does: a, b and c.
func listed(phrases []string) string {
	switch len(phrases) {
	case 0:
		return ""
	case 1:
		return phrases[0]
	default:
		return strings.Join(phrases[:len(phrases)-1], ", ") + " and " + phrases[len(phrases)-1]
	}
}

// plain turns a name of the report into words: lost_in_silence, "lost in silence".
func plain(name string) string { return strings.ReplaceAll(name, "_", " ") }
