package alipaysim

import (
	"bytes"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
)

// A reply is a response of the gateway before it is signed.
type reply struct {
	root     string // "<method>_response" or "error_response"
	content  []byte // JSON
	unsigned bool
}

func (rep reply) withFailure(f *failure) reply { return rep.withContent(f) }

// withContent returns rep with content v, encoded like Alipay without HTML escapes.
func (rep reply) withContent(v any) reply {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		panic(err) // cannot fail for the types of this package
	}
	rep.content = bytes.TrimSuffix(b.Bytes(), []byte("\n"))
	return rep
}

// sign returns the RSA2 signature of content in base64.
func sign(key *rsa.PrivateKey, content []byte) (string, error) {
	digest := sha256.Sum256(content)
	raw, err := rsa.SignPKCS1v15(rand.Reader, key, crypto.SHA256, digest[:])
	if err != nil {
		return "", fmt.Errorf("alipaysim: %w", err)
	}
	return base64.StdEncoding.EncodeToString(raw), nil
}

// envelope returns the body of rep with its signature and, in certificate mode, the serial
// number of the key. The content is not encoded again, because its bytes were signed.
func envelope(rep reply, signature, sn string) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, `{"%s":%s`, rep.root, rep.content)
	if signature != "" {
		if sn != "" {
			fmt.Fprintf(&b, `,"alipay_cert_sn":"%s"`, sn)
		}
		fmt.Fprintf(&b, `,"sign":"%s"`, signature)
	}
	b.WriteByte('}')
	return b.Bytes()
}

// send signs rep, applies fault and writes the response.
func (s *Sim) send(w http.ResponseWriter, r *http.Request, rep reply, fault string) {
	if apply, ok := contentFaults[fault]; ok {
		rep = apply(rep)
	}
	signer := s.signer()
	signature, err := s.signature(rep, fault, signer.key)
	if err != nil {
		writeJSON(w, http.StatusInternalServerError, problem{Error: err.Error()})
		return
	}
	body := envelope(rep, signature, signer.sn)
	if apply, ok := bodyFaults[fault]; ok {
		body = apply(rep, body)
	}
	if !wait(r.Context(), s.delay(fault)) {
		return
	}
	// Alipay sends JSON with this content type.
	w.Header().Set("Content-Type", "text/html;charset=utf-8")
	if fault == "truncated" { // net/http closes the connection because less is written
		w.Header().Set("Content-Length", strconv.Itoa(2*len(body)))
	}
	w.Write(body)
}

// signature returns the signature of rep under fault.
func (s *Sim) signature(rep reply, fault string, key *rsa.PrivateKey) (string, error) {
	if rep.unsigned || fault == "unsigned" {
		return "", nil
	}
	if fault == "other_app" {
		other, err := s.foreignKey()
		if err != nil {
			return "", err
		}
		key = other
	}
	signed := rep.content
	if fault == "bad_signature" {
		signed = append([]byte(" "), signed...)
	}
	return sign(key, signed)
}
