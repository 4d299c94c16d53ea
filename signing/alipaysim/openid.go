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

// What an application is told of whom, see Identify.
const (
	GiveUserID = "user_id"
	GiveBoth   = "both"
	GiveOpenID = "open_id"
)

// ErrUnknownNaming says that Identify takes user_id, both, open_id or nothing.
var ErrUnknownNaming = errors.New(`alipaysim: citizens are named by "user_id", "both" or "open_id"`)

// Identify makes the application one that is told citizens' user_id, both identifiers
// or only the open_id from now on, in grants, notices and lists; "" tells what each
// Person has. A citizen without a user_id is always told by open_id, as one is who
// came after the change. Fails with ErrUnknownNaming.
//
// An application that is told only open_ids cannot send to a user_id: how Alipay
// answers that is not published.
func (s *Sim) Identify(by string) error {
	if !slices.Contains([]string{"", GiveUserID, GiveBoth, GiveOpenID}, by) {
		return ErrUnknownNaming
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.naming = by
	return nil
}

// named is p as the application is told of them. The caller holds mu.
func (s *Sim) named(p Person) Person {
	switch {
	case s.naming == "" || p == Person{}:
	case s.naming == GiveUserID && p.UserID != "":
		p.OpenID = ""
	case s.naming == GiveOpenID:
		p.UserID, p.OpenID = "", s.openID(p)
	default:
		p.OpenID = s.openID(p)
	}
	return p
}

// openID is p's, which an old application has not been told yet.
func (s *Sim) openID(p Person) string {
	if p.OpenID != "" {
		return p.OpenID
	}
	sum := sha256.Sum256([]byte(s.cfg.AppID + "/" + p.Person))
	return "074" + base64.RawURLEncoding.EncodeToString(sum[:])
}

// maxUserIDs is how many citizens openIDQuery names at once; Alipay's limit is not
// published.
const maxUserIDs = 50

// openIDQuery names citizens by open_id whom the application knew by user_id; those it
// does not know are left out. The list is in an order of its own.
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

func (s *Sim) setNaming(w http.ResponseWriter, r *http.Request) {
	var in struct {
		By string `json:"by"`
	}
	if !readJSON(w, r, &in, `{"by":"user_id"}, "both", "open_id", or "" for what each person has`) {
		return
	}
	if err := s.Identify(in.By); err != nil {
		writeJSON(w, http.StatusBadRequest, problem{Error: err.Error()})
		return
	}
	writeJSON(w, http.StatusOK, in)
}
