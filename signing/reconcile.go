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
	deloauthPage   = 50   // cancellations on one page
	deloauthPages  = 1000 // maximum number of pages of one day
)

// Cancellations returns the users who withdrew the authorisation of the mini-program on
// day, in Beijing time (alipay.user.deloauth.detail.query). Alipay keeps the list for 7
// days. It recovers notifications that were missed. Alipay lists whole seconds; At is the
// last microsecond of the second, so that it is not before the At of the notification.
// Cancellations is idempotent.
//
// It returns the complete list or an error: ErrUnavailable, ErrForged or
// ErrConfiguration. ctx limits all pages together; the Gateway's timeout limits each.
func (g *Gateway) Cancellations(ctx context.Context, day time.Time) ([]Cancellation, error) {
	c := g.current.Load()
	date := day.In(calendar.Beijing).Format("20060102")
	var all []Cancellation
	short := false
	for page := 1; page <= deloauthPages; page++ {
		found, err := c.cancellations(ctx, date, page)
		switch {
		case err != nil:
			return nil, err
		case len(found) == 0:
			return all, nil
		case short || len(found) > deloauthPage: // Alipay uses another page size, so entries may be missing
			return nil, fmt.Errorf("%s: %w: pages have gaps", methodDeloauth, ErrUnavailable)
		}
		short = len(found) < deloauthPage
		all = append(all, found...)
	}
	return nil, fmt.Errorf("%s: %w: too many pages", methodDeloauth, ErrUnavailable)
}

// A deloauthDetail is an element of details.
type deloauthDetail struct {
	OpenID string `json:"open_id"`
	UserID string `json:"user_id"`
	Time   string `json:"del_auth_time"` // 2006-01-02 15:04:05, Beijing
}

// cancellations returns one page; the first is page 1. Older versions of the interface
// return the list inside member response, so both places are read.
func (c *keyedClient) cancellations(ctx context.Context, date string, page int) ([]Cancellation, error) {
	var out struct {
		Details  []deloauthDetail `json:"details"`
		Response struct {
			Details []deloauthDetail `json:"details"`
		} `json:"response"`
	}
	ask := alipay.NewPayload(methodDeloauth).
		AddBizField("date", date).AddBizField("offset", page).AddBizField("limit", deloauthPage)
	if err := c.call(ctx, ask, &out); err != nil {
		return nil, err
	}
	listed := out.Details
	if len(listed) == 0 {
		listed = out.Response.Details
	}
	all := make([]Cancellation, 0, len(listed))
	for _, d := range listed {
		id, ok := identify(c.keyring.AppID(), d.OpenID, d.UserID)
		at, err := time.ParseInLocation(time.DateTime, d.Time, calendar.Beijing)
		if !ok || err != nil {
			return nil, fmt.Errorf("%s: %w: an entry has no user or no time", methodDeloauth, ErrUnavailable)
		}
		all = append(all, Cancellation{Identity: id, At: at.Add(time.Second - time.Microsecond)})
	}
	return all, nil
}
