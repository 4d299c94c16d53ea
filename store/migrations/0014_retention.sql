-- +goose Up

-- Hashes over a digest that is slow by design (bcrypt, PBKDF2): the costliest of
-- each kind is asked for every few minutes. Empty once all of them were used.
CREATE INDEX password_credentials_costly ON password_credentials (
	center_id,
	substring(hash FROM ',pre=(bcrypt|pbkdf2-[a-z0-9]+):'),
	(substring(hash FROM ',pre=[a-z0-9-]+:([0-9]{1,9})')::integer)
) WHERE hash LIKE '%,pre=bcrypt:%' OR hash LIKE '%,pre=pbkdf2-%';

-- Reset codes are kept as long as what operators did.
CREATE INDEX reset_codes_issued ON reset_codes (center_id, issued_at);

-- What became of a person is looked up by person when their data are handed out or erased.
CREATE INDEX changes_person ON changes (center_id, person_digest);
CREATE INDEX resets_person ON resets (center_id, person_digest);
CREATE INDEX outbox_account ON outbox (center_id, account_id);
CREATE INDEX operator_actions_account ON operator_actions (center_id, account_id);
