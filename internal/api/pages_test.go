package api

import (
	"bytes"
	"io/fs"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"kafkasim.example/simd/internal/report"
	"kafkasim.example/simd/internal/run"
	"kafkasim.example/simd/internal/scenario"
)

// browsers say this of what they would like to see.
const browserAccept = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"

func aShelf(t *testing.T) *shelf {
	t.Helper()
	plan, err := scenario.Preset("case-2")
	if err != nil {
		t.Fatal(err)
	}
	plan.Title = `<script>alert("title")</script>`
	s := newShelf()
	s.runs = []*frozen{{id: "on", state: run.Running, speed: 20, req: run.Request{Scenario: plan, Speed: 20}}}
	return s
}

func TestPagesHoldNothingOfAnybodyElse(t *testing.T) {
	v := visit(t, aShelf(t))
	for path, holds := range map[string]string{"/": "Overloading the producer", "/runs/on/live": "20 times as fast"} {
		rec := v.do("GET", path, "", header{"Accept": browserAccept})
		page := rec.Body.String()
		if rec.Code != 200 || rec.Header().Get("Content-Type") != "text/html; charset=utf-8" || !strings.Contains(page, holds) {
			t.Fatalf("%s: %d %s: %.300s", path, rec.Code, rec.Header(), page)
		}
		for name, value := range map[string]string{
			"Content-Security-Policy": pagePolicy, "X-Content-Type-Options": "nosniff", "Cache-Control": "no-store",
			"Referrer-Policy": "same-origin", "Cross-Origin-Resource-Policy": "same-origin",
		} {
			if got := rec.Header().Get(name); got != value {
				t.Errorf("%s: %s is %q, want %q", path, name, got, value)
			}
		}
		if found := regexp.MustCompile(`(?i)<script(?: type="module")?>|<style|\son\w+=|\sstyle=|//[a-z]`).FindString(page); found != "" {
			t.Errorf("%s holds %q, which its own policy forbids", path, found)
		}
	}
	wantProblem(t, v.get("/runs/nobody/live"), 404, "path.id")
}

// TestAssets: everything a page names is there, and a browser's copy is asked about.
func TestAssets(t *testing.T) {
	v := visit(t, aShelf(t), func(c *Config) { c.Token = "secret" }) // whoever signs in needs them
	types := map[string]string{".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8", ".svg": "image/svg+xml"}
	files, err := fs.ReadDir(web, "web")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		text, err := fs.ReadFile(web, "web/"+file.Name())
		if err != nil {
			t.Fatal(err)
		}
		for _, named := range regexp.MustCompile(`"(?:/assets/|\./)([\w.]+)"`).FindAllSubmatch(text, -1) {
			rec := v.get("/assets/" + string(named[1]))
			if _, ending, _ := bytes.Cut(named[1], []byte(".")); rec.Code != 200 || rec.Header().Get("Content-Type") != types["."+string(ending)] {
				t.Errorf("%s names %s: %d, %s", file.Name(), named[1], rec.Code, rec.Header())
			}
		}
		if bytes.Contains(text, []byte("http://")) && !bytes.Contains(text, []byte("http://www.w3.org/2000/svg")) {
			t.Errorf("%s names another host", file.Name())
		}
	}
	if icon := v.get("/favicon.ico"); icon.Code != 200 || icon.Header().Get("Content-Type") != "image/svg+xml" {
		t.Errorf("the icon: %d %s", icon.Code, icon.Header())
	}
	first := v.get("/assets/live.js")
	tag := first.Header().Get("ETag")
	if first.Header().Get("Cache-Control") != "no-cache" || tag == "" {
		t.Errorf("live.js may be kept as %s", first.Header())
	}
	if again := v.do("GET", "/assets/live.js", "", header{"If-None-Match": tag}); again.Code != http.StatusNotModified || again.Body.Len() != 0 {
		t.Errorf("the same live.js again: %d, %d bytes", again.Code, again.Body.Len())
	}
	for _, path := range []string{"/assets/none.js", "/assets/live.html", "/assets/..%2Fapi.go", "/assets/"} {
		if rec := v.do("GET", path, "", header{"Authorization": "Bearer secret"}); rec.Code != http.StatusNotFound {
			t.Errorf("%s: %d", path, rec.Code)
		}
	}
}

// sign posts the form of the page that asks for the token.
func (v visitor) sign(token, next string) (status int, where, body string, cookie *http.Cookie) {
	form := url.Values{"token": {token}, "next": {next}}.Encode()
	rec := v.do("POST", "/session", form, header{
		"Content-Type": "application/x-www-form-urlencoded", "Sec-Fetch-Site": "same-origin", "Origin": "http://127.0.0.1:8080",
	})
	for _, c := range rec.Result().Cookies() {
		cookie = c
	}
	return rec.Code, rec.Header().Get("Location"), rec.Body.String(), cookie
}

func TestABrowserSignsIn(t *testing.T) {
	v := visit(t, aShelf(t), func(c *Config) { c.Token = "secret" })
	asked := v.do("GET", "/runs/on/live?x=1", "", header{"Accept": browserAccept})
	if asked.Code != 401 || !strings.Contains(asked.Body.String(), `value="/runs/on/live?x=1"`) || asked.Header().Get("Content-Security-Policy") != pagePolicy {
		t.Errorf("a browser without a session: %d %s", asked.Code, asked.Body)
	}
	status, _, body, cookie := v.sign("secrets", "/")
	if status != 401 || cookie != nil || !strings.Contains(body, "not the daemon") {
		t.Errorf("with a wrong token: %d, cookie %v: %s", status, cookie, body)
	}
	status, where, _, cookie := v.sign("secret", "/runs/on/live?x=1")
	if status != 303 || where != "/runs/on/live?x=1" || cookie == nil {
		t.Fatalf("with the token: %d to %s, cookie %v", status, where, cookie)
	}
	if !cookie.HttpOnly || cookie.SameSite != http.SameSiteStrictMode || cookie.Path != "/" || cookie.MaxAge != 12*3600 || strings.Contains(cookie.Value, "secret") {
		t.Errorf("the cookie: %+v", cookie)
	}
	session := header{"Cookie": cookie.Name + "=" + cookie.Value, "Accept": browserAccept}
	for _, path := range []string{"/", "/runs/on/live", "/runs", "/runs/on/timeline"} {
		if rec := v.do("GET", path, "", session); rec.Code != 200 {
			t.Errorf("%s with a session: %d", path, rec.Code)
		}
	}
	// A cookie alone lets no other site's page do anything.
	session["Origin"], session["Sec-Fetch-Site"] = "https://evil.example", "cross-site"
	wantProblem(t, v.do("POST", "/runs/on/stop", `{"mode":"abrupt"}`, session), 403, "header.Origin")
}

func TestSessionsThatAreNone(t *testing.T) {
	v := visit(t, aShelf(t), func(c *Config) { c.Token = "secret" })
	ours, others := newGuard(Config{Token: "secret"}), newGuard(Config{Token: "another"})
	later, over := time.Now().Add(time.Hour), time.Now().Add(-time.Second)
	end, seal, _ := strings.Cut(ours.sealed(later), ".")
	for story, value := range map[string]string{
		"empty": "", "no seal": end, "an empty seal": end + ".", "made up": end + ".AAAA", "another end": "9" + end + "." + seal,
		"of another token": others.sealed(later), "over": ours.sealed(over), "no number": "x." + seal,
	} {
		rec := v.do("GET", "/runs", "", header{"Cookie": sessionCookie + "=" + value})
		if rec.Code != 401 {
			t.Errorf("a session that is %s: %d", story, rec.Code)
		}
	}
	if rec := v.do("GET", "/runs", "", header{"Cookie": sessionCookie + "=" + ours.sealed(later)}); rec.Code != 200 {
		t.Errorf("a session that goes on: %d", rec.Code)
	}
}

func TestSigningInLeadsNowhereElse(t *testing.T) {
	v := visit(t, aShelf(t), func(c *Config) { c.Token = "secret" })
	for _, next := range []string{"", "https://evil.example", "//evil.example", `/\evil.example`, "javascript:alert(1)", "/\tevil", "evil"} {
		if _, where, _, _ := v.sign("secret", next); where != "/" {
			t.Errorf("next %q leads to %q", next, where)
		}
	}
}

func TestCharts(t *testing.T) {
	v := visit(t, ended(t))
	for _, name := range report.ChartNames() {
		rec := v.get("/runs/over/charts/" + name + ".svg")
		if rec.Code != 200 || rec.Header().Get("Content-Type") != "image/svg+xml" || !strings.HasPrefix(rec.Body.String(), "<svg") {
			t.Errorf("%s: %d %s %.40s", name, rec.Code, rec.Header().Get("Content-Type"), rec.Body)
		}
	}
	light, dark := v.get("/runs/over/charts/buffer.png"), v.get("/runs/over/charts/buffer.png?dark=true")
	if light.Header().Get("Content-Type") != "image/png" || !strings.HasPrefix(light.Body.String(), "\x89PNG") || light.Body.String() == dark.Body.String() {
		t.Errorf("buffer.png: %d %s", light.Code, light.Header())
	}
	if p := wantProblem(t, v.get("/runs/over/charts/bufer.png"), 404, "path.file"); !strings.Contains(p.Detail, "buffer") {
		t.Errorf("the nearest chart is not named: %s", p.Detail)
	}
	wantProblem(t, v.get("/runs/over/charts/buffer.gif"), 404, "path.file")
	wantProblem(t, v.get("/runs/nobody/charts/buffer.png"), 404, "path.id")
}

func TestCompare(t *testing.T) {
	s := ended(t)
	s.runs = append(s.runs,
		&frozen{id: "too", state: run.Completed, speed: 20, verdict: &report.Report{ID: "too", Scenario: "case-2"}},
		&frozen{id: "on", state: run.Running})
	v := visit(t, s)
	both := want[report.Comparison](t, v.get("/compare?runs=over,too"), 200)
	if len(both.Runs) != 2 || both.Runs[0].ID != "over" || both.Runs[1].Letter != "B" {
		t.Errorf("the comparison: %+v", both.Runs)
	}
	if rec := v.do("GET", "/compare?runs=over,too", "", header{"Accept": browserAccept}); !strings.HasPrefix(rec.Body.String(), "<!doctype html>") {
		t.Errorf("to a browser: %.60s", rec.Body)
	}
	if rec := v.get("/compare?runs=over,too&format=text"); !strings.Contains(rec.Body.String(), "case-2") {
		t.Errorf("as text: %s", rec.Body)
	}
	wantProblem(t, v.get("/compare"), 422, "query.runs")
	wantProblem(t, v.get("/compare?runs=over"), 422, "query.runs")
	wantProblem(t, v.get("/compare?runs=a,b,c,d,e,f,g,h,i"), 422, "query.runs")
	wantProblem(t, v.get("/compare?runs=over,nobody"), 404, "query.runs")
	wantProblem(t, v.get("/compare?runs=over,on"), 409, "query.runs")
}
