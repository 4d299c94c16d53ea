-- +goose Up

-- What recognises a password is keyed by the pepper from here on, and an earlier
-- password that nobody typed when it was replaced stays as its hash. What was keyed by
-- the column key goes: with it, that key alone would test passwords.
DELETE FROM password_history;
DELETE FROM changes;
DELETE FROM idempotency_records;
UPDATE resets SET new_fingerprint = NULL;

ALTER TABLE password_history
	ALTER COLUMN fingerprint DROP NOT NULL,
	ADD COLUMN hash text CHECK (length(hash) > 0), -- of a password that a reset replaced
	ADD CHECK ((fingerprint IS NULL) <> (hash IS NULL));
