package oidcsim

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"math/big"
	"mime"
	"net/http"
	"net/url"
	"strings"
)

// discovery serves the metadata of OpenID Connect Discovery 1.0 and RFC 8414.
func (s *Sim) discovery(w http.ResponseWriter, _ *http.Request) {
	_, _, f := s.state()
	meta := map[string]any{
		"issuer":                                         s.cfg.Issuer,
		"authorization_endpoint":                         s.cfg.Issuer + "/authorize",
		"token_endpoint":                                 s.cfg.Issuer + "/token",
		"jwks_uri":                                       s.cfg.Issuer + "/keys",
		"userinfo_endpoint":                              s.cfg.Issuer + "/userinfo",
		"response_types_supported":                       []string{"code"},
		"subject_types_supported":                        []string{"public"},
		"id_token_signing_alg_values_supported":          []string{"RS256"},
		"token_endpoint_auth_methods_supported":          []string{"client_secret_" + s.clientAuth()},
		"code_challenge_methods_supported":               []string{"S256"},
		"authorization_response_iss_parameter_supported": true,
	}
	spoilMetadata(meta, f)
	reply(w, http.StatusOK, meta)
}

func (s *Sim) clientAuth() string {
	if s.cfg.ClientAuth == "post" {
		return "post"
	}
	return "basic"
}

// keys serves the public key.
func (s *Sim) keys(w http.ResponseWriter, _ *http.Request) {
	key, keyID, f := s.state()
	all := []any{map[string]any{
		"kty": "RSA", "use": "sig", "alg": "RS256", "kid": keyID,
		"n": b64(key.N.Bytes()), "e": b64(big.NewInt(int64(key.E)).Bytes()),
	}}
	if f == SymmetricKey {
		all = append(all, map[string]any{"kty": "oct", "kid": keyID, "k": b64([]byte(published))})
	}
	reply(w, http.StatusOK, map[string]any{"keys": all})
}

// token exchanges a code (RFC 6749, section 4.1.3, and RFC 7636, section 4.5).
func (s *Sim) token(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	media, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if media != "application/x-www-form-urlencoded" || r.ParseForm() != nil || r.URL.RawQuery != "" {
		refuse(w, http.StatusBadRequest, "invalid_request")
		return
	}
	for _, values := range r.PostForm {
		if len(values) != 1 {
			refuse(w, http.StatusBadRequest, "invalid_request")
			return
		}
	}
	if !s.clientIs(r) {
		w.Header().Set("WWW-Authenticate", "Basic")
		refuse(w, http.StatusUnauthorized, "invalid_client")
		return
	}
	if r.PostForm.Get("grant_type") != "authorization_code" {
		refuse(w, http.StatusBadRequest, "unsupported_grant_type")
		return
	}
	g, ok := s.spend(r.PostForm)
	if !ok {
		refuse(w, http.StatusBadRequest, "invalid_grant")
		return
	}
	answer := map[string]any{"access_token": g.token, "token_type": "Bearer", "expires_in": 300, "id_token": s.idToken(g)}
	_, _, f := s.state()
	spoilToken(answer, f)
	reply(w, http.StatusOK, answer)
}

// clientIs reports whether the client authenticates in the one accepted way.
func (s *Sim) clientIs(r *http.Request) bool {
	id, secret, basic := r.BasicAuth()
	if basic { // RFC 6749, section 2.3.1
		var err1, err2 error
		id, err1 = url.QueryUnescape(id)
		secret, err2 = url.QueryUnescape(secret)
		basic = err1 == nil && err2 == nil
	}
	if inForm := r.PostForm.Has("client_secret"); inForm == basic || inForm != (s.clientAuth() == "post") {
		return false
	}
	if !basic {
		id, secret = r.PostForm.Get("client_id"), r.PostForm.Get("client_secret")
	}
	return id == s.cfg.ClientID && subtle.ConstantTimeCompare([]byte(secret), []byte(s.cfg.ClientSecret)) == 1
}

// spend uses up the code of a token request. A code that is used again ends its access token,
// too.
func (s *Sim) spend(form url.Values) (*grant, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	g := s.grants[form.Get("code")]
	if g == nil {
		return nil, false
	}
	if g.used {
		delete(s.access, g.token)
		return nil, false
	}
	g.used = true
	verifier := form.Get("code_verifier")
	sum := sha256.Sum256([]byte(verifier))
	if len(verifier) < 43 || len(verifier) > 128 || b64(sum[:]) != g.challenge ||
		form.Get("redirect_uri") != g.redirectURL || s.cfg.Now().Sub(g.at) > codeLife {
		return nil, false
	}
	g.token = rand.Text()
	s.access[g.token] = g
	return g, true
}

// userInfo serves the claims about the person of an access token.
func (s *Sim) userInfo(w http.ResponseWriter, r *http.Request) {
	token, bearer := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	s.mu.Lock()
	g, f := s.access[token], s.fault
	s.mu.Unlock()
	if !bearer || g == nil {
		w.Header().Set("WWW-Authenticate", `Bearer error="invalid_token"`)
		refuse(w, http.StatusUnauthorized, "invalid_token")
		return
	}
	claims := g.person.claims()
	claims["sub"] = g.person.Login
	spoilUserInfo(claims, f)
	reply(w, http.StatusOK, claims)
}

func (p Person) claims() map[string]any {
	return map[string]any{"name": p.Name, "id_type": p.IDType, "id_number": p.IDNumber, "level": p.Level}
}

func reply(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	if err := json.NewEncoder(w).Encode(v); err != nil {
		panic(http.ErrAbortHandler)
	}
}

func refuse(w http.ResponseWriter, status int, code string) {
	reply(w, status, map[string]any{"error": code})
}

func b64(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }
