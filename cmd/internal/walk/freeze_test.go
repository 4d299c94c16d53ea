package walk

import (
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"

	"fundpass/cmd/internal/apiclient"
	"fundpass/cmd/internal/cmdtest"
	"fundpass/cmd/internal/terminal"
	"fundpass/keys"
)

// walkAt returns a walk against a fake demo that replies with these codes.
func walkAt(t *testing.T, codes map[string]string) (*walk, *cmdtest.LogBuffer) {
	out := &cmdtest.LogBuffer{}
	p := apiclient.Client{Base: fakeDemo(t, codes), HTTP: http.DefaultClient}
	w := &walk{client: p, otherClient: p, Screen: terminal.NewScreen(terminal.Stdio{Out: out}), first: "a", password: "b"}
	w.person.Person = "ok"
	return w, out
}

// TestWalkSkips checks that nothing is frozen if no reset is possible and nothing is
// encrypted without keys, that the screen shows the reason, and that the walk continues.
func TestWalkSkips(t *testing.T) {
	t.Parallel()
	for _, code := range []string{"RESET_UNAVAILABLE", "RESET_LIMIT", "NOT_FOUND", "METHOD_NOT_ALLOWED", "OK"} {
		w, out := walkAt(t, map[string]string{"POST /v1/password/resets": code, "POST /v1/password/resets//cancel": "OK"})
		if err := w.freezeAndReset(t.Context()); err != nil || w.frozen || w.steps != 2 || !strings.Contains(out.String(), "skipped: ") {
			t.Errorf("%s: %v after %d steps\n%s", code, err, w.steps, out)
		}
	}
	for _, code := range []string{"NOT_OFFERED", "NOT_FOUND"} {
		w, out := walkAt(t, map[string]string{"POST /v1/password/tickets": code})
		if err := w.changeEncrypted(t.Context()); err != nil || w.steps != 1 || !strings.Contains(out.String(), "skipped: this server has no transport keys") {
			t.Errorf("%s: %v after %d steps\n%s", code, err, w.steps, out)
		}
	}
	for name, stage := range map[string]func(*walk) error{
		"resets":  func(w *walk) error { return w.freezeAndReset(t.Context()) },
		"tickets": func(w *walk) error { return w.changeEncrypted(t.Context()) },
	} {
		w, out := walkAt(t, map[string]string{"POST /v1/password/" + name: "INTERNAL"})
		if err := stage(w); err == nil || !strings.Contains(out.String(), "✗") {
			t.Errorf("%s: the stage passed\n%s", name, out)
		}
	}
}

// TestWalkUnfreezes checks that a walk that failed while the password was frozen
// unfreezes it, or reports that it did not.
func TestWalkUnfreezes(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, start, confirm, want string }{
		{"back", "OK", "OK", "is now "},
		{"no reset", "RESET_LIMIT", "OK", "ok's password is still frozen"},
		{"no new password", "OK", "IDENTITY_NOT_PROVEN", "ok's password is still frozen"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w, out := walkAt(t, map[string]string{
				"POST /v1/sessions": "OK", "POST /v1/password/resets": tt.start, "POST /v1/password/resets//confirm": tt.confirm, "POST /sim/certify": "OK",
				"POST /v1/password/changes": "OK", "POST /v1/password/changes//confirm": "INTERNAL", "POST /v1/sessions/end": "OK",
			})
			w.frozen = true
			w.cleanUp(t.Context())
			if !strings.Contains(out.String(), tt.want) || w.frozen == (tt.want == "is now ") {
				t.Errorf("frozen %v\n%s", w.frozen, out)
			}
		})
	}
}

// TestWalkEncrypts checks that the server's key decrypts what the walk encrypts, for the
// right ticket only.
func TestWalkEncrypts(t *testing.T) {
	t.Parallel()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	cmdtest.NoError(t, err)
	transport, err := keys.NewTransport(key)
	cmdtest.NoError(t, err)
	kid, public := transport.Current()
	data, err := json.Marshal(apiclient.Fields{"ticket": "t-1", "kid": kid, "alg": "RSA-OAEP-256", "public_key": public})
	cmdtest.NoError(t, err)
	form, err := seal(apiclient.Answer{Data: data}, apiclient.Fields{"o": "Quiet-River-1"})
	cmdtest.NoError(t, err)
	if form["ticket"] != "t-1" || form["kid"] != kid || form["alg"] != "RSA-OAEP-256" {
		t.Errorf("%v", form)
	}
	text, _ := json.Marshal(form["sealed"])
	var sealed []byte // encoding/json reads base64
	cmdtest.NoError(t, json.Unmarshal(text, &sealed))
	plain, err := transport.Open(kid, []byte("gjj-password/1|"+kid+"|t-1"), sealed)
	if err != nil || string(plain) != `{"o":"Quiet-River-1"}` {
		t.Errorf("%s, %v", plain, err)
	}
	if _, err := transport.Open(kid, []byte("gjj-password/1|"+kid+"|t-2"), sealed); err == nil {
		t.Error("decrypted for another ticket")
	}
	for _, data := range []string{`{}`, `{"public_key":"?"}`, `{"public_key":"AAAA"}`,
		`{"public_key":"MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE="}`} {
		if _, err := seal(apiclient.Answer{Data: []byte(data)}, apiclient.Fields{}); err == nil {
			t.Errorf("sealed with %s", data)
		} else if strings.Contains(data, "MCow") != errors.Is(err, errNotRSA) {
			t.Errorf("%s: %v", data, err)
		}
	}
}
