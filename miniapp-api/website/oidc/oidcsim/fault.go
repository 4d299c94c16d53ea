package oidcsim

import (
	"crypto/rand"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// A Fault is a way in which the issuer misbehaves. Faults of endpoints are written
// "endpoint:kind", as EndpointFaults lists them.
type Fault string

// The faults of the redirect back to the client.
const (
	WrongState    Fault = "wrong state"
	NoState       Fault = "no state"
	TwoCodes      Fault = "two codes"
	NoCode        Fault = "no code"
	OtherIssuer   Fault = "iss parameter of another issuer"
	NoIssuer      Fault = "no iss parameter"
	CodeAndError  Fault = "code and error"
	UnknownError  Fault = "unknown error"
	InventedCode  Fault = "invented code"
	IssuerTrouble Fault = "temporarily_unavailable"
)

// The faults of the token response.
const (
	NoIDToken     Fault = "no id_token"
	NoAccessToken Fault = "no access_token"
	OtherType     Fault = "token type other than Bearer"
)

// The faults of the signature of the id_token.
const (
	AlgNone        Fault = "alg none"
	AlgHS256       Fault = "HS256 with the public key as secret"
	AlgHS256Secret Fault = "HS256 with the client secret"
	SymmetricKey   Fault = "HS256 with a key that is published"
	OtherKey       Fault = "signed by another key under the same kid"
	OtherKeyID     Fault = "signed by another key under an unknown kid"
	WithdrawnKey   Fault = "signed by the key before RotateKey"
	EmbeddedKey    Fault = "signed by a key in its own header"
	NoSignature    Fault = "RS256 without a signature"
	ChangedPayload Fault = "payload changed after signing"
	RepeatedClaim  Fault = "claim given twice"
)

// The faults of the claims of the id_token.
const (
	WrongNonce      Fault = "wrong nonce"
	NoNonce         Fault = "no nonce"
	OtherIssuerIn   Fault = "iss claim of another issuer"
	OtherAudience   Fault = "aud of another client"
	TwoAudiences    Fault = "two audiences without azp"
	OtherParty      Fault = "azp of another client"
	Expired         Fault = "expired"
	NoExpiry        Fault = "no exp"
	IssuedLater     Fault = "iat in the future"
	IssuedLongAgo   Fault = "iat an hour ago"
	NoIssuedAt      Fault = "no iat"
	NotYet          Fault = "nbf in the future"
	NoSubject       Fault = "no sub"
	WrongAtHash     Fault = "at_hash of another access token"
	AuthLongAgo     Fault = "auth_time a day ago"
	NoAuthTime      Fault = "no auth_time"
	AuthTimeFuture  Fault = "auth_time in the future"
	TimesAsText     Fault = "iat as text"
	OtherSubject    Fault = "userinfo of another subject"
	NoSubjectInInfo Fault = "userinfo without sub"
	SubjectNumber   Fault = "sub as number in userinfo"
	OtherNameInInfo Fault = "another name in userinfo than in the id_token"
)

// The faults of the metadata.
const (
	MetadataOfOther Fault = "metadata of another issuer"
	PlainHTTP       Fault = "token endpoint over plain http on another host"
	NoKeysURL       Fault = "no jwks_uri"
	PlainPKCE       Fault = "PKCE plain only"
)

// The kinds of faults of endpoints.
var kinds = []string{"huge", "slow", "html", "error", "redirect", "not JSON", "text", "cut"}

// EndpointFaults returns the faults of an endpoint: "discovery", "token", "keys" or "userinfo".
func EndpointFaults(endpoint string) []Fault {
	var all []Fault
	for _, kind := range kinds {
		all = append(all, Fault(endpoint+":"+kind))
	}
	return all
}

// spoil answers in place of an endpoint if the fault is one of it.
func (s *Sim) spoil(w http.ResponseWriter, r *http.Request, endpoint string, f Fault) bool {
	kind, ours := strings.CutPrefix(string(f), endpoint+":")
	if !ours {
		return false
	}
	h := w.Header()
	h.Set("Content-Type", "application/json")
	switch kind {
	case "huge":
		fmt.Fprintf(w, `{"x":"%s"}`, strings.Repeat("x", 10<<20))
	case "slow":
		io.Copy(io.Discard, r.Body) // the server notices that the client has gone only after the body
		<-r.Context().Done()
	case "html":
		h.Set("Content-Type", "text/html; charset=utf-8")
		fmt.Fprint(w, "<h1>系统维护中</h1>")
	case "error":
		h.Set("Content-Type", "text/html; charset=utf-8")
		w.WriteHeader(http.StatusServiceUnavailable)
		fmt.Fprint(w, "<h1>503</h1>")
	case "redirect":
		http.Redirect(w, r, s.cfg.Issuer+"/elsewhere", http.StatusTemporaryRedirect)
	case "not JSON":
		fmt.Fprint(w, `{"access_token":`)
	case "text":
		h.Set("Content-Type", "text/plain")
		fmt.Fprint(w, "access_token=a&token_type=Bearer&id_token=b")
	case "cut":
		h.Set("Content-Length", "1000")
		fmt.Fprint(w, "{")
	default:
		panic("oidcsim: unknown fault " + string(f))
	}
	return true
}

func spoilAnswer(answer url.Values, f Fault) {
	switch f {
	case WrongState:
		answer.Set("state", rand.Text())
	case NoState:
		answer.Del("state")
	case TwoCodes:
		answer.Add("code", "another")
	case NoCode:
		answer.Del("code")
	case OtherIssuer:
		answer.Set("iss", "https://attacker.example")
	case NoIssuer:
		answer.Del("iss")
	case CodeAndError:
		answer.Set("error", "access_denied")
	case InventedCode:
		answer.Set("code", rand.Text())
	case UnknownError, IssuerTrouble:
		answer.Del("code")
		answer.Set("error", strings.ReplaceAll(string(f), " ", "_"))
	}
}

func spoilToken(answer map[string]any, f Fault) {
	switch f {
	case NoIDToken:
		delete(answer, "id_token")
	case NoAccessToken:
		delete(answer, "access_token")
	case OtherType:
		answer["token_type"] = "DPoP"
	}
}

func spoilClaims(claims map[string]any, now time.Time, f Fault) {
	switch later := now.Add(time.Hour).Unix(); f {
	case IssuedLater:
		claims["iat"] = later
	case WrongNonce:
		claims["nonce"] = rand.Text()
	case NoNonce:
		delete(claims, "nonce")
	case OtherIssuerIn:
		claims["iss"] = "https://attacker.example"
	case OtherAudience:
		claims["aud"] = "another client"
	case TwoAudiences:
		claims["aud"] = []any{claims["aud"], "another client"}
	case OtherParty:
		claims["azp"] = "another client"
	case Expired:
		claims["exp"] = now.Add(-5 * time.Minute).Unix()
	case NoExpiry:
		delete(claims, "exp")
	case IssuedLongAgo:
		claims["iat"] = now.Add(-time.Hour).Unix()
	case NoIssuedAt:
		delete(claims, "iat")
	case NotYet:
		claims["nbf"] = now.Add(4 * time.Minute).Unix() // within the five minutes of some libraries
	case NoSubject:
		delete(claims, "sub")
	case WrongAtHash:
		claims["at_hash"] = b64(make([]byte, 16))
	case AuthLongAgo:
		claims["auth_time"] = now.Add(-24 * time.Hour).Unix()
	case AuthTimeFuture:
		claims["auth_time"] = later
	case NoAuthTime:
		delete(claims, "auth_time")
	case TimesAsText:
		claims["iat"] = fmt.Sprint(now.Unix())
	}
}

func spoilUserInfo(claims map[string]any, f Fault) {
	switch f {
	case OtherSubject:
		claims["sub"] = "someone else"
	case NoSubjectInInfo:
		delete(claims, "sub")
	case SubjectNumber:
		claims["sub"] = 7
	case OtherNameInInfo:
		claims["name"] = "李四"
	}
}

func spoilMetadata(meta map[string]any, f Fault) {
	switch f {
	case MetadataOfOther:
		meta["issuer"] = "https://attacker.example"
	case PlainHTTP:
		meta["token_endpoint"] = "http://attacker.example/token"
	case NoKeysURL:
		delete(meta, "jwks_uri")
	case PlainPKCE:
		meta["code_challenge_methods_supported"] = []string{"plain"}
	case AlgNone, AlgHS256, AlgHS256Secret, SymmetricKey:
		meta["id_token_signing_alg_values_supported"] = []string{"none", "HS256"}
	}
}

// embeddedKey returns a token with a right signature by a key that its header contains.
func embeddedKey(claims map[string]any) string {
	key := newKey()
	jwk := map[string]any{"kty": "RSA", "kid": "own", "n": b64(key.N.Bytes()), "e": b64(big.NewInt(int64(key.E)).Bytes())}
	return compact(map[string]any{"alg": "RS256", "kid": "own", "jwk": jwk}, claims, rs256(key))
}

// changePayload replaces the payload of a signed token.
func changePayload(signed string, claims map[string]any) string {
	parts := strings.Split(signed, ".")
	return parts[0] + "." + b64(encode(claims)) + "." + parts[2]
}
