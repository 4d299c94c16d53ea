package alipaysim

import (
	"encoding/json"
	"net/url"
	"time"

	"fundpass/keys/calendar"
)

// LoseNotice is a Notice.Fault that is not in NoticeFaults: the user has withdrawn the
// authorisation, and no notification is posted.
const LoseNotice = "lose_notice"

// kindCancelled is the only kind of notice that LoseNotice applies to.
const kindCancelled = "alipay.open.auth.userauth.cancelled"

// A withdrawal records that a user has withdrawn the application's authorisation.
type withdrawal struct {
	identity
	at time.Time
}

// withdraw records a withdrawal for deloauthQuery. It returns ErrUnknownPerson, or
// ErrUnknownFault if n is not of kindCancelled.
func (s *Sim) withdraw(n Notice) error {
	if n.Kind != kindCancelled {
		return ErrUnknownFault
	}
	about, err := s.subject(n)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.withdrawals = append(s.withdrawals, withdrawal{identity{about.UserID, about.OpenID}, s.cfg.Now()})
	return nil
}

// deloauthQuery implements alipay.user.deloauth.detail.query: it lists the withdrawals of
// a day of Beijing, oldest first. offset is the page, beginning with 1. Source: comments
// of Alipay's SDKs.
func (s *Sim) deloauthQuery(form url.Values) (any, *failure) {
	var in struct {
		Date          string `json:"date"`
		Offset, Limit int
	}
	if json.Unmarshal([]byte(form.Get("biz_content")), &in) != nil {
		return nil, invalid("illegal-json", "biz_content不是合法的JSON")
	}
	if _, err := time.Parse("20060102", in.Date); err != nil || in.Offset < 1 || in.Limit < 1 {
		return nil, invalid("invalid-parameter", "参数无效")
	}
	type detail struct {
		identity
		At string `json:"del_auth_time"`
	}
	out := struct {
		success
		Details []detail `json:"details,omitempty"`
	}{success: succeeded}
	s.mu.Lock()
	defer s.mu.Unlock()
	begin, n := (in.Offset-1)*in.Limit, 0
	for _, w := range s.withdrawals {
		at := w.at.In(calendar.Beijing)
		if at.Format("20060102") != in.Date {
			continue
		}
		if n >= begin && n < begin+in.Limit {
			out.Details = append(out.Details, detail{w.identity, at.Format(time.DateTime)})
		}
		n++
	}
	return out, nil
}
