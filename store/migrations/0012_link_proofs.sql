-- +goose Up

-- A link that waits for Alipay's word: the password was right, the face is still to be
-- shown. It is bound to the session that began it, and good once.
CREATE TABLE link_proofs (
	center_id          text        NOT NULL,
	proof_id           uuid        NOT NULL,
	identity_digest    bytea       NOT NULL,
	token_digest       bytea       NOT NULL, -- of the session
	person_digest      bytea       NOT NULL,
	account_id         uuid        NOT NULL,
	scope              bytea       NOT NULL, -- of the attempt at the password
	kind               text        NOT NULL CHECK (kind IN ('certify', 'face')), -- which of Alipay's products
	state              text        NOT NULL CHECK (state IN ('started', 'used', 'replaced')),
	certify_digest     bytea       NOT NULL, -- of Alipay's certify_id, which is good for one link
	sealed_certify     bytea       NOT NULL,
	credential_version bigint      NOT NULL, -- of the password that was right
	opened_at          timestamptz NOT NULL,
	expires_at         timestamptz NOT NULL,
	closed_at          timestamptz,
	PRIMARY KEY (center_id, proof_id),
	UNIQUE (center_id, certify_digest)
);
CREATE UNIQUE INDEX link_proofs_one_open ON link_proofs (center_id, identity_digest) WHERE state = 'started';
CREATE INDEX link_proofs_opened ON link_proofs (center_id, opened_at);

-- What an Alipay user agreed to, and to which text. The latest row of a purpose counts;
-- the others are its history.
CREATE TABLE consents (
	center_id       text        NOT NULL,
	identity_digest bytea       NOT NULL,
	purpose         text        NOT NULL CHECK (purpose IN ('link', 'certdoc', 'face', 'phone', 'message')),
	text_version    text        NOT NULL CHECK (length(text_version) BETWEEN 1 AND 32),
	how             text        NOT NULL CHECK (how IN ('asked', 'form', 'refused')), -- a call of its own; the form beside which the text stood; withdrawn before it was given
	given_at        timestamptz NOT NULL,
	withdrawn_at    timestamptz,
	PRIMARY KEY (center_id, identity_digest, purpose, given_at)
);
