package signing_test

import (
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"fundpass/signing"
	"fundpass/signing/alipaysim"
)

func discard() *log.Logger { return log.New(io.Discard, "", 0) }

// secrets are values that must not occur in error texts.
type secrets struct {
	code, token string
	person      signing.Person
}

func (s secrets) all() []string { return []string{s.code, s.token, s.person.Name, s.person.IDNumber} }

func (s secrets) check(t *testing.T, where string, err error) {
	t.Helper()
	if err == nil {
		t.Errorf("%s: no error to look at", where)
		return
	}
	for ; err != nil; err = errors.Unwrap(err) {
		for _, text := range []string{err.Error(), fmt.Sprintf("%+v", err), fmt.Sprintf("%#v", err)} {
			for _, secret := range s.all() {
				if strings.Contains(text, secret) || strings.Contains(text, url.QueryEscape(secret)) {
					t.Errorf("%s: %q", where, text)
				}
			}
		}
	}
}

func newSecrets() secrets {
	return secrets{
		code:   "c0dec0dec0dec0dec0dec0dec0dec0de",
		token:  "authusrBcanarycanarycanary",
		person: signing.Person{Name: "金丝雀", IDType: "01", IDNumber: "990101199001010190"},
	}
}

// The faults of the simulator, and a wrong key, for which Alipay quotes the request.
func TestErrorsQuoteNoSecret(t *testing.T) {
	t.Parallel()
	s := newFixture(t, longTimeout, alipaysim.Config{})
	hurried := newGateway(t, newKeyring(t, ownKey(), alipayKey()), s.url, shortTimeout)
	secret := newSecrets()
	ask := func(where string, g *signing.Gateway) {
		_, err := g.Exchange(t.Context(), secret.code)
		secret.check(t, where+", exchange", err)
		_, err = g.MatchPerson(t.Context(), secret.token, secret.person)
		secret.check(t, where+", match", err)
	}
	ask("unknown", s.gate)
	ask("wrong key", newGateway(t, newKeyring(t, otherKey(), alipayKey()), s.url, longTimeout))
	for fault := range alipaysim.Faults() {
		if err := s.sim.Fault(fault, 2); err != nil {
			t.Fatal(err)
		}
		if fault == "timeout" || fault == "slow" {
			ask(fault, hurried)
		} else {
			ask(fault, s.gate)
		}
		if err := s.sim.Fault("", 0); err != nil {
			t.Fatal(err)
		}
	}
}

// A gateway that echoes the request in every part of its response.
func TestEchoedSecrets(t *testing.T) {
	t.Parallel()
	secret := newSecrets()
	echoes := map[string]func(w http.ResponseWriter, sent, root string){
		"code": func(w http.ResponseWriter, sent, root string) {
			fmt.Fprintf(w, `{"%s":{"code":%q,"msg":%q,"sub_code":%q,"sub_msg":%q}}`, root, sent, sent, sent, sent)
		},
		"sub_code": func(w http.ResponseWriter, sent, root string) {
			fmt.Fprintf(w, `{"error_response":{"code":"40002","sub_code":"isv.%s"}}`, sent)
		},
		"root": func(w http.ResponseWriter, sent, root string) { fmt.Fprintf(w, `{"%s_response":{}}`, sent) },
		"key":  func(w http.ResponseWriter, sent, root string) { fmt.Fprintf(w, `{%q:1,%q:2}`, sent, sent) },
		"sign": func(w http.ResponseWriter, sent, root string) { fmt.Fprintf(w, `{"%s":{},"sign":%q}`, root, sent) },
		"text": func(w http.ResponseWriter, sent, root string) { io.WriteString(w, sent) },
		"cert": func(w http.ResponseWriter, sent, root string) {
			fmt.Fprintf(w, `{"%s":{},"sign":"AAAA","alipay_cert_sn":%q}`, root, sent)
		},
		"types": func(w http.ResponseWriter, sent, root string) {
			content := fmt.Sprintf(`{"code":"10000","open_id":[%q],"expires_in":%q,"verify_id":{%q:1},"access_token":1e999}`, sent, sent, sent)
			fmt.Fprintf(w, `{"%s":%s,"sign":"%s"}`, root, content, alipaySigns(t, content))
		},
		"expires": func(w http.ResponseWriter, sent, root string) {
			content := fmt.Sprintf(`{"code":"10000","open_id":"x","expires_in":%q}`, sent)
			fmt.Fprintf(w, `{"%s":%s,"sign":"%s"}`, root, content, alipaySigns(t, content))
		},
		"location": func(w http.ResponseWriter, sent, root string) {
			w.Header().Set("Location", "http://127.0.0.1:1/"+url.PathEscape(sent))
			w.WriteHeader(http.StatusFound)
		},
		"status line": hijacked(func(sent string) string { return "HTTP/1.1 " + sent + "\r\n\r\n" }),
		"protocol":    hijacked(func(sent string) string { return sent + "\r\n\r\n" }),
		"header":      hijacked(func(sent string) string { return "HTTP/1.1 200 OK\r\n" + sent + "\r\n\r\n" }),
		"length":      hijacked(func(sent string) string { return "HTTP/1.1 200 OK\r\nContent-Length: " + sent + "\r\n\r\n" }),
		"coding":      hijacked(func(sent string) string { return "HTTP/1.1 200 OK\r\nTransfer-Encoding: " + sent + "\r\n\r\n" }),
		"chunk": hijacked(func(sent string) string {
			return "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + sent + "\r\n"
		}),
	}
	for name, echo := range echoes {
		for _, sent := range secret.all() {
			server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				echo(w, sent, strings.ReplaceAll(r.FormValue("method"), ".", "_")+"_response")
			}))
			server.Config.ErrorLog = discard()
			server.Start()
			g := newGateway(t, newKeyring(t, ownKey(), alipayKey()), server.URL, longTimeout)
			_, err := g.Exchange(t.Context(), secret.code)
			secret.check(t, name+", exchange", err)
			_, err = g.MatchPerson(t.Context(), secret.token, secret.person)
			secret.check(t, name+", match", err)
			server.Close()
		}
	}
}

// hijacked returns a handler that writes raw to the connection.
func hijacked(raw func(sent string) string) func(http.ResponseWriter, string, string) {
	return func(w http.ResponseWriter, sent, _ string) {
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			return
		}
		io.WriteString(conn, raw(sent))
		conn.Close()
	}
}
