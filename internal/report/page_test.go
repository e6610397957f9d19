package report

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"kafkasim.example/simd/internal/ledger"
)

// outside is whatever would make a page ask for something beyond itself.
var outside = regexp.MustCompile(`(?i)https?:|//[a-z]|\bsrc=|\bhref=|@import|url\(|<script|<link|<iframe`)

func written(t *testing.T, r *Report) string {
	t.Helper()
	var b bytes.Buffer
	if err := r.WriteHTML(&b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestThePageNeedsNothingElse(t *testing.T) {
	for story, r := range reports(t) {
		page := written(t, r)
		wellFormed(t, story, []byte(page))
		if found := outside.FindString(page); found != "" {
			t.Errorf("%s: the page holds %q", story, found)
		}
		for _, broken := range []string{"NaN", "ZgotmplZ", "#010000", "%!", "<no value>"} {
			if strings.Contains(page, broken) {
				t.Errorf("%s: the page holds %q", story, broken)
			}
		}
		ids := make(map[string]bool)
		for _, id := range regexp.MustCompile(` id="[^"]*"`).FindAllString(page, -1) {
			if ids[id] {
				t.Errorf("%s: there are two of%s", story, id)
			}
			ids[id] = true
		}
	}
}

// TestThePageIsMadeOfTheJSONAlone: a report that was kept is as good as a fresh one.
func TestThePageIsMadeOfTheJSONAlone(t *testing.T) {
	for story, r := range reports(t) {
		data, err := json.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		kept := new(Report)
		if err := json.Unmarshal(data, kept); err != nil {
			t.Fatal(err)
		}
		if written(t, kept) != written(t, r) {
			t.Errorf("%s: the page of the report that was kept is another", story)
		}
	}
}

func TestTheFirstScreenAnswers(t *testing.T) {
	lost := map[int64][]ledger.Fact{40: refused(40, 40*time.Second)}
	for _, c := range []struct {
		story string
		lives map[int64][]ledger.Fact
		end   string
		want  []string
	}{
		{"as expected", lost, "completed", []string{"As expected: 60", "1 lost (1.7\u00a0%)", "All 3 expectations held."}},
		{"not as expected", nil, "completed", []string{
			"Not as expected: 60", "1 of 3 expectations did not hold: lost should be == 1 and is 0.",
		}},
		{"stopped", lost, "stopped", []string{"No verdict: 60", "The run is stopped, not completed."}},
	} {
		b := played(t, minute, c.lives)
		b.Add(&ledger.Fact{Kind: ledger.StateChanged, At: time.Minute, Note: c.end})
		page := written(t, b.Report())
		first, _, _ := strings.Cut(page, "What to change")
		for _, want := range append(c.want, "What happened", "60 messages of 1,024\u00a0bytes, 1 a second over 60\u00a0s", "delivered") {
			if !strings.Contains(first, want) {
				t.Errorf("%s: the first screen does not say %q", c.story, want)
			}
		}
	}
}

// TestWhatPeopleWroteIsText, never markup.
func TestWhatPeopleWroteIsText(t *testing.T) {
	const evil = `</style><script>alert(1)</script><img src=x onerror=alert(1)>`
	r := built(t, parse(t, small), 1)
	for _, text := range []*string{&r.Title, &r.About, &r.Story, &r.ID, &r.Scenario, &r.Cluster, &r.Settings, &r.State, &r.Phases[0].Name, &r.Faults[0].Name} {
		*text = evil
	}
	r.Notes = []string{evil}
	r.Causes = map[string]int64{evil: 1}
	r.Timeline[40].Causes = map[string]int64{evil: 1}
	page := written(t, r)
	wellFormed(t, "a hostile report", []byte(page))
	if strings.Contains(page, "<script") || strings.Contains(page, "<img") {
		t.Error("what was written became markup")
	}
	var svg bytes.Buffer
	if err := r.Chart(&svg, "losses", FormatSVG, false); err != nil {
		t.Fatal(err)
	}
	wellFormed(t, "a hostile chart", svg.Bytes())
	var compared bytes.Buffer
	if err := Compare(r, r).WriteHTML(&compared); err != nil {
		t.Fatal(err)
	}
	wellFormed(t, "a hostile comparison", compared.Bytes())
	if strings.Contains(compared.String(), "<script") {
		t.Error("what was written became markup")
	}
}

// TestLossesLieWhereTheApplicationHeardOfThem: row by row, and in all.
func TestLossesLieWhereTheApplicationHeardOfThem(t *testing.T) {
	b := played(t, minute, map[int64][]ledger.Fact{
		7:  refused(7, 7*time.Second), // told 5 s later
		20: {{Kind: ledger.Offered, Seq: 20, At: 20 * time.Second}, {Kind: ledger.Dropped, Seq: 20, At: 21 * time.Second, Cause: ledger.QueueFull}},
		30: delivered(30, 30*time.Second)[:4],                                     // told yes, never written
		59: {{Kind: ledger.Offered, Seq: 59, At: 59 * time.Second}},               // never told
		40: append(refused(40, 40*time.Second), delivered(40, 50*time.Second)[4]), // told no, and there
	})
	r := b.Report()
	want := map[int]string{12: "buffer_exhausted", 21: "queue_full", 30: "acknowledged", 59: "application_killed"}
	var sum int64
	for i, row := range r.Timeline {
		sum += row.Lost
		if got := fmt.Sprint(row.Causes); want[i] == "" && row.Lost != 0 || want[i] != "" && got != fmt.Sprintf("map[%s:1]", want[i]) {
			t.Errorf("row %d: %d lost, %s; want %q", i, row.Lost, got, want[i])
		}
	}
	if sum != r.Lost || r.Lost != 4 {
		t.Errorf("the rows hold %d of %d lost messages", sum, r.Lost)
	}
}

func BenchmarkWriteHTML(b *testing.B) {
	r := built(b, parse(b, small), 1)
	rows := r.Timeline
	for len(r.Timeline) < 1400 { // as long as one of the twenty-minute cases
		for _, row := range rows {
			row.T = float64(len(r.Timeline))
			r.Timeline = append(r.Timeline, row)
		}
	}
	r.Seconds = float64(len(r.Timeline))
	var page bytes.Buffer
	for b.Loop() {
		page.Reset()
		if err := r.WriteHTML(&page); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(page.Len()), "bytes/page")
}
