package signing

import (
	"context"
	"fmt"
	"time"

	"github.com/smartwalle/alipay/v3"

	"fundpass/keys/calendar"
)

const (
	methodDeloauth = "alipay.user.deloauth.detail.query"
	deloauthPage   = 50   // cancellations asked for at once
	deloauthPages  = 1000 // far more than a day has
)

// Cancellations returns who withdrew the authorisation of the mini-program on day, by
// Beijing's calendar, oldest page first (alipay.user.deloauth.detail.query). Alipay
// keeps them for 7 days. It makes up for notices that were missed. At is the end of
// the second in which Alipay wrote the cancellation down, so a moment later than in
// the notice: what the citizen began before withdrawing is before it. Asking again is
// harmless.
//
// Either the whole list is returned or an error: ErrUnavailable, ErrForged or
// ErrConfiguration. ctx bounds the whole; each page has the Gateway's timeout.
func (g *Gateway) Cancellations(ctx context.Context, day time.Time) ([]Cancellation, error) {
	l := g.line.Load()
	date := day.In(calendar.Beijing).Format("20060102")
	var all []Cancellation
	short := false
	for page := 1; page <= deloauthPages; page++ {
		found, err := l.cancellations(ctx, date, page)
		switch {
		case err != nil:
			return nil, err
		case len(found) == 0:
			return all, nil
		case short || len(found) > deloauthPage: // Alipay has pages of another size, and some would be missed
			return nil, fmt.Errorf("%s: %w: pages have gaps", methodDeloauth, ErrUnavailable)
		}
		short = len(found) < deloauthPage
		all = append(all, found...)
	}
	return nil, fmt.Errorf("%s: %w: the list does not end", methodDeloauth, ErrUnavailable)
}

// A deloauthDetail is one cancellation as Alipay lists it.
type deloauthDetail struct {
	OpenID string `json:"open_id"`
	UserID string `json:"user_id"`
	Time   string `json:"del_auth_time"` // 2006-01-02 15:04:05, Beijing
}

// cancellations returns one page; they are counted from 1. The list has moved in the
// answer over the years, and both places are read.
func (l *line) cancellations(ctx context.Context, date string, page int) ([]Cancellation, error) {
	var out struct {
		Details  []deloauthDetail `json:"details"`
		Response struct {
			Details []deloauthDetail `json:"details"`
		} `json:"response"`
	}
	ask := alipay.NewPayload(methodDeloauth).
		AddBizField("date", date).AddBizField("offset", page).AddBizField("limit", deloauthPage)
	if err := l.call(ctx, ask, &out); err != nil {
		return nil, err
	}
	listed := out.Details
	if len(listed) == 0 {
		listed = out.Response.Details
	}
	all := make([]Cancellation, 0, len(listed))
	for _, d := range listed {
		id, ok := identify(l.keyring.AppID(), d.OpenID, d.UserID)
		at, err := time.ParseInLocation(time.DateTime, d.Time, calendar.Beijing)
		if !ok || err != nil {
			return nil, fmt.Errorf("%s: %w: an entry without citizen or time", methodDeloauth, ErrUnavailable)
		}
		all = append(all, Cancellation{Identity: id, At: at.Add(time.Second - time.Microsecond)})
	}
	return all, nil
}
