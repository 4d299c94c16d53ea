package store

import (
	"bytes"
	"context"
	"encoding/json"
	"strings"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"
)

// namedIn returns the digests of the users that a message names: the values of all members
// whose names end in open_id or user_id, at any depth, also in JSON within strings. The
// result is never nil, and is empty if content is not JSON.
func (db *DB) namedIn(content []byte) pq.ByteaArray {
	all := pq.ByteaArray{}
	for _, kind := range []string{kindOpenID, kindUserID} {
		for _, value := range valuesOf(content, kind) {
			all = append(all, db.digest(Identity{Provider: notifier, AppID: db.appID, Kind: kind, Value: value}))
		}
	}
	return all
}

// valuesOf returns the values of members whose names end in suffix.
func valuesOf(content []byte, suffix string) (all []string) {
	var v any
	d := json.NewDecoder(bytes.NewReader(content))
	d.UseNumber()
	if d.Decode(&v) != nil {
		return nil
	}
	var walk func(name string, v any)
	walk = func(name string, v any) {
		switch v := v.(type) {
		case map[string]any:
			for name, v := range v {
				walk(name, v)
			}
		case []any:
			for _, v := range v {
				walk(name, v)
			}
		case json.Number:
			walk(name, v.String())
		case string:
			switch {
			case v != "" && strings.HasSuffix(name, suffix):
				all = append(all, v)
			case strings.HasPrefix(v, "{"), strings.HasPrefix(v, "["):
				all = append(all, valuesOf([]byte(v), suffix)...)
			}
		}
	}
	walk("", v)
	return all
}

// notificationsAbout returns the ids of the notifications that name one of the person's
// users.
func (db *DB) notificationsAbout(ctx context.Context, q sqlx.QueryerContext, t subjectRefs) (ids []string, err error) {
	err = sqlx.SelectContext(ctx, q, &ids, `
		SELECT notify_id FROM notifications WHERE center_id = $1 AND identity_digests && $2 ORDER BY notify_id`,
		db.center, pq.ByteaArray(t.identities))
	return ids, err
}
