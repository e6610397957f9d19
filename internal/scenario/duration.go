package scenario

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// span is a duration with its unit.
func span(p *time.Duration, least, most time.Duration) value {
	return leaf[time.Duration]{
		p:    p,
		want: fmt.Sprintf("a duration with its unit from %s to %s, such as 15s or 1m30s", short(least), short(most)),
		parse: func(n *node) (time.Duration, string) {
			switch n.kind {
			case isNumber:
				return 0, is(n) + ", which has no unit"
			case isText:
				if d, ok := parseDuration(n.text); ok {
					return d, ""
				}
			}
			return 0, is(n)
		},
		judge:  within(least, most),
		format: func(d time.Duration) *node { return text(short(d)) },
	}
}

// longestInJava is Java's Integer.MAX_VALUE in milliseconds, nearly 25 days: what
// people write for "for ever".
const longestInJava = maxInt * time.Millisecond

// millis is one of the Java client's *.ms properties: milliseconds as a
// number, or a duration with its unit.
func millis(p *time.Duration) value {
	return counted(p, time.Millisecond, 0, longestInJava, "milliseconds from 0 to 2,147,483,647, such as 5000 or 5s")
}

// counted is a duration whose name says its unit, so that a bare number will do.
func counted(p *time.Duration, unit, least, most time.Duration, want string) value {
	return leaf[time.Duration]{
		p:    p,
		want: want,
		parse: func(n *node) (time.Duration, string) {
			switch n.kind {
			case isNumber:
				if v, err := strconv.ParseFloat(n.text, 64); err == nil && math.Abs(v) <= 2*maxInt {
					return time.Duration(math.Round(v * float64(unit))), ""
				}
			case isText:
				if d, ok := parseDuration(n.text); ok {
					return d, ""
				}
			}
			return 0, is(n)
		},
		judge: within(least, most),
		format: func(d time.Duration) *node {
			digits := len(strconv.Itoa(int(unit))) - 1
			v := strconv.FormatInt(int64(d/unit), 10)
			if rest := d % unit; rest != 0 {
				v += "." + strings.TrimRight(fmt.Sprintf("%0*d", digits, rest), "0")
			}
			return number(v)
		},
	}
}

func within(least, most time.Duration) func(time.Duration) string {
	return func(d time.Duration) string {
		if outside(d, least, most) {
			return "is " + short(d)
		}
		return ""
	}
}

// parseDuration reads what time.ParseDuration does, and days.
func parseDuration(s string) (time.Duration, bool) {
	var days time.Duration
	if head, rest, ok := strings.Cut(s, "d"); ok {
		n, err := strconv.ParseUint(head, 10, 16)
		if err != nil {
			return 0, false
		}
		if days = time.Duration(n) * 24 * time.Hour; rest == "" {
			return days, true
		}
		s = rest
	}
	d, err := time.ParseDuration(s)
	if err != nil || s == "0" || days != 0 && (d < 0 || s[0] == '+') || d > math.MaxInt64-days {
		return 0, false
	}
	return days + d, true
}

// short is a duration as people write it: 20m, not 20m0s.
func short(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}
