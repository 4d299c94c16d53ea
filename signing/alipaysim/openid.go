package alipaysim

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"slices"
)

// Arguments of Identify.
const (
	GiveUserID = "user_id"
	GiveBoth   = "both"
	GiveOpenID = "open_id"
)

// ErrUnknownNaming means that the argument of Identify is not one of its constants.
var ErrUnknownNaming = errors.New(`alipaysim: users are identified by "user_id", "both" or "open_id"`)

// Identify sets the identifiers that the application gets in grants, notices and lists:
// user_id, both or open_id; "" is those that each Person has. A user without a user_id,
// like one who came after the migration, always has an open_id. It returns
// ErrUnknownNaming.
//
// An application that gets only open_ids cannot send to a user_id; Alipay's error is not
// published.
func (s *Sim) Identify(by string) error {
	if !slices.Contains([]string{"", GiveUserID, GiveBoth, GiveOpenID}, by) {
		return ErrUnknownNaming
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.disclosure = by
	return nil
}

// disclose returns p with the identifiers that the application gets. The caller holds mu.
func (s *Sim) disclose(p Person) Person {
	switch {
	case s.disclosure == "" || p == Person{}:
	case s.disclosure == GiveUserID && p.UserID != "":
		p.OpenID = ""
	case s.disclosure == GiveOpenID:
		p.UserID, p.OpenID = "", s.openID(p)
	default:
		p.OpenID = s.openID(p)
	}
	return p
}

// openID returns the open_id of p, also if the application does not get it.
func (s *Sim) openID(p Person) string {
	if p.OpenID != "" {
		return p.OpenID
	}
	sum := sha256.Sum256([]byte(s.cfg.AppID + "/" + p.Person))
	return "074" + base64.RawURLEncoding.EncodeToString(sum[:])
}

// maxUserIDs is the limit of openIDQuery; Alipay's limit is not published.
const maxUserIDs = 50

// openIDQuery implements alipay.open.app.openid.uidtoopenid.batchquery. It leaves out
// unknown users and returns the others in an order that differs from the request's.
func (s *Sim) openIDQuery(form url.Values) (any, *failure) {
	var in struct {
		UserIDs []string `json:"user_id_list"`
	}
	if json.Unmarshal([]byte(form.Get("biz_content")), &in) != nil {
		return nil, invalid("illegal-json", "biz_content不是合法的JSON")
	}
	if len(in.UserIDs) < 1 || len(in.UserIDs) > maxUserIDs {
		return nil, invalid("invalid-parameter", "用户ID的个数无效")
	}
	out := struct {
		success
		List []identity `json:"open_id_list,omitempty"`
	}{success: succeeded}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range slices.Backward(s.people) {
		if p.UserID != "" && slices.Contains(in.UserIDs, p.UserID) {
			out.List = append(out.List, identity{p.UserID, s.openID(p)})
		}
	}
	return out, nil
}

// setIdentifiers answers POST /sim/identify.
func (s *Sim) setIdentifiers(w http.ResponseWriter, r *http.Request) {
	var in struct {
		By string `json:"by"`
	}
	if !readJSON(w, r, &in, `{"by":"user_id"}, "both", "open_id", or "" for those of each person`) {
		return
	}
	if err := s.Identify(in.By); err != nil {
		writeJSON(w, http.StatusBadRequest, problem{Error: err.Error()})
		return
	}
	writeJSON(w, http.StatusOK, in)
}
