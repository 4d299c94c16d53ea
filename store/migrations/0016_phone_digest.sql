-- +goose Up

-- The phone on file, to see whether it stands at several persons: then it tells nobody
-- whose it is. NULL: none on file, or not taken in since.
ALTER TABLE accounts ADD COLUMN phone_digest bytea;
CREATE INDEX accounts_phone ON accounts (center_id, phone_digest) WHERE phone_digest IS NOT NULL;
