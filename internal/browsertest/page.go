package browsertest

import (
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// patience is how long all that a test does with its page may take.
const patience = 2 * time.Minute

// Page is a tab of a browser of its own, which ends with the test.
type Page struct {
	t   testing.TB
	ctx context.Context
}

// Open opens the page at url.
func Open(t testing.TB, url string) *Page {
	t.Helper()
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(program(t)), chromedp.NoSandbox, chromedp.WindowSize(1360, 900),
		chromedp.Flag("disable-dev-shm-usage", true), chromedp.Flag("disable-background-networking", true),
		chromedp.Flag("disable-component-update", true), chromedp.Flag("disable-quic", true))
	alloc, endAlloc := chromedp.NewExecAllocator(context.Background(), options...)
	t.Cleanup(endAlloc)
	ctx, end := chromedp.NewContext(alloc)
	t.Cleanup(end)
	ctx, endTime := context.WithTimeout(ctx, patience)
	t.Cleanup(endTime)
	p := &Page{t, ctx}
	p.Go(url)
	return p
}

// program is where Chromium is.
func program(t testing.TB) string {
	t.Helper()
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	const missing = "Chromium is not installed (Debian: apt-get install chromium)"
	if os.Getenv("PACKETMQ_NEED_CHROMIUM") != "" {
		t.Fatal(missing)
	}
	t.Skip(missing)
	return ""
}

// Go has the tab go to another page, and waits until that is loaded.
func (p *Page) Go(url string) {
	p.t.Helper()
	if _, err := chromedp.Run(p.ctx, chromedp.Navigate(url)); err != nil {
		p.t.Fatalf("Chromium: %s: %v", url, err)
	}
}

// Run runs a script and returns the text that it, or its promise, brings.
func (p *Page) Run(script string) string {
	p.t.Helper()
	text, err := chromedp.Run(p.ctx, chromedp.Evaluate[string](script, chromedp.EvalAwaitPromise))
	if err != nil {
		p.t.Fatalf("Chromium: %v", err)
	}
	return text
}

// Wait waits until a JavaScript expression is true. One that throws is false.
func (p *Page) Wait(what, expression string) {
	p.t.Helper()
	quoted, _ := json.Marshal(what)
	if text := p.Run(`new Promise(resolve => {
		const end = Date.now() + 20000;
		const look = () => {
			let found = false;
			try { found = Boolean(` + expression + `); } catch (err) { found = false; }
			if (found) resolve("");
			else if (Date.now() > end) resolve("no " + ` + string(quoted) + ` + " in " + document.body.innerText.slice(0, 2000));
			else setTimeout(look, 20);
		};
		look();
	})`); text != "" {
		p.t.Fatal(text)
	}
}

// Click clicks on the first element of a CSS selector, once it is to be seen.
func (p *Page) Click(selector string) {
	p.t.Helper()
	if _, err := chromedp.Run(p.ctx, chromedp.Click(chromedp.CSS(selector), chromedp.NodeVisible)); err != nil {
		p.t.Fatalf("Chromium: click on %s: %v", selector, err)
	}
}

// Type types text into the first element of a CSS selector.
func (p *Page) Type(selector, text string) {
	p.t.Helper()
	if _, err := chromedp.Run(p.ctx, chromedp.SendKeys(chromedp.CSS(selector), text, chromedp.NodeVisible)); err != nil {
		p.t.Fatalf("Chromium: typing into %s: %v", selector, err)
	}
}

// Screenshot returns what is to be seen, as a PNG.
func (p *Page) Screenshot() []byte {
	p.t.Helper()
	png, err := chromedp.Run(p.ctx, chromedp.CaptureScreenshot())
	if err != nil {
		p.t.Fatalf("Chromium: %v", err)
	}
	return png
}
