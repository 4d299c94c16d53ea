-- +goose Up

-- A link that went from the citizen's user_id to their open_id keeps the digest of the
-- user_id: a grant or a notice that still names only that finds the link.
ALTER TABLE alipay_links ADD COLUMN user_digest bytea;
CREATE UNIQUE INDEX alipay_links_user ON alipay_links (center_id, user_digest) WHERE user_digest IS NOT NULL;

-- What goes with a citizen to another identifier is looked up by the old one.
CREATE INDEX phone_payloads_identity ON phone_payloads (center_id, identity_digest);
CREATE INDEX link_proofs_identity ON link_proofs (center_id, identity_digest);
