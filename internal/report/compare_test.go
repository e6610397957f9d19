package report

import (
	"bytes"
	"io"
	"strings"
	"testing"
)

// pair is a small overload, and the same with a larger buffer and no outage.
func pair(t *testing.T) (a, b *Report) {
	t.Helper()
	s := parse(t, small)
	for path, value := range map[string]string{"producer.buffer.memory": "4MiB", "faults": "[]", "title": "Without an outage"} {
		if err := s.Set(path, value); err != nil {
			t.Fatal(err)
		}
	}
	return built(t, parse(t, small), 1), built(t, s, 1)
}

func TestGoldenComparison(t *testing.T) {
	a, b := pair(t)
	c := Compare(a, b)
	var text, page bytes.Buffer
	if err := c.WriteText(&text, false); err != nil {
		t.Fatal(err)
	}
	if err := c.WriteHTML(&page); err != nil {
		t.Fatal(err)
	}
	wellFormed(t, "the comparison", page.Bytes())
	if found := outside.FindString(page.String()); found != "" {
		t.Errorf("the page holds %q", found)
	}
	golden(t, "compared.txt", text.Bytes())
	golden(t, "compared.html", page.Bytes())
}

// TestOnlyWhatDiffersIsASettingThatDiffers.
func TestOnlyWhatDiffersIsASettingThatDiffers(t *testing.T) {
	a, b := pair(t)
	var names []string
	for _, row := range Compare(a, b).Tables[0].Rows {
		names = append(names, row.Name+": "+strings.Join(row.Values, " | "))
	}
	want := "producer.buffer.memory: 2 MiB | 4 MiB\nfaults[0]: outage: at t = 36 s, for 8 s | –"
	if got := strings.Join(names, "\n"); got != want {
		t.Errorf("what differs is\n%s\nwant\n%s", got, want)
	}
	if rows := Compare(a, a).Tables[0].Rows; len(rows) > 0 {
		t.Errorf("a run differs from itself in %v", rows)
	}
}

func TestChange(t *testing.T) {
	for _, c := range []struct {
		a, b float64
		show func(float64) string
		want string
	}{
		{55, 552, messages, "+497 (+904 %)"},
		{552, 55, messages, "−497 (−90 %)"},
		{0, 40, messages, "+40"},
		{1, 5000, messages, "+4,999"},
		{7, 7, messages, ""},
		{1.63, 1.6301, lasting, ""}, // reads the same
		{1.5, 0.5, lasting, "−1.00 s (−66.7 %)"},
	} {
		if got := change(c.a, c.b, c.show); got != c.want {
			t.Errorf("from %v to %v: %q, want %q", c.a, c.b, got, c.want)
		}
	}
}

// TestAnythingCanBeCompared: none, one, many, and runs of which nothing is known.
func TestAnythingCanBeCompared(t *testing.T) {
	a, b := pair(t)
	many := make([]*Report, 30)
	for i := range many {
		many[i] = []*Report{a, b, {}}[i%3]
	}
	for story, runs := range map[string][]*Report{
		"none": nil, "one": {a}, "unknown ones": {{}, {}}, "one that failed": {a, reports(t)["failed at once"]}, "many": many,
	} {
		c := Compare(runs...)
		var page bytes.Buffer
		if err := c.WriteHTML(&page); err != nil {
			t.Fatalf("%s: %v", story, err)
		}
		wellFormed(t, story, page.Bytes())
		if strings.Contains(page.String(), "NaN") {
			t.Errorf("%s: a figure is none", story)
		}
		if err := c.WriteText(io.Discard, true); err != nil {
			t.Errorf("%s: %v", story, err)
		}
	}
	if got := Compare(many...).Runs[27].Letter; got != "B2" {
		t.Errorf("the 28th run is %s", got)
	}
}
