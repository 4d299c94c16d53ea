-- +goose Up

-- Which Alipay users a message names, so that a citizen's are found without opening all
-- of them; NULL: taken in before, and not looked at since.
ALTER TABLE notifications ADD COLUMN identity_digests bytea[];

-- When the citizen withdrew, of a message that says so. Alipay's list, by which missed ones
-- are made up for, knows the second only.
ALTER TABLE notifications ADD COLUMN cancelled_at timestamptz;
CREATE INDEX notifications_identities ON notifications USING gin (identity_digests);
CREATE INDEX notifications_unread ON notifications (center_id, notify_id) WHERE identity_digests IS NULL;
