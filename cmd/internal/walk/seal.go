package walk

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"

	"fundpass/cmd/internal/apiclient"
)

// changeEncrypted changes the password once more, with passwords that only the server can
// read, if the server offers transport keys.
func (w *walk) changeEncrypted(ctx context.Context) error {
	a, err := w.client.Do(ctx, post("/v1/password/tickets", nil))
	if err == nil && (a.Code == "NOT_OFFERED" || a.Code == "NOT_FOUND") {
		return w.checkStep(step{proves: "The server offers no encryption key", want: a.Code, note: fixedNote("skipped: this server has no transport keys")}, a, nil)
	}
	if err := w.checkStep(step{proves: "The server issues a ticket and an encryption key", want: "OK", note: showTicket}, a, err); err != nil {
		return err
	}
	form, err := seal(a, apiclient.Fields{"o": w.password})
	if err != nil {
		return fmt.Errorf("the ticket: %w", err)
	}
	openRequest := post("/v1/password/changes", apiclient.Fields{"id_number": w.person.IDNumber, "encrypted": form})
	a, err = w.step(ctx, step{proves: "The encrypted old password opens a change", Request: withIdempotencyKey(openRequest), want: "OK", note: wantState("open")})
	if err != nil {
		return err
	}
	w.change = "/v1/password/changes/" + a.Text("id")
	return w.confirmEncrypted(ctx, openRequest)
}

// confirmEncrypted confirms the change that openRequest opened.
func (w *walk) confirmEncrypted(ctx context.Context, openRequest apiclient.Request) error {
	if _, err := w.step(ctx, step{proves: "An encrypted password is valid once", Request: openRequest, want: "DECRYPT_FAILED"}); err != nil {
		return err
	}
	a, err := w.step(ctx, step{proves: "The server issues a ticket for the second page", Request: post("/v1/password/tickets", nil), want: "OK", note: showTicket})
	if err != nil {
		return err
	}
	next := freshPassword()
	form, err := seal(a, apiclient.Fields{"n": next, "a": next})
	if err != nil {
		return fmt.Errorf("the ticket: %w", err)
	}
	if _, err = w.step(ctx, step{proves: "The encrypted new password is set", want: "OK", note: wantState("done"),
		Request: withIdempotencyKey(post(w.change+"/confirm", apiclient.Fields{"encrypted": form}))}); err != nil {
		return err
	}
	w.password = next
	return nil
}

// showTicket checks the algorithm, because pages support no other.
func showTicket(a apiclient.Answer) (string, error) {
	if a.Text("ticket") == "" || a.Text("alg") != "RSA-OAEP-256" {
		return "", errors.New("no ticket, or another algorithm than RSA-OAEP-256")
	}
	return fmt.Sprintf("%s, key %s, valid for %d s", a.Text("alg"), a.Text("kid"), a.Number("expires_in")), nil
}

var errNotRSA = errors.New("not an RSA key")

// seal encrypts passwords as a page does: RSA-OAEP with SHA-256 (RFC 8017), with a label
// that binds them to key and ticket.
func seal(ticket apiclient.Answer, passwords apiclient.Fields) (apiclient.Fields, error) {
	der, err := base64.StdEncoding.DecodeString(ticket.Text("public_key"))
	if err != nil {
		return nil, err
	}
	parsed, err := x509.ParsePKIXPublicKey(der)
	if err != nil {
		return nil, err
	}
	public, ok := parsed.(*rsa.PublicKey)
	if !ok {
		return nil, errNotRSA
	}
	plain, err := json.Marshal(passwords)
	if err != nil {
		return nil, err
	}
	kid, id := ticket.Text("kid"), ticket.Text("ticket")
	sealed, err := rsa.EncryptOAEP(sha256.New(), rand.Reader, public, plain, []byte("gjj-password/1|"+kid+"|"+id))
	if err != nil {
		return nil, err
	}
	return apiclient.Fields{"ticket": id, "kid": kid, "alg": ticket.Text("alg"), "sealed": base64.StdEncoding.EncodeToString(sealed)}, nil
}
