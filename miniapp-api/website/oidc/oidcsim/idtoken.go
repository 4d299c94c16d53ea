package oidcsim

import (
	"bytes"
	"crypto"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"maps"
)

// idToken returns the signed id_token of a grant (OpenID Connect Core 1.0, section 2).
func (s *Sim) idToken(g *grant) string {
	key, keyID, f := s.state()
	claims := s.idClaims(g, f)
	header := map[string]any{"typ": "JWT", "alg": "RS256", "kid": keyID}
	switch f {
	case AlgNone, NoSignature:
		if f == AlgNone {
			header["alg"] = "none"
		}
		return compact(header, claims, func([]byte) []byte { return nil })
	case AlgHS256, AlgHS256Secret, SymmetricKey:
		header["alg"] = "HS256"
		secrets := map[Fault][]byte{AlgHS256: publicPEM(key), AlgHS256Secret: []byte(s.cfg.ClientSecret), SymmetricKey: []byte(published)}
		return compact(header, claims, hmacOf(secrets[f]))
	case OtherKey:
		key = newKey()
	case OtherKeyID:
		key, header["kid"] = newKey(), rand.Text()
	case WithdrawnKey:
		s.mu.Lock()
		defer s.mu.Unlock()
		key, header["kid"] = s.old, s.oldID
	case ChangedPayload:
		signed := compact(header, claims, rs256(key))
		claims["sub"] = "someone else"
		return changePayload(signed, claims)
	case EmbeddedKey:
		return embeddedKey(claims)
	case RepeatedClaim:
		payload := bytes.TrimSuffix(encode(claims), []byte("}"))
		return compactRaw(header, append(payload, `,"name":"one","name":"another"}`...), rs256(key))
	}
	return compact(header, claims, rs256(key))
}

// idClaims returns the claims of the id_token.
func (s *Sim) idClaims(g *grant, f Fault) map[string]any {
	now := s.cfg.Now()
	hash := sha256.Sum256([]byte(g.token))
	claims := map[string]any{
		"iss": s.cfg.Issuer, "sub": g.person.Login, "aud": s.cfg.ClientID, "nonce": g.nonce,
		"iat": now.Unix(), "exp": now.Unix() + 300, "auth_time": g.at.Unix(), "at_hash": b64(hash[:16]),
	}
	switch {
	case s.cfg.InToken:
		maps.Copy(claims, g.person.claims())
	case f == OtherNameInInfo:
		claims["name"] = g.person.Name
	case f == SymmetricKey:
		delete(claims, "at_hash") // some libraries refuse that of HS256, and not the signature
	}
	spoilClaims(claims, now, f)
	return claims
}

// published is the symmetric key of the fault SymmetricKey.
const published = "a key that everybody can read, 32+"

func newKey() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return key
}

// rs256 returns the function that signs with RSASSA-PKCS1-v1_5 and SHA-256.
func rs256(key *rsa.PrivateKey) func([]byte) []byte {
	return func(input []byte) []byte {
		sum := sha256.Sum256(input)
		signature, err := rsa.SignPKCS1v15(rand.Reader, key, crypto.SHA256, sum[:])
		if err != nil {
			panic(err)
		}
		return signature
	}
}

func hmacOf(secret []byte) func([]byte) []byte {
	return func(input []byte) []byte {
		m := hmac.New(sha256.New, secret)
		m.Write(input)
		return m.Sum(nil)
	}
}

// publicPEM returns the public key as an attacker of HS256 takes it for the secret.
func publicPEM(key *rsa.PrivateKey) []byte {
	der, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		panic(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
}

// compact returns the compact serialization of RFC 7515.
func compact(header, claims map[string]any, sign func([]byte) []byte) string {
	return compactRaw(header, encode(claims), sign)
}

func compactRaw(header map[string]any, payload []byte, sign func([]byte) []byte) string {
	input := b64(encode(header)) + "." + b64(payload)
	return input + "." + b64(sign([]byte(input)))
}

func encode(v map[string]any) []byte {
	data, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return data
}
