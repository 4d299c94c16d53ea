package store

import (
	"bytes"
	"context"
	"encoding/json"
	"strings"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"
)

// namedIn returns the digests of the users that a message names: every value of a
// member whose name ends in open_id or user_id, at any depth, in JSON inside strings, too.
// Of what is no JSON nobody is named.
func (db *DB) namedIn(content []byte) pq.ByteaArray {
	all := pq.ByteaArray{}
	for _, kind := range []string{kindOpenID, kindUserID} {
		for _, value := range valuesOf(content, kind) {
			all = append(all, db.digest(Identity{Provider: notifier, AppID: db.appID, Kind: kind, Value: value}))
		}
	}
	return all
}

// valuesOf are the values of members whose names end in suffix.
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

// notificationsAbout returns the ids of the notifications that name one of the person's users.
func (db *DB) notificationsAbout(ctx context.Context, q sqlx.QueryerContext, t subjectRefs) (ids []string, err error) {
	err = sqlx.SelectContext(ctx, q, &ids, `
		SELECT notify_id FROM notifications WHERE center_id = $1 AND identity_digests && $2 ORDER BY notify_id`,
		db.center, pq.ByteaArray(t.identities))
	return ids, err
}

// A sealedNotification is a notification whose identity_digests are not filled yet.
type sealedNotification struct {
	ID     string `db:"notify_id"`
	Sealed []byte `db:"sealed"`
}

// notificationBatch is how many of them are opened at a time.
const notificationBatch = 1000

// indexNotifications fills identity_digests of the notifications that were stored before the column
// existed. It opens them outside of any transaction. A second call finds none.
func (db *DB) indexNotifications(ctx context.Context) error {
	for after := ""; ; {
		var batch []sealedNotification
		err := db.read(ctx, func(q sqlx.QueryerContext) error {
			batch = nil
			return sqlx.SelectContext(ctx, q, &batch, `
				SELECT notify_id, sealed FROM notifications
				WHERE center_id = $1 AND identity_digests IS NULL AND notify_id > $2
				ORDER BY notify_id LIMIT $3`, db.center, after, notificationBatch)
		})
		if err != nil || len(batch) == 0 {
			return err
		}
		if err := db.noteNamed(ctx, batch); err != nil {
			return err
		}
		after = batch[len(batch)-1].ID
	}
}

func (db *DB) noteNamed(ctx context.Context, batch []sealedNotification) error {
	named := make([]pq.ByteaArray, len(batch))
	for i, l := range batch {
		var content []byte
		if err := db.unseal(l.Sealed, "notifications", []byte(l.ID), &content); err != nil {
			return err
		}
		named[i] = db.namedIn(content)
	}
	return db.inTx(ctx, func(tx *sqlx.Tx, _ time.Time) error {
		for i, l := range batch {
			if _, err := tx.ExecContext(ctx, `
				UPDATE notifications SET identity_digests = $3
				WHERE center_id = $1 AND notify_id = $2 AND identity_digests IS NULL`,
				db.center, l.ID, named[i]); err != nil {
				return err
			}
		}
		return nil
	})
}
