package signing

import (
	"context"
	"fmt"

	"github.com/smartwalle/alipay/v3"
)

const methodOpenID = "alipay.open.app.openid.uidtoopenid.batchquery"

// OpenIDBatch is the maximum number of user_ids in one call of OpenIDs. Alipay publishes
// no limit for this interface; 50 is the limit of its other batch interfaces.
const OpenIDBatch = 50

// OpenIDs returns the open_ids of users whom this application knew by user_id
// (alipay.open.app.openid.uidtoopenid.batchquery), at most OpenIDBatch at once. Each
// Identity has Kind open_id and the user_id in UserID. The order is undefined, and users
// whom Alipay does not know are missing. OpenIDs is idempotent.
//
// According to Alipay's SDKs of 2024, user_id_list is a list of strings, and each element
// of open_id_list has user_id, open_id and optionally union_id. So a pair belongs
// together by its user_id and not by its position. It is not documented what happens to
// unknown users; OpenIDs assumes that they are left out of the list. If Alipay rejects
// the whole call because of one (ErrConfiguration), the caller can ask for each alone.
//
// OpenIDs never returns a part of the list: a pair that was not requested, a duplicate
// user_id or open_id, or an incomplete pair is an error, because a wrong pair would give
// a link to another person. Errors: ErrUnavailable, ErrForged, ErrConfiguration.
func (g *Gateway) OpenIDs(ctx context.Context, userIDs []string) ([]Identity, error) {
	if len(userIDs) == 0 || len(userIDs) > OpenIDBatch {
		return nil, fmt.Errorf("%s: %w: %d user_ids in one call", methodOpenID, ErrConfiguration, len(userIDs))
	}
	var out struct {
		List []openIDPair `json:"open_id_list"`
	}
	c := g.current.Load()
	if err := c.call(ctx, alipay.NewPayload(methodOpenID).AddBizField("user_id_list", userIDs), &out); err != nil {
		return nil, err
	}
	return matchPairs(c.keyring.AppID(), userIDs, out.List)
}

// An openIDPair is an element of open_id_list. Its optional union_id is not used.
type openIDPair struct {
	UserID string `json:"user_id"`
	OpenID string `json:"open_id"`
}

// matchPairs checks answered against asked and returns the identities.
func matchPairs(appID string, asked []string, answered []openIDPair) ([]Identity, error) {
	pending := make(map[string]bool, len(asked)) // user_ids without a pair yet
	for _, userID := range asked {
		pending[userID] = true
	}
	taken := make(map[string]bool, len(answered))
	all := make([]Identity, 0, len(answered))
	for _, p := range answered {
		id, ok := identify(appID, p.OpenID, p.UserID)
		if !ok || p.OpenID == "" || !pending[p.UserID] || taken[p.OpenID] {
			return nil, fmt.Errorf("%s: %w: a pair does not match the request", methodOpenID, ErrUnavailable)
		}
		pending[p.UserID], taken[p.OpenID] = false, true
		all = append(all, id)
	}
	return all, nil
}
