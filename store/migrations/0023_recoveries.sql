-- +goose Up

-- A verification may be of somebody who has forgotten the password and is not linked: who
-- passes is linked and sets a new one. Where the centre knows nobody of that name and
-- document there is no account: the citizen is verified all the same, so that only the
-- person themself learns it.
ALTER TABLE link_proofs ADD COLUMN recovery boolean NOT NULL DEFAULT false,
	ALTER COLUMN account_id DROP NOT NULL,
	ADD CONSTRAINT link_proofs_account CHECK (recovery OR account_id IS NOT NULL);
