package signing

import (
	"encoding/json"
	"fmt"
	"time"
)

// MethodCancelled is the Method of the message that reports that a citizen has
// withdrawn the authorisation of the mini-program.
const MethodCancelled = "alipay.open.auth.userauth.cancelled"

// A Cancellation reports that a citizen has withdrawn the authorisation of the
// mini-program. A message may arrive after the citizen has authorised again; compare At.
type Cancellation struct {
	Identity Identity
	At       time.Time // when the citizen withdrew; Alipay sends the message minutes later
}

// Cancellation parses the content of a message whose Method is MethodCancelled:
//
//	{"app_id":"<AppID>","open_id":"...","user_id":"2088...","cancel_time":1706327962739}
//
// with open_id, user_id or both. Errors: ErrMalformed, and ErrWrongApp if app_id is
// that of another application.
func (n Notification) Cancellation() (Cancellation, error) {
	if n.Method != MethodCancelled || n.Family != FamilyFromAnt {
		return Cancellation{}, fmt.Errorf("%w: message is not a cancelled authorisation", ErrMalformed)
	}
	fields, err := members(n.BizContent, "app_id", "open_id", "user_id", "cancel_time")
	if err != nil {
		return Cancellation{}, err
	}
	if !n.names(fields["app_id"]) {
		return Cancellation{}, fmt.Errorf("%w: biz_content.app_id", ErrWrongApp)
	}
	id, ok := identify(n.AppID, fields["open_id"], fields["user_id"])
	if !ok {
		return Cancellation{}, fmt.Errorf("%w: biz_content names no citizen", ErrMalformed)
	}
	ms, ok := decimal(fields["cancel_time"], 14)
	if !ok {
		return Cancellation{}, fmt.Errorf("%w: biz_content.cancel_time is not in milliseconds", ErrMalformed)
	}
	return Cancellation{Identity: id, At: time.UnixMilli(ms)}, nil
}

// names reports whether app_id in biz_content names the mini-program. In a message that a
// third-party application receives, it may be the receiver's if auth_app_id names the mini-program.
func (n Notification) names(appID string) bool {
	return appID == n.AppID || n.Receiver != "" && appID == n.Receiver && n.AuthAppID == n.AppID
}

// members returns the named members of a JSON object, strings unquoted and numbers as
// written. It returns ErrMalformed for a duplicate member and for a named member that
// is neither a string nor a number.
func members(object []byte, names ...string) (map[string]string, error) {
	nodes, err := splitObject(object)
	if err != nil {
		return nil, fmt.Errorf("%w: biz_content is not a JSON object or has a duplicate member", ErrMalformed)
	}
	fields := make(map[string]string, len(names))
	for _, name := range names {
		raw, ok := nodes[name]
		var text string
		switch {
		case !ok:
			continue
		case raw[0] == '"' && json.Unmarshal(raw, &text) == nil:
			fields[name] = text
		case raw[0] >= '0' && raw[0] <= '9':
			fields[name] = string(raw)
		default:
			return nil, fmt.Errorf("%w: biz_content.%s is neither a string nor a number", ErrMalformed, name)
		}
	}
	return fields, nil
}
