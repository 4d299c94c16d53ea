package signing

import (
	"context"
	"fmt"

	"github.com/smartwalle/alipay/v3"
)

const methodOpenID = "alipay.open.app.openid.uidtoopenid.batchquery"

// OpenIDBatch is how many citizens OpenIDs may be asked for at once. Alipay publishes
// no limit for this interface; 50 is what its other lists take.
const OpenIDBatch = 50

// OpenIDs asks Alipay by which open_id this application now knows citizens whom it knew
// by user_id, at most OpenIDBatch of them
// (alipay.open.app.openid.uidtoopenid.batchquery). The answer has an Identity with kind
// open_id and the user_id beside it for each citizen that Alipay names, in no order;
// whom it does not name is missing. Asking again is harmless.
//
// Documented, in Alipay's own SDKs of 2024: user_id_list is a list of strings, and each
// element of open_id_list has user_id, open_id and perhaps union_id. So an open_id
// belongs to the user_id it stands beside, never to one at the same place of the
// question. Assumed, because nothing says it: whom Alipay cannot name is left out of
// the list. Where one such citizen makes it refuse the whole question instead
// (ErrConfiguration), each may be asked for alone.
//
// Either every pair is sound or there is an error: ErrUnavailable, ErrForged or
// ErrConfiguration. A pair nobody asked for, a user_id or an open_id that comes twice
// and a pair with half missing spoil the whole answer: a link must not go to somebody else.
func (g *Gateway) OpenIDs(ctx context.Context, userIDs []string) ([]Identity, error) {
	if len(userIDs) == 0 || len(userIDs) > OpenIDBatch {
		return nil, fmt.Errorf("%s: %w: %d citizens at once", methodOpenID, ErrConfiguration, len(userIDs))
	}
	var out struct {
		List []openIDPair `json:"open_id_list"`
	}
	l := g.line.Load()
	if err := l.call(ctx, alipay.NewPayload(methodOpenID).AddBizField("user_id_list", userIDs), &out); err != nil {
		return nil, err
	}
	return pairUp(l.keyring.AppID(), userIDs, out.List)
}

// An openIDPair is one citizen under both names. Alipay adds a union_id where
// applications share citizens; it is not read.
type openIDPair struct {
	UserID string `json:"user_id"`
	OpenID string `json:"open_id"`
}

func pairUp(appID string, asked []string, answered []openIDPair) ([]Identity, error) {
	open := make(map[string]bool, len(asked)) // user_ids that wait for their pair
	for _, userID := range asked {
		open[userID] = true
	}
	taken := make(map[string]bool, len(answered))
	all := make([]Identity, 0, len(answered))
	for _, p := range answered {
		id, ok := identify(appID, p.OpenID, p.UserID)
		if !ok || p.OpenID == "" || !open[p.UserID] || taken[p.OpenID] {
			return nil, fmt.Errorf("%s: %w: a pair that does not fit the question", methodOpenID, ErrUnavailable)
		}
		open[p.UserID], taken[p.OpenID] = false, true
		all = append(all, id)
	}
	return all, nil
}
