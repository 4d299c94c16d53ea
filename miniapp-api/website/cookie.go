package website

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"net/http"

	"github.com/labstack/echo/v4"
)

// The cookies. Browsers accept the prefix only from this host itself, over HTTPS or from this
// machine, so that no other host of the domain can set one.
const (
	cookieSession = "__Host-session" // the bearer token of a session
	cookieVisit   = "__Host-visit"   // recognises a browser that is not signed in
	cookieStep    = "__Host-step"    // what a code completes, sealed for the visit
	cookieView    = "__Host-view"    // how pages look
)

// elderView is the value of cookieView for large type.
const elderView = "elder"

// cookieOf returns the value of a cookie, or "" if there is none or more than one.
func cookieOf(c echo.Context, name string) string {
	found := c.Request().CookiesNamed(name)
	if len(found) != 1 {
		return ""
	}
	return found[0].Value
}

// setCookie sets a cookie until the browser is closed. A browser sends it on requests that
// another site causes only if lax is true, and then only when it follows a link.
func setCookie(c echo.Context, name, value string, lax bool) {
	cookie := &http.Cookie{Name: name, Value: value, Path: "/", Secure: true, HttpOnly: true, SameSite: http.SameSiteStrictMode}
	if lax {
		cookie.SameSite = http.SameSiteLaxMode
	}
	if value == "" {
		cookie.MaxAge = -1
	}
	c.SetCookie(cookie)
}

// visit returns the digest by which the browser is recognised before it has a session. It is
// SameSite=Lax: a citizen who follows a link to the site would otherwise get a new one, and
// the forms in other tabs would be worth nothing.
func visit(c echo.Context) []byte {
	value := cookieOf(c, cookieVisit)
	if raw, err := base64.RawURLEncoding.DecodeString(value); err != nil || len(raw) != 32 {
		return nil
	}
	sum := sha256.Sum256([]byte(value))
	return sum[:]
}

// beginVisit gives the browser a new random value and returns its digest.
func beginVisit(c echo.Context) []byte {
	var raw [32]byte
	rand.Read(raw[:])
	value := base64.RawURLEncoding.EncodeToString(raw[:])
	setCookie(c, cookieVisit, value, true)
	sum := sha256.Sum256([]byte(value))
	return sum[:]
}

// sessionDigest returns the SHA-256 of the session's token, or nil if there is none.
func sessionDigest(c echo.Context) []byte {
	token := cookieOf(c, cookieSession)
	if token == "" {
		return nil
	}
	return digestOf(token)
}

// digestOf returns the SHA-256 of a token, which the database stores in its place.
func digestOf(token string) []byte {
	sum := sha256.Sum256([]byte(token))
	return sum[:]
}
