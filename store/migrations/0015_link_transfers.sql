-- +goose Up

-- A cancelled authorisation ends the link; there is nothing left to mark. authorised_at
-- is when the citizen last opened the mini-program: what was cancelled before is past.
DELETE FROM alipay_links WHERE withdrawn_at IS NOT NULL;
UPDATE alipay_links SET authorised_at = linked_at WHERE authorised_at IS NULL;
ALTER TABLE alipay_links ALTER COLUMN authorised_at SET NOT NULL, DROP COLUMN withdrawn_at;

-- Another Alipay user of the same proven person requests the transfer of a link. Its
-- present holder can reject the request until due_at; from then on the requester can
-- confirm the transfer.
CREATE TABLE link_transfers (
	center_id          text        NOT NULL,
	transfer_id        uuid        NOT NULL,
	identity_digest    bytea       NOT NULL, -- the requester
	former_digest      bytea       NOT NULL, -- whose link it is
	person_digest      bytea       NOT NULL,
	account_id         uuid        NOT NULL, -- whose password was right
	sealed_identity    bytea       NOT NULL, -- the requester's, for notices
	credential_version bigint      NOT NULL, -- of the password that was right
	proof              text        NOT NULL CHECK (proof IN ('certdoc', 'face', 'phone', 'clerk')),
	state              text        NOT NULL CHECK (state IN ('waiting', 'done', 'rejected', 'cancelled')),
	requested_at       timestamptz NOT NULL,
	due_at             timestamptz NOT NULL,
	expires_at         timestamptz NOT NULL,
	closed_at          timestamptz,
	PRIMARY KEY (center_id, transfer_id)
);
CREATE UNIQUE INDEX link_transfers_one_of_person ON link_transfers (center_id, person_digest) WHERE state = 'waiting';
CREATE UNIQUE INDEX link_transfers_one_of_user ON link_transfers (center_id, identity_digest) WHERE state = 'waiting';
CREATE INDEX link_transfers_identity ON link_transfers (center_id, identity_digest, requested_at);
CREATE INDEX link_transfers_person ON link_transfers (center_id, person_digest);
CREATE INDEX link_transfers_requested ON link_transfers (center_id, requested_at);

-- A link that waits for a face may be a transfer, and a reset code may have been used
-- instead of the password, which may then be frozen.
ALTER TABLE link_proofs ADD COLUMN transfer boolean NOT NULL DEFAULT false, ADD COLUMN by_code boolean NOT NULL DEFAULT false;
