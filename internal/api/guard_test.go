package api

import (
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"
)

func textLog(w io.Writer) *slog.Logger { return slog.New(slog.NewTextHandler(w, nil)) }

// TestForeignPages holds what a page of another site can make a browser send.
func TestForeignPages(t *testing.T) {
	rows := []struct {
		story   string
		method  string
		headers header
		status  int
	}{
		{"curl", "POST", nil, 201},
		{"our own page", "POST", header{"Origin": "http://127.0.0.1:8080", "Sec-Fetch-Site": "same-origin"}, 201},
		{"a foreign page", "POST", header{"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}, 403},
		{"a foreign page in an old browser", "POST", header{"Origin": "https://evil.example"}, 403},
		{"a page on another port of this machine", "POST", header{"Origin": "http://localhost:3000", "Sec-Fetch-Site": "same-site"}, 403},
		{"a foreign script that reads", "GET", header{"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"}, 403},
		{"a link on a foreign page", "GET", header{"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}, 200},
		{"a name that was made to point here", "GET", header{"Host": "evil.example:8080"}, 403},
		{"the same with a name that looks like ours", "GET", header{"Host": "localhost.evil.example:8080"}, 403},
		{"an address of another network", "GET", header{"Host": "192.168.1.5:8080"}, 403},
		{"localhost", "GET", header{"Host": "localhost:8080"}, 200},
		{"the IPv6 loopback", "GET", header{"Host": "[::1]:8080"}, 200},
		{"a name that the operator gave", "GET", header{"Host": "SIMD.internal"}, 200},
	}
	v := visit(t, newShelf(), func(c *Config) { c.Hosts = []string{"simd.internal"} })
	for _, row := range rows {
		t.Run(row.story, func(t *testing.T) {
			body := ""
			if row.method == "POST" {
				body = `{"scenario": "case-1"}`
			}
			rec := v.do(row.method, "/runs", body, row.headers)
			if rec.Code != row.status {
				t.Errorf("status %d, want %d: %s", rec.Code, row.status, rec.Body)
			}
			if row.status == 403 {
				wantProblem(t, rec, 403, "")
			}
		})
	}
}

func TestAnAddressIsNoReboundName(t *testing.T) {
	v := visit(t, newShelf(), func(c *Config) { c.Listen, c.Token = "0.0.0.0:8080", "secret" })
	bearer := header{"Authorization": "Bearer secret", "Host": "192.168.1.5:8080"}
	if rec := v.do("GET", "/runs", "", bearer); rec.Code != 200 {
		t.Errorf("by the machine's address: %d %s", rec.Code, rec.Body)
	}
	bearer["Host"] = "evil.example"
	wantProblem(t, v.do("GET", "/runs", "", bearer), 403, "header.Host")
}

func TestToken(t *testing.T) {
	v := visit(t, newShelf(), func(c *Config) { c.Token = "secret" })
	for given, status := range map[string]int{
		"": 401, "secret": 401, "Bearer": 401, "Bearer ": 401, "Bearer secre": 401, "Bearer secrets": 401,
		"Basic secret": 401, "Bearer secret": 200, "bearer secret": 200,
	} {
		for _, path := range []string{"/runs", "/metrics", "/readyz", "/docs", "/openapi.json"} {
			rec := v.do("GET", path, "", header{"Authorization": given})
			if rec.Code != status {
				t.Errorf("%q on %s: %d, want %d", given, path, rec.Code, status)
			}
			if status == 401 && !strings.HasPrefix(rec.Header().Get("WWW-Authenticate"), "Bearer") {
				t.Errorf("%q on %s: no WWW-Authenticate", given, path)
			}
		}
	}
	wantProblem(t, v.get("/nothing"), 401, "header.Authorization")
	if rec := v.get("/healthz"); rec.Code != http.StatusOK {
		t.Errorf("/healthz without a token: %d", rec.Code)
	}
}

func TestLoopback(t *testing.T) {
	for address, is := range map[string]bool{
		"127.0.0.1:8080": true, "localhost:0": true, "[::1]:8080": true, "127.8.9.1:1": true,
		":8080": false, "0.0.0.0:8080": false, "[::]:8080": false, "192.168.1.2:80": false, "simd.internal:80": false,
	} {
		if got := Loopback(address); got != is {
			t.Errorf("Loopback(%q) = %v", address, got)
		}
	}
}
