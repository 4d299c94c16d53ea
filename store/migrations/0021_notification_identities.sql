-- +goose Up

-- Which Alipay users a message names, so that a citizen's are found without opening all
-- of them; NULL: taken in before, and not looked at since.
ALTER TABLE notifications ADD COLUMN identity_digests bytea[];
CREATE INDEX notifications_identities ON notifications USING gin (identity_digests);
CREATE INDEX notifications_unread ON notifications (center_id, notify_id) WHERE identity_digests IS NULL;
