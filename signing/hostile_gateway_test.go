package signing_test

import (
	"crypto"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"fundpass/signing"
)

// alipaySigns returns the signature of text by Alipay's key.
func alipaySigns(t testing.TB, text string) string {
	t.Helper()
	sum := sha256.Sum256([]byte(text))
	raw, err := alipayKey().Sign(nil, sum[:], crypto.SHA256)
	if err != nil {
		t.Fatal(err)
	}
	return base64.StdEncoding.EncodeToString(raw)
}

// hostileGateways returns gateways whose responses to an auth code must be rejected. Most
// of them contain the identity of an attacker.
func hostileGateways(t *testing.T, elsewhere string) map[string]http.HandlerFunc {
	const root, content = "alipay_system_oauth_token_response", `{"open_id":"attacker","access_token":"t","expires_in":300}`
	signature := alipaySigns(t, content)
	other := `{"open_id":"citizen","access_token":"t","expires_in":300}`
	text := func(format string, args ...any) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) { fmt.Fprintf(w, format, args...) }
	}
	signed := func(content string) http.HandlerFunc {
		return text(`{"%s":%s,"sign":"%s"}`, root, content, alipaySigns(t, content))
	}
	status := func(code int) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Location", elsewhere)
			w.WriteHeader(code)
			fmt.Fprintf(w, `{"%s":%s,"sign":"%s"}`, root, content, signature)
		}
	}
	broken := func(head string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			conn, _, err := http.NewResponseController(w).Hijack()
			if err != nil {
				t.Error(err)
				return
			}
			io.WriteString(conn, head)
			conn.Close()
		}
	}
	return map[string]http.HandlerFunc{
		"nothing":              text(""),
		"HTML":                 text("<html>%s</html>", content),
		"bare content":         text("%s", content),
		"unsigned":             text(`{"%s":%s}`, root, content),
		"sign empty":           text(`{"%s":%s,"sign":""}`, root, content),
		"sign of another":      text(`{"%s":%s,"sign":"%s"}`, root, content, alipaySigns(t, other)),
		"sign with break":      text(`{"%s":%s,"sign":"%s\n"}`, root, content, signature),
		"blank moved":          text(`{"%s": {"open_id": "attacker","access_token":"t","expires_in":300},"sign":"%s"}`, root, signature),
		"other method":         text(`{"alipay_user_info_share_response":%s,"sign":"%s"}`, content, signature),
		"both methods":         text(`{"alipay_user_info_share_response":{},"%s":%s,"sign":"%s"}`, root, content, signature),
		"content twice":        text(`{"%s":{"open_id":"x"},"%s":%s,"sign":"%s"}`, root, root, content, signature),
		"sign twice":           text(`{"%s":%s,"sign":"x","sign":"%s"}`, root, content, signature),
		"success as error":     text(`{"error_response":%s,"sign":"%s"}`, content, signature),
		"null":                 text(`{"%s":null}`, root),
		"error null":           text(`{"error_response":null}`),
		"unknown serial":       text(`{"%s":%s,"alipay_cert_sn":"00000000000000000000000000000000","sign":"%s"}`, root, content, signature),
		"something behind":     text(`{"%s":%s,"sign":"%s"}{}`, root, content, signature),
		"in an array":          text(`[{"%s":%s,"sign":"%s"}]`, root, content, signature),
		"no identifier":        signed(`{"access_token":"t"}`),
		"no token":             signed(`{"open_id":"attacker"}`),
		"identifier a number":  signed(`{"open_id":2088000000000001,"access_token":"t"}`),
		"identifier of blanks": signed(`{"open_id":" \t","access_token":"t"}`),
		"identifier endless":   signed(`{"open_id":"` + strings.Repeat("x", 300) + `","access_token":"t"}`),
		"expires in words":     signed(`{"open_id":"attacker","access_token":"t","expires_in":"soon"}`),
		"expires before":       signed(`{"open_id":"attacker","access_token":"t","expires_in":-1}`),
		"encrypted":            signed(`"AAAAAAAAAAAAAAAAAAAAAA=="`),
		"code is other":        signed(`{"code":"10001","open_id":"attacker","access_token":"t"}`),
		"301":                  status(http.StatusMovedPermanently),
		"302":                  status(http.StatusFound),
		"303":                  status(http.StatusSeeOther),
		"307":                  status(http.StatusTemporaryRedirect),
		"308":                  status(http.StatusPermanentRedirect),
		"201":                  status(http.StatusCreated),
		"401":                  status(http.StatusUnauthorized),
		"500":                  status(http.StatusInternalServerError),
		"closed":               broken(""),
		"not HTTP":             broken("SSH-2.0-OpenSSH_9.2\r\n"),
		"cut short":            broken("HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n{\"" + root + "\":"),
		"headers endless": broken("HTTP/1.1 200 OK\r\nConnection: close\r\n" + strings.Repeat("X-A: "+strings.Repeat("a", 1000)+"\r\n", 100) +
			"\r\n" + fmt.Sprintf(`{"%s":%s,"sign":"%s"}`, root, content, signature)),
		"body endless": func(w http.ResponseWriter, r *http.Request) {
			for block := []byte(strings.Repeat(" ", 1<<16)); r.Context().Err() == nil; {
				if _, err := w.Write(block); err != nil {
					return
				}
			}
		},
		"body drips": func(w http.ResponseWriter, r *http.Request) {
			for r.Context().Err() == nil {
				io.WriteString(w, " ")
				http.NewResponseController(w).Flush()
				time.Sleep(5 * time.Millisecond)
			}
		},
	}
}

func TestHostileGateways(t *testing.T) {
	t.Parallel()
	gateways := hostileGateways(t, canary(t))
	if len(gateways) < 30 {
		t.Fatalf("only %d", len(gateways))
	}
	keyring := newKeyring(t, ownKey(), alipayKey())
	for name, answer := range gateways {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var asked atomic.Int32
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				asked.Add(1)
				io.Copy(io.Discard, r.Body)
				answer(w, r)
			}))
			defer server.Close()
			waits := longTimeout
			if name == "body drips" { // without end, until the limit
				waits = shortTimeout
			}
			g := newGateway(t, keyring, server.URL+"/gateway.do", waits)
			grant, err := g.Exchange(t.Context(), "4b203fe6c11548bcabd8da5bb087a83b")
			if grant != (signing.Grant{}) || !errors.Is(err, signing.ErrUnavailable) {
				t.Errorf("%v", err)
			}
			if n := asked.Load(); n != 1 && (n > 1 || name != "body drips") { // the code may be used up, so there is no retry
				t.Errorf("asked %d times", n)
			}
		})
	}
}

// A body without end is read up to 1 MiB and not until the timeout.
func TestEndlessBody(t *testing.T) {
	t.Parallel()
	var written atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for block := []byte(strings.Repeat(" ", 1<<16)); ; {
			n, err := w.Write(block)
			if written.Add(int64(n)); err != nil {
				return
			}
		}
	}))
	defer server.Close()
	g := newGateway(t, newKeyring(t, ownKey(), alipayKey()), server.URL, longTimeout)
	if _, err := g.Exchange(t.Context(), "code"); !errors.Is(err, signing.ErrUnavailable) {
		t.Error(err)
	}
	if written.Load() > 64<<20 {
		t.Errorf("%d bytes", written.Load())
	}
}

// MatchPerson returns true only for passed T.
func TestConsultPassed(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		verifyID, passed string
		want             error
	}{
		"T":            {`"v"`, `"T"`, nil},
		"small":        {`"v"`, `"t"`, signing.ErrUnavailable},
		"true":         {`"v"`, `true`, signing.ErrUnavailable},
		"word":         {`"v"`, `"TRUE"`, signing.ErrUnavailable},
		"blank":        {`"v"`, `"T "`, signing.ErrUnavailable},
		"empty":        {`"v"`, `""`, signing.ErrUnavailable},
		"null":         {`"v"`, `null`, signing.ErrUnavailable},
		"no verify_id": {`""`, `"T"`, signing.ErrUnavailable},
	} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			content := fmt.Sprintf(`{"code":"10000","verify_id":%s,"passed":%s}`, c.verifyID, c.passed)
			root := strings.ReplaceAll(r.FormValue("method"), ".", "_") + "_response"
			fmt.Fprintf(w, `{"%s":%s,"sign":"%s"}`, root, content, alipaySigns(t, content))
		}))
		g := newGateway(t, newKeyring(t, ownKey(), alipayKey()), server.URL, longTimeout)
		yes, err := g.MatchPerson(t.Context(), "token", signing.Person{Name: "张三", IDType: "01", IDNumber: people[0].IDNumber})
		if yes != (c.want == nil) || !errors.Is(err, c.want) {
			t.Errorf("%s: %v, %v", name, yes, err)
		}
		server.Close()
	}
}
