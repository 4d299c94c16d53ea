-- +goose Up

-- A verification may be of somebody who has forgotten the password and is not linked: who
-- passes is linked and sets a new one. Where the centre knows nobody of that name and
-- document there is no account: the citizen is verified all the same, so that only the
-- person themself learns it.
ALTER TABLE link_proofs ADD COLUMN recovery boolean NOT NULL DEFAULT false,
	DROP CONSTRAINT link_proofs_account,
	ADD CONSTRAINT link_proofs_account CHECK (recovery OR claim_digest IS NOT NULL OR account_id IS NOT NULL AND credential_version IS NOT NULL);
