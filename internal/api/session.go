package api

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humachi"
)

const (
	// sessionCookie is what a browser carries in place of the token, which neither
	// a link nor a stream of events can.
	sessionCookie = "simd-session"
	// sessionFor is how long somebody stays signed in.
	sessionFor = 12 * time.Hour
)

// knows says whether this is the token. The sums have one length, so the
// comparison tells nothing, not even how long the token is.
func (g *guard) knows(token string) bool {
	sum := sha256.Sum256([]byte(strings.TrimSpace(token)))
	return subtle.ConstantTimeCompare(sum[:], g.want[:]) == 1
}

// sealed is a session's text: when it ends, and a seal that only who knows the
// token can make. The token cannot be read from it, and with another token it is
// worth nothing.
func (g *guard) sealed(until time.Time) string {
	end := strconv.FormatInt(until.Unix(), 10)
	seal := hmac.New(sha256.New, g.want[:])
	_, _ = seal.Write([]byte("simd session until " + end)) // a hash never fails
	return end + "." + base64.RawURLEncoding.EncodeToString(seal.Sum(nil))
}

// signedIn says whether the request comes with a session that goes on.
func (g *guard) signedIn(r *http.Request) bool {
	cookie, err := r.Cookie(sessionCookie)
	if err != nil {
		return false
	}
	text, _, _ := strings.Cut(cookie.Value, ".")
	end, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return false
	}
	until := time.Unix(end, 0)
	return time.Now().Before(until) && hmac.Equal([]byte(cookie.Value), []byte(g.sealed(until)))
}

// open are what whoever reaches the daemon may have: that it lives, and what is
// needed to sign in.
func open(path string) bool {
	return path == "/healthz" || path == "/session" || path == iconPath || strings.HasPrefix(path, assetsPath)
}

// browsing says whether a person looks at the answer, not a program.
func browsing(r *http.Request) bool {
	return r.Method == http.MethodGet && strings.Contains(r.Header.Get("Accept"), "text/html")
}

// signIn is the page that asks for the token.
type signIn struct {
	Next    string // where to go then
	Problem string
}

func (g *guard) sessionRoutes(api huma.API) {
	form := &huma.Schema{Type: huma.TypeObject, Required: []string{"token"}, Properties: map[string]*huma.Schema{
		"token": {Type: huma.TypeString, Description: "The daemon's token."},
		"next":  {Type: huma.TypeString, Description: "Where to go then: a path of this daemon."},
	}}
	huma.Register(api, huma.Operation{
		OperationID: "sign-in", Method: http.MethodPost, Path: "/session", Tags: []string{tagPages},
		Summary:     "Sign in from a browser",
		Description: "Gives a cookie for twelve hours in place of the token. Programs send the token itself, with each request.",
		Security:    []map[string][]string{},
		Responses:   map[string]*huma.Response{"303": {Description: "Signed in"}, "401": textResponse("text/html")},
		Errors:      []int{403},
	}, func(context.Context, *struct{}) (*huma.StreamResponse, error) {
		return &huma.StreamResponse{Body: func(ctx huma.Context) {
			r, w := humachi.Unwrap(ctx)
			g.enter(w, r)
		}}, nil
	})
	// Said only now: huma would read the form itself, and knows none.
	api.OpenAPI().Paths["/session"].Post.RequestBody = &huma.RequestBody{
		Required: true, Content: map[string]*huma.MediaType{"application/x-www-form-urlencoded": {Schema: form}},
	}
}

// enter lets in who knows the token.
func (g *guard) enter(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, 16<<10)
	next := within(r.PostFormValue("next"))
	if g.closed && !g.knows(r.PostFormValue("token")) {
		showSignIn(w, signIn{Next: next, Problem: "This is not the daemon's token."})
		return
	}
	if g.closed {
		http.SetCookie(w, &http.Cookie{
			Name: sessionCookie, Value: g.sealed(time.Now().Add(sessionFor)), Path: "/", MaxAge: int(sessionFor.Seconds()),
			HttpOnly: true, SameSite: http.SameSiteStrictMode,
			Secure: strings.HasPrefix(r.Header.Get("Origin"), "https:"), // a proxy in front does TLS
		})
	}
	http.Redirect(w, r, next, http.StatusSeeOther)
}

// within is the path if it leads to this daemon, and else the first page.
func within(path string) string {
	if !strings.HasPrefix(path, "/") || strings.HasPrefix(path, "//") || strings.ContainsAny(path, "\\\r\n\t") {
		return "/"
	}
	return path
}

// showSignIn asks for the token.
func showSignIn(w http.ResponseWriter, page signIn) {
	w.Header().Set("WWW-Authenticate", `Bearer realm="simd"`)
	writePage(w, http.StatusUnauthorized, "session.html", page)
}
