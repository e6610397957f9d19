package api

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"kafkasim.example/simd/internal/broker"
	"kafkasim.example/simd/internal/run"
)

// daemonFor is a whole daemon on a free port, on the embedded cluster. While deaf
// is set, it drops every connection.
type daemonFor struct {
	*httptest.Server
	runs *run.Registry
	deaf atomic.Bool
}

func startDaemon(t *testing.T, change ...func(*Config)) *daemonFor {
	t.Helper()
	runs, err := run.Open(t.Context(), run.Config{
		DataDir: t.TempDir(), MaxRuns: 4, KeepRuns: 10, ClusterName: "embedded", Logger: slog.New(slog.DiscardHandler),
		Cluster: func(ctx context.Context) (*broker.Cluster, error) {
			return broker.Embed(ctx, broker.EmbedConfig{Brokers: 3, Logger: slog.New(slog.DiscardHandler)})
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	closing := make(chan struct{})
	cfg := Config{
		Runs: Of(runs), Listen: "127.0.0.1:0", Version: "v0.0.0-test", Closing: closing, Logger: slog.New(slog.DiscardHandler),
		Metrics: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "up 1\n") }),
	}
	for _, c := range change {
		c(&cfg)
	}
	d := &daemonFor{runs: runs}
	door := New(cfg)
	d.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if d.deaf.Load() {
			panic(http.ErrAbortHandler)
		}
		door.ServeHTTP(w, r)
	}))
	t.Cleanup(func() {
		for _, r := range runs.List() {
			_ = r.Stop(run.Abrupt) // most have ended
		}
		if err := runs.Close(context.Background()); err != nil {
			t.Error(err)
		}
		close(closing)
		d.CloseClientConnections()
		d.Close()
	})
	return d
}

// still is a run's plan for whoever is in no hurry: hello, so that it lasts.
func (d *daemonFor) still(t *testing.T) *run.Run {
	t.Helper()
	return playHello(t, d.runs, "load.phases[0].for", "10m")
}

// patience is how long a page may take to show what a test waits for. It is no
// measure of anything: a busy machine takes its time.
const patience = 50 * time.Second

// tab is a page of a real browser, whose complaints are kept.
type tab struct {
	t    *testing.T
	ctx  context.Context
	home string

	mu         sync.Mutex
	complaints []string
}

// browse opens a browser with an empty profile, or skips the test where there is none.
func browse(t *testing.T, home string) *tab {
	t.Helper()
	if testing.Short() {
		t.Skip("a browser is not for -short")
	}
	var program string
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if found, err := exec.LookPath(name); err == nil {
			program = found
			break
		}
	}
	if program == "" {
		t.Skip("there is no Chromium here to look at the page with (Debian: apt-get install chromium)")
	}
	options := []chromedp.ExecAllocatorOption{
		chromedp.ExecPath(program), chromedp.UserDataDir(t.TempDir()), chromedp.Headless, chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.NoFirstRun, chromedp.NoDefaultBrowserCheck, chromedp.WindowSize(1360, 900),
	}
	for _, flag := range []string{
		"disable-quic", "disable-background-networking", "disable-component-update", "disable-sync", "disable-dev-shm-usage",
		"disable-extensions", "disable-default-apps", "hide-scrollbars", "mute-audio",
	} {
		options = append(options, chromedp.Flag(flag, true))
	}
	allocator, free := chromedp.NewExecAllocator(t.Context(), options...)
	t.Cleanup(free)
	p := &tab{t: t, home: home}
	ctx, cancel := chromedp.NewContext(allocator, chromedp.WithListener(p.listen))
	p.ctx = ctx
	t.Cleanup(func() {
		_ = chromedp.Cancel(ctx) // waits for the process, so that its folder can go
		cancel()
		p.forgive()
	})
	// The browser lives as long as the context of its first use, so that has no deadline.
	if _, err := chromedp.Call(ctx, network.Enable, network.EnableParams{}); err != nil {
		t.Fatalf("the browser does not start: %v", err)
	}
	if _, err := chromedp.Call(ctx, log.Enable, cdp.Empty{}); err != nil {
		t.Fatal(err)
	}
	return p
}

// listen keeps what no page of ours may do: an error on the console, a request to another host.
func (p *tab) listen(event any) {
	switch e := event.(type) {
	case *runtime.EventConsoleAPICalled:
		if e.Type == runtime.ConsoleAPICalledTypeError || e.Type == runtime.ConsoleAPICalledTypeWarning {
			p.complain("the console says: %s", e.Args[0].Value)
		}
	case *runtime.EventExceptionThrown:
		what := e.ExceptionDetails.Text
		if thrown := e.ExceptionDetails.Exception; thrown != nil {
			what += " " + thrown.Description
		}
		p.complain("the page threw: %s", what)
	case *log.EventEntryAdded:
		if e.Entry.Level == log.EntryLevelError {
			p.complain("the browser says: %s (%s)", e.Entry.Text, e.Entry.URL)
		}
	case *network.EventRequestWillBeSent:
		if u, err := url.Parse(e.Request.URL); err == nil && u.Scheme != "data" && !strings.HasPrefix(e.Request.URL, p.home) {
			p.complain("the page asked another host: %s", e.Request.URL)
		}
	}
}

func (p *tab) complain(format string, args ...any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.complaints = append(p.complaints, fmt.Sprintf(format, args...))
}

// forgive forgets what was said so far, and fails for what is about none of these.
func (p *tab) forgive(about ...string) {
	p.t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, complaint := range p.complaints {
		if !slices.ContainsFunc(about, func(text string) bool { return strings.Contains(complaint, text) }) {
			p.t.Error(complaint)
		}
	}
	p.complaints = nil
}

// ask does an action and returns its value.
func ask[T any](p *tab, action chromedp.Action[T]) T {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	value, err := chromedp.Run(ctx, action)
	if err != nil {
		p.fail(err)
	}
	return value
}

func (p *tab) open(path string)      { p.t.Helper(); ask(p, chromedp.Navigate(p.home+path)) }
func (p *tab) click(selector string) { p.t.Helper(); ask(p, chromedp.Click(chromedp.CSS(selector))) }
func (p *tab) fill(selector, text string) {
	p.t.Helper()
	ask(p, chromedp.SetValue(chromedp.CSS(selector), text))
}

// until waits for a condition, written in JavaScript, of this page or of the one
// that it leads to: a page that goes away takes the question with it.
func (p *tab) until(condition string) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	poll := chromedp.Poll[bool]("Boolean("+condition+")", chromedp.WithPollingInterval(50*time.Millisecond), chromedp.WithPollingTimeout(patience))
	for {
		_, err := chromedp.Run(ctx, poll)
		if err == nil {
			return
		}
		gone := strings.Contains(err.Error(), "navigated") || strings.Contains(err.Error(), "Cannot find context")
		if ctx.Err() != nil || !gone {
			p.fail(fmt.Errorf("waiting for %s: %w", condition, err))
		}
	}
}

// fail ends the test and tells what the page shows.
func (p *tab) fail(err error) {
	p.t.Helper()
	seen, _ := chromedp.Run(p.ctx, chromedp.Evaluate[string]("location.href + ' ' + document.body.innerText"))
	p.t.Fatalf("%v; the page shows:\n%s", err, seen)
}

// text is what an element shows.
func (p *tab) text(selector string) string {
	p.t.Helper()
	return ask(p, chromedp.Text(chromedp.CSS(selector)))
}

// scheme makes the page light or dark, and so many pixels wide and high.
func (p *tab) scheme(name string, width, height int64, scale float64) {
	p.t.Helper()
	_, err := chromedp.Call(p.ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: name}},
	})
	if err != nil {
		p.t.Fatal(err)
	}
	ask(p, chromedp.EmulateViewport(width, height, chromedp.EmulateScale(scale)))
}

// picture is how the page looks.
func (p *tab) picture(whole bool) []byte {
	p.t.Helper()
	shot := chromedp.CaptureScreenshot()
	if whole {
		shot = chromedp.FullScreenshot(100)
	}
	png := ask(p, shot)
	if !bytes.HasPrefix(png, []byte("\x89PNG")) {
		p.t.Fatalf("the picture is no PNG")
	}
	return png
}

// accessible checks what everybody needs of the page as it stands.
func (p *tab) accessible() {
	p.t.Helper()
	script, err := os.ReadFile("testdata/accessible.js")
	if err != nil {
		p.t.Fatal(err)
	}
	for _, complaint := range ask(p, chromedp.Evaluate[[]string](string(script))) {
		p.t.Errorf("not everybody can use this page: %s", complaint)
	}
}
