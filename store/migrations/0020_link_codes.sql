-- +goose Up

-- Whose tries a reset code has had, one entry a try: a keyed digest of account and
-- Alipay user, which leads to nobody without the account. One user's wrong tries do not
-- end the code for another.
ALTER TABLE reset_codes ADD COLUMN tried_by bytea[] NOT NULL DEFAULT '{}', DROP COLUMN tries;

-- The code that stood for the password of a link which waits for a face; once that is
-- replaced or used, the link is refused.
ALTER TABLE link_proofs ADD COLUMN code_id uuid, DROP COLUMN by_code;

-- A face may be shown before the password is looked at. Then nothing is known of an
-- account yet: what was verified is the claim itself, as a keyed digest of name and document.
ALTER TABLE link_proofs ADD COLUMN claim_digest bytea,
	ALTER COLUMN account_id DROP NOT NULL, ALTER COLUMN credential_version DROP NOT NULL,
	ADD CONSTRAINT link_proofs_account CHECK (claim_digest IS NOT NULL OR account_id IS NOT NULL AND credential_version IS NOT NULL);
