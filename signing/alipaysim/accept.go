package alipaysim

import (
	"bytes"
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
)

// accepts reports whether body acknowledges a notification: it must be exactly "success",
// or an answer that is signed by the application.
func (s *Sim) accepts(body []byte) bool {
	switch {
	case bytes.HasPrefix(body, []byte("<")):
		return s.acceptsXML(body)
	case bytes.HasPrefix(body, []byte("{")):
		return s.acceptsJSON(body)
	}
	return string(body) == "success"
}

// acceptsXML reports whether body is a signed, positive answer to a gateway check.
func (s *Sim) acceptsXML(body []byte) bool {
	response, ok := between(body, "<response>", "</response>")
	sign, signed := between(body, "<sign>", "</sign>")
	return ok && signed && bytes.HasPrefix(response, []byte("<success>true</success>")) &&
		s.signedByApp(response, string(sign))
}

// between returns the bytes between the first from and the next to.
func between(body []byte, from, to string) ([]byte, bool) {
	_, rest, ok := bytes.Cut(body, []byte(from))
	inner, _, closed := bytes.Cut(rest, []byte(to))
	return inner, ok && closed
}

// acceptsJSON reports whether body is a signed answer to an SPI call. Refusals are
// answers, too.
func (s *Sim) acceptsJSON(body []byte) bool {
	var answer struct {
		Response json.RawMessage `json:"response"`
		Sign     string          `json:"sign"`
		CertSN   string          `json:"app_cert_sn"`
	}
	if json.Unmarshal(body, &answer) != nil {
		return false
	}
	if s.cfg.Certificates != nil && answer.CertSN != s.cfg.Certificates.App {
		return false
	}
	return s.signedByApp(answer.Response, answer.Sign)
}

func (s *Sim) signedByApp(text []byte, sign string) bool {
	digest := sha256.Sum256(text)
	raw, err := base64.StdEncoding.DecodeString(sign)
	return err == nil && rsa.VerifyPKCS1v15(s.cfg.AppKey, crypto.SHA256, digest[:], raw) == nil
}
