-- +goose Up

-- A password reset: started, then passed (identity is proven), then exactly one
-- of done, cancelled, expired; or cancelled or expired before that. It is bound to
-- the session that began it.
CREATE TABLE resets (
	center_id          text        NOT NULL,
	reset_id           uuid        NOT NULL,
	identity_digest    bytea       NOT NULL,
	person_digest      bytea       NOT NULL,
	account_id         uuid        NOT NULL,
	token_digest       bytea       NOT NULL, -- of the session
	kind               text        NOT NULL CHECK (kind IN ('certify', 'face', 'clerk')), -- what proves identity
	state              text        NOT NULL CHECK (state IN ('started', 'passed', 'done', 'cancelled', 'expired')),
	certify_digest     bytea, -- of Alipay's certify_id, which is good for one reset
	sealed_certify     bytea,
	credential_version bigint      NOT NULL, -- the version that is to be replaced
	new_fingerprint    bytea,
	sessions_ended     integer     NOT NULL DEFAULT 0,
	opened_at          timestamptz NOT NULL,
	expires_at         timestamptz NOT NULL,
	closed_at          timestamptz,
	PRIMARY KEY (center_id, reset_id),
	UNIQUE (center_id, certify_digest),
	CHECK ((kind = 'clerk') = (certify_digest IS NULL)),
	CHECK ((certify_digest IS NULL) = (sealed_certify IS NULL))
);
CREATE UNIQUE INDEX resets_one_open ON resets (center_id, person_digest) WHERE state IN ('started', 'passed');
CREATE INDEX resets_opened ON resets (center_id, opened_at);

-- One-time codes that a clerk hands to a citizen whose document they have seen.
-- The present password stays good until the code is used.
CREATE TABLE reset_codes (
	center_id   text        NOT NULL,
	code_id     uuid        NOT NULL,
	account_id  uuid        NOT NULL,
	code_digest bytea       NOT NULL,
	issued_by   text        NOT NULL CHECK (length(issued_by) BETWEEN 1 AND 32), -- the clerk's staff number
	tries       integer     NOT NULL DEFAULT 0,
	issued_at   timestamptz NOT NULL,
	expires_at  timestamptz NOT NULL,
	closed_at   timestamptz, -- used or replaced
	used        boolean     NOT NULL DEFAULT false,
	PRIMARY KEY (center_id, code_id)
);
CREATE UNIQUE INDEX reset_codes_one_open ON reset_codes (center_id, account_id) WHERE closed_at IS NULL;

-- How often something was done on a day of Beijing.
CREATE TABLE daily_counts (
	center_id      text    NOT NULL,
	purpose        text    NOT NULL CHECK (length(purpose) > 0),
	subject_digest bytea   NOT NULL,
	day            date    NOT NULL,
	count          integer NOT NULL,
	PRIMARY KEY (center_id, purpose, subject_digest, day)
);
CREATE INDEX daily_counts_day ON daily_counts (center_id, day);
