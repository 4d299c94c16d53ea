-- +goose Up

-- A cancelled authorisation ends the link; there is nothing left to mark. authorised_at
-- is when the citizen last opened the mini-program: what was cancelled before is past.
DELETE FROM alipay_links WHERE withdrawn_at IS NOT NULL;
UPDATE alipay_links SET authorised_at = linked_at WHERE authorised_at IS NULL;
ALTER TABLE alipay_links ALTER COLUMN authorised_at SET NOT NULL, DROP COLUMN withdrawn_at;

-- Another Alipay user of the same proven person asks for a link. Until due_at its
-- present holder may object; then the one who asked may take it over.
CREATE TABLE relinks (
	center_id          text        NOT NULL,
	relink_id          uuid        NOT NULL,
	identity_digest    bytea       NOT NULL, -- who asks
	former_digest      bytea       NOT NULL, -- whose link it is
	person_digest      bytea       NOT NULL,
	account_id         uuid        NOT NULL, -- whose password was right
	sealed_identity    bytea       NOT NULL, -- of who asks, to be told
	credential_version bigint      NOT NULL, -- of the password that was right
	proof              text        NOT NULL CHECK (proof IN ('certdoc', 'face', 'phone', 'clerk')),
	state              text        NOT NULL CHECK (state IN ('waiting', 'done', 'objected', 'cancelled')),
	asked_at           timestamptz NOT NULL,
	due_at             timestamptz NOT NULL,
	expires_at         timestamptz NOT NULL,
	closed_at          timestamptz,
	PRIMARY KEY (center_id, relink_id)
);
CREATE UNIQUE INDEX relinks_one_of_person ON relinks (center_id, person_digest) WHERE state = 'waiting';
CREATE UNIQUE INDEX relinks_one_of_user ON relinks (center_id, identity_digest) WHERE state = 'waiting';
CREATE INDEX relinks_identity ON relinks (center_id, identity_digest, asked_at);
CREATE INDEX relinks_person ON relinks (center_id, person_digest);
CREATE INDEX relinks_asked ON relinks (center_id, asked_at);

-- A link that waits for a face may be one to be taken over, and a clerk's code may have
-- stood for the password, which then may be frozen.
ALTER TABLE link_proofs ADD COLUMN relink boolean NOT NULL DEFAULT false, ADD COLUMN by_code boolean NOT NULL DEFAULT false;
