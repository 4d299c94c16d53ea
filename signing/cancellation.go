package signing

import (
	"encoding/json"
	"fmt"
	"time"
)

// MethodCancelled is the Method of the message that says a citizen has withdrawn the
// authorisation given to the mini-program.
const MethodCancelled = "alipay.open.auth.userauth.cancelled"

// A Cancellation is what such a message says. One that comes late, after the citizen
// authorised again, is told by At.
type Cancellation struct {
	Identity Identity
	At       time.Time // when the citizen withdrew; the message is made minutes later
}

// Cancellation reads a message whose Method is MethodCancelled:
//
//	{"app_id":"<ours>","open_id":"...","user_id":"2088...","cancel_time":1706327962739}
//
// with one of the identifiers or both. Fails with ErrMalformed, or with ErrWrongApp
// when the content is about another application.
func (n Notification) Cancellation() (Cancellation, error) {
	if n.Method != MethodCancelled || n.Family != FamilyFromAnt {
		return Cancellation{}, fmt.Errorf("%w: not a cancelled authorisation", ErrMalformed)
	}
	said, err := members(n.BizContent, "app_id", "open_id", "user_id", "cancel_time")
	if err != nil {
		return Cancellation{}, err
	}
	if said["app_id"] != n.AppID {
		return Cancellation{}, fmt.Errorf("%w: biz_content.app_id", ErrWrongApp)
	}
	id, ok := identify(n.AppID, said["open_id"], said["user_id"])
	if !ok {
		return Cancellation{}, fmt.Errorf("%w: biz_content names no citizen", ErrMalformed)
	}
	ms, ok := decimal(said["cancel_time"], 14)
	if !ok {
		return Cancellation{}, fmt.Errorf("%w: biz_content.cancel_time is not in milliseconds", ErrMalformed)
	}
	return Cancellation{Identity: id, At: time.UnixMilli(ms)}, nil
}

// members returns the named members of a JSON object, strings unquoted and numbers
// as written; other members are left alone. A member given twice, or one of the
// named that is neither string nor number, is ErrMalformed.
func members(object []byte, names ...string) (map[string]string, error) {
	nodes, err := splitObject(object)
	if err != nil {
		return nil, fmt.Errorf("%w: biz_content is not one JSON object with each member once", ErrMalformed)
	}
	said := make(map[string]string, len(names))
	for _, name := range names {
		raw, ok := nodes[name]
		var text string
		switch {
		case !ok:
			continue
		case raw[0] == '"' && json.Unmarshal(raw, &text) == nil:
			said[name] = text
		case raw[0] >= '0' && raw[0] <= '9':
			said[name] = string(raw)
		default:
			return nil, fmt.Errorf("%w: biz_content.%s is neither text nor number", ErrMalformed, name)
		}
	}
	return said, nil
}
