package api

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"runtime/debug"
	"strings"
	"time"
)

const (
	// maxBody is the largest request body, in bytes: a scenario is a page of text.
	maxBody = 1 << 20
	// answerWithin is how long a client may take to read an ordinary answer, or
	// one portion of a stream.
	answerWithin = 30 * time.Second
)

// guard decides who may come in.
type guard struct {
	want     [sha256.Size]byte // of the token
	closed   bool              // a token is wanted
	anyIP    bool              // called by an address of any of the machine's networks
	hosts    map[string]bool
	crossing *http.CrossOriginProtection
}

func newGuard(cfg Config) *guard {
	g := &guard{
		want:     sha256.Sum256([]byte(cfg.Token)),
		closed:   cfg.Token != "",
		anyIP:    !Loopback(cfg.Listen),
		hosts:    map[string]bool{},
		crossing: http.NewCrossOriginProtection(),
	}
	for _, host := range append(cfg.Hosts, hostOf(cfg.Listen)) {
		if host = strings.ToLower(strings.TrimSpace(host)); host != "" {
			g.hosts[host] = true
		}
	}
	return g
}

// Loopback says whether a listener on this address, host:port, can only be
// reached from this machine.
func Loopback(address string) bool {
	host := hostOf(address)
	if strings.EqualFold(host, "localhost") {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.IsLoopback()
}

// hostOf is the host of host:port, without the brackets of an IPv6 address.
func hostOf(address string) string {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		host = address
	}
	return strings.Trim(host, "[]")
}

// host refuses requests under a name that is not ours. Any web page can make its
// own name point at this machine (DNS rebinding), and the browser then takes
// what we answer for the page's own; but it cannot hide the name it used. An
// address in place of a name cannot be rebound.
func (g *guard) host(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host := strings.ToLower(hostOf(r.Host))
		ip, err := netip.ParseAddr(host)
		isIP := err == nil
		if host == "localhost" || isIP && (g.anyIP || ip.IsLoopback()) || g.hosts[host] {
			next.ServeHTTP(w, r)
			return
		}
		newProblem(http.StatusForbidden,
			fmt.Sprintf("this daemon does not answer to the name %q; SIMD_HOSTS lists the names it answers to", clip(host)),
			fault("header.Host", fmt.Sprintf("is %q", clip(host)), "a name of this daemon")).write(w)
	})
}

// origin refuses what the page of another site asks for: whatever changes
// something, and whatever is fetched in the background.
func (g *guard) origin(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		err := g.crossing.Check(r)
		if err == nil && r.Header.Get("Sec-Fetch-Site") == "cross-site" && r.Header.Get("Sec-Fetch-Mode") != "navigate" {
			err = errors.New("a background request from another site")
		}
		if err != nil {
			newProblem(http.StatusForbidden, "requests made by another site's page are refused",
				fault("header.Origin", "is that of another site", "")).write(w)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// token refuses who neither knows the token nor has signed in with it. Who looks
// with a browser is asked for it.
func (g *guard) token(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		scheme, given, _ := strings.Cut(r.Header.Get("Authorization"), " ")
		switch {
		case !g.closed, open(r.URL.Path), strings.EqualFold(scheme, "Bearer") && g.knows(given), g.signedIn(r):
			next.ServeHTTP(w, r)
		case browsing(r):
			showSignIn(w, signIn{Next: within(r.URL.RequestURI())})
		default:
			w.Header().Set("WWW-Authenticate", `Bearer realm="simd"`)
			newProblem(http.StatusUnauthorized, "this daemon wants its token: Authorization: Bearer <SIMD_TOKEN>",
				fault("header.Authorization", "holds no token, or not the right one", "")).write(w)
		}
	})
}

// headers says what browsers need to know of every answer.
func headers(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; img-src 'self' data:; frame-ancestors 'none'; base-uri 'none'; form-action 'none'")
		h.Set("Cache-Control", "no-store")
		next.ServeHTTP(w, r)
	})
}

// deadlines keeps a client that stops reading from holding a connection. The
// server has no deadline of its own for that, as it would end streams too.
func deadlines(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		extend(w)
		next.ServeHTTP(w, r)
	})
}

// extend gives the client time to read what is written next.
func extend(w http.ResponseWriter) {
	// A writer that knows no deadline, as in a test, has no client to wait for.
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(answerWithin))
}

// recoverer turns a panic into a problem and a line in the log: one request
// fails, and the runs go on.
func recoverer(log *slog.Logger) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			sent := &watched{ResponseWriter: w}
			defer func() {
				cause := recover()
				if cause == nil {
					return
				}
				if err, ok := cause.(error); ok && errors.Is(err, http.ErrAbortHandler) || r.Context().Err() != nil {
					panic(http.ErrAbortHandler) // the client has gone: net/http ends the connection, quietly
				}
				log.Error("a handler panicked", "method", r.Method, "path", r.URL.Path, "panic", cause, "stack", string(debug.Stack()))
				if sent.begun {
					panic(http.ErrAbortHandler) // half an answer must not look like a whole one
				}
				newProblem(http.StatusInternalServerError, "something broke inside simd; its log says what").write(w)
			}()
			next.ServeHTTP(sent, r)
		})
	}
}

// watched knows whether the answer has begun.
type watched struct {
	http.ResponseWriter
	begun bool
}

func (w *watched) WriteHeader(status int) {
	w.begun = true
	w.ResponseWriter.WriteHeader(status)
}

func (w *watched) Write(p []byte) (int, error) {
	w.begun = true
	return w.ResponseWriter.Write(p)
}

// Unwrap lets http.ResponseController reach what is beneath.
func (w *watched) Unwrap() http.ResponseWriter { return w.ResponseWriter }
