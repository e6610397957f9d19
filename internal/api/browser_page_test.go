package api

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"kafkasim.example/simd/internal/run"
)

// overload makes hello a producer that gets a tenth of what it sends through: its
// four batches of buffer are full at once, and who waits for room waits in vain.
const overload = `# more than the brokers let through
load.phases[0].rate = 400
load.phases[0].for = 10m
message.bytes = 1000

producer.buffer.memory = 64KiB
producer.max.block.ms = 300
quotas.producer_byte_rate = 20000
publisher.workers = 200`

// TestBrowserStartWatchStopRead is what the page is for, in a real browser: start
// a run with a click, watch the buffer run dry, stop it, read what came of it.
func TestBrowserStartWatchStopRead(t *testing.T) {
	d := startDaemon(t)
	p := browse(t, d.URL)
	p.open("/")
	p.until(`document.querySelectorAll("form[data-scenario]").length >= 7`)
	p.accessible()

	const form = `form[data-scenario="hello"] `
	p.click(form + "summary")
	p.fill(form+"textarea", "load.phases[0].rat = 400")
	p.click(form + "button")
	p.until(`document.querySelector('` + form + `textarea').getAttribute("aria-invalid") === "true"`)
	if said := p.text(form + ".note"); !strings.Contains(said, "load.phases[0].rat is no field of a phase; want load.phases[0].rate") {
		t.Errorf("what is wrong is told as %q", said)
	}
	p.forgive("422") // the browser says it too
	p.fill(form+"textarea", overload)
	p.click(form + "button")

	p.until(`location.pathname.endsWith("/live") && Number(document.querySelector("#page")?.dataset.drawn) > 4`)
	p.until(`document.querySelector("#graph-buffer output").textContent === "0 B"`)
	p.until(`document.querySelector("#causes").textContent.includes("buffer exhausted")`)
	p.until(`Number(document.querySelector("#n-lost").textContent.replace(/,/g, "")) > 10`)
	if drawn := ask(p, chromedp.Evaluate[int](`document.querySelectorAll("#graphs path.line").length`)); drawn < 7 {
		t.Errorf("%d lines are drawn", drawn)
	}
	p.accessible()
	p.scheme("dark", 390, 844, 1)
	p.accessible()
	p.scheme("light", 1360, 900, 1)

	p.click("#abrupt") // asks first
	p.until(`document.querySelector("#confirm").open`)
	p.accessible()
	p.click(`#confirm button[value="no"]`)
	p.until(`!document.querySelector("#confirm").open && document.querySelector("#state").textContent === "running"`)
	p.click("#graceful")
	p.until(`document.querySelector("#page").dataset.over === "yes"`)
	if said := p.text("#verdict"); !strings.Contains(said, "the run is stopped") || !strings.Contains(said, "lost") {
		t.Errorf("the verdict: %s", said)
	}
	p.accessible()
	p.click("#report")
	p.until(`location.pathname.endsWith("/report") && document.querySelector("h1")?.textContent.includes("A first run")`)

	// The first page shows it now, and a second one that is compared with it.
	playHello(t, d.runs, "load.phases[0].for", "100ms")
	p.open("/")
	p.until(`document.querySelectorAll("#rows input:enabled").length === 2`)
	p.click("#rows tr:nth-child(1) input")
	p.click("#rows tr:nth-child(2) input")
	p.accessible()
	p.click("#compare")
	p.until(`location.pathname === "/compare" && document.querySelectorAll(".matrix").length === 2`)
}

// TestBrowserStopsAbruptly, by the keyboard alone.
func TestBrowserStopsAbruptly(t *testing.T) {
	d := startDaemon(t)
	r := d.still(t)
	p := browse(t, d.URL)
	p.open("/runs/" + r.ID() + "/live")
	p.until(`document.querySelector("#state").textContent === "running"`)
	ask(p, chromedp.Focus(chromedp.CSS("#abrupt")))
	ask(p, chromedp.KeyEvent("\r"))
	p.until(`document.querySelector("#confirm").open && document.activeElement.value === "no"`)
	ask(p, chromedp.KeyEvent("\t"))
	ask(p, chromedp.KeyEvent("\r"))
	p.until(`document.querySelector("#page").dataset.over === "yes"`)
	<-r.Done()
	if got := r.Status().State; got != run.Stopped {
		t.Errorf("the run is %s", got)
	}
}

// TestBrowserComesBack: the connection is lost in the middle of a run.
func TestBrowserComesBack(t *testing.T) {
	d := startDaemon(t)
	r := d.still(t)
	p := browse(t, d.URL)
	p.open("/runs/" + r.ID() + "/live")
	p.until(`Number(document.querySelector("#page").dataset.drawn) > 1`)
	d.deaf.Store(true)
	d.CloseClientConnections()
	p.until(`/lost|does not answer/.test(document.querySelector("#connection").textContent)`)
	p.accessible()
	d.deaf.Store(false)
	p.until(`document.querySelector("#connection").textContent === "Connected again."`)
	p.forgive("ERR_")
	if err := r.Stop(run.Graceful); err != nil {
		t.Fatal(err)
	}
	p.until(`document.querySelector("#page").dataset.over === "yes" && document.querySelector("#verdict strong")`)
}

// TestBrowserSignsIn: a daemon with a token, from a link to a run on.
func TestBrowserSignsIn(t *testing.T) {
	d := startDaemon(t, func(c *Config) { c.Token = "open sesame" })
	r := d.still(t)
	p := browse(t, d.URL)
	p.open("/runs/" + r.ID() + "/live")
	p.accessible()
	p.fill("#token", "open barley")
	p.click("button")
	p.until(`document.querySelector("[role=alert]")`)
	p.forgive("401") // twice: the page itself, and the wrong token
	p.fill("#token", "open sesame")
	p.click("button")
	p.until(`document.querySelector("#state")?.textContent === "running" && Number(document.querySelector("#page").dataset.drawn) > 1`)
	p.click("#graceful")
	p.until(`document.querySelector("#page").dataset.over === "yes"`)
}

// pictureTo is where TestBrowserPicture puts what it sees.
var pictureTo = flag.String("picture", "", "write a picture of the live page during case 2 to this `FILE` (.png); takes a minute and a half")

// TestBrowserPicture makes the picture at the top of README.md, of a real run.
func TestBrowserPicture(t *testing.T) {
	if *pictureTo == "" {
		t.Skip("no -picture FILE: nobody wants one")
	}
	d := startDaemon(t)
	p := browse(t, d.URL)
	p.scheme("light", 1320, 1180, 1.5)
	p.open("/")
	p.click(`form[data-scenario="case-2"] button`)
	p.until(`Number(document.querySelector("#page")?.dataset.drawn) > 1`)
	for _, seconds := range []string{"500", "1130"} { // each within the page's patience
		p.until(`Number(document.querySelector("#page").dataset.drawn) > ` + seconds)
	}
	name, err := filepath.Abs(*pictureTo)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, p.picture(false), 0o644); err != nil {
		t.Fatal(err)
	}
	p.click("#abrupt")
	p.click(`#confirm button[value="yes"]`)
	p.until(`document.querySelector("#page").dataset.over === "yes"`)
}
