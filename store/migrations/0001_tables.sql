-- +goose Up

-- Every table but centers begins its primary key with center_id, so the same
-- schema runs on one server and on an engine distributed by centre.
-- Ids and times come from the application. Nothing personal stands readable:
-- *_digest columns are keyed PRF outputs, sealed* columns are AEAD ciphertexts.

CREATE TABLE centers (
	center_id  text        NOT NULL CHECK (length(center_id) BETWEEN 1 AND 32),
	app_id     text        NOT NULL CHECK (length(app_id) > 0),
	created_at timestamptz NOT NULL,
	PRIMARY KEY (center_id),
	UNIQUE (app_id)
);

-- A fund account (个人账户) as the centre's core system reports it.
CREATE TABLE accounts (
	center_id         text        NOT NULL,
	account_id        uuid        NOT NULL,
	account_no_digest bytea       NOT NULL, -- GRZH
	person_digest     bytea       NOT NULL, -- ZJLX and ZJHM, normalised: one person may hold several accounts
	status            text        NOT NULL CHECK (length(status) = 2), -- GRZHZT, JGJ/T 320
	sealed            bytea       NOT NULL, -- name, document, phone, account number, employer number
	row_digest        bytea       NOT NULL, -- of everything imported: an unchanged line writes nothing
	updated_at        timestamptz NOT NULL,
	PRIMARY KEY (center_id, account_id),
	UNIQUE (center_id, account_no_digest)
);
CREATE INDEX accounts_person ON accounts (center_id, person_digest);

CREATE TABLE password_credentials (
	center_id    text        NOT NULL,
	account_id   uuid        NOT NULL,
	version      bigint      NOT NULL,
	state        text        NOT NULL CHECK (state IN ('initial', 'set', 'must_change', 'frozen')),
	initial_rule text        CHECK (length(initial_rule) > 0), -- names how the initial password is derived; no hash of it exists
	hash         text        CHECK (length(hash) > 0),
	changed_at   timestamptz, -- NULL: never changed by the citizen
	PRIMARY KEY (center_id, account_id),
	CHECK ((initial_rule IS NULL) <> (hash IS NULL))
);

-- Keyed fingerprints of passwords once used, newest version last.
CREATE TABLE password_history (
	center_id   text        NOT NULL,
	account_id  uuid        NOT NULL,
	version     bigint      NOT NULL,
	fingerprint bytea       NOT NULL,
	set_at      timestamptz NOT NULL,
	PRIMARY KEY (center_id, account_id, version)
);

-- Failed attempts and locks. A row belongs to a presented identity, known or not, and
-- a scope: 'public', or the Alipay identity that is proven to be this person.
CREATE TABLE lockouts (
	center_id     text        NOT NULL,
	person_digest bytea       NOT NULL,
	scope         bytea       NOT NULL,
	attempts      integer     NOT NULL, -- failed in the present tier
	tier          integer     NOT NULL, -- how many tiers ended in a lock since the last success
	locked_until  timestamptz,          -- in the year 9999: only a proven reset opens it
	admitted      boolean     NOT NULL, -- whether the latest attempt was admitted
	refused       bigint      NOT NULL, -- attempts refused while locked
	updated_at    timestamptz NOT NULL,
	PRIMARY KEY (center_id, person_digest, scope)
);

-- One Alipay user, one person. Both keys stand in one table, so both hold under race.
CREATE TABLE alipay_links (
	center_id       text        NOT NULL,
	identity_digest bytea       NOT NULL, -- app id, kind and value of the Alipay identifier
	person_digest   bytea       NOT NULL,
	account_id      uuid        NOT NULL, -- the account this person chose
	sealed_identity bytea       NOT NULL,
	linked_at       timestamptz NOT NULL,
	PRIMARY KEY (center_id, identity_digest),
	UNIQUE (center_id, person_digest)
);
CREATE INDEX alipay_links_account ON alipay_links (center_id, account_id);

CREATE TABLE sessions (
	center_id       text        NOT NULL,
	token_digest    bytea       NOT NULL,
	identity_digest bytea       NOT NULL,
	sealed          bytea       NOT NULL, -- the Alipay identifier, and its access token until the link needs it
	created_at      timestamptz NOT NULL,
	seen_at         timestamptz NOT NULL, -- of the last activity, to half a minute
	PRIMARY KEY (center_id, token_digest)
);
CREATE INDEX sessions_identity ON sessions (center_id, identity_digest);
CREATE INDEX sessions_created ON sessions (center_id, created_at);

-- An auth code is spent once, over all processes. Only its digest is kept, for a day.
CREATE TABLE auth_codes (
	center_id   text        NOT NULL,
	code_digest bytea       NOT NULL,
	spent_at    timestamptz NOT NULL,
	PRIMARY KEY (center_id, code_digest)
);
CREATE INDEX auth_codes_spent ON auth_codes (center_id, spent_at);

-- One password change: open, then exactly one of done, cancelled, expired.
CREATE TABLE changes (
	center_id          text        NOT NULL,
	change_id          uuid        NOT NULL,
	identity_digest    bytea       NOT NULL,
	person_digest      bytea       NOT NULL,
	account_id         uuid        NOT NULL,
	state              text        NOT NULL CHECK (state IN ('open', 'done', 'cancelled', 'expired')),
	credential_version bigint      NOT NULL, -- the version whose password was proven
	old_fingerprint    bytea       NOT NULL,
	new_fingerprint    bytea, -- of the confirmed password: a repeated confirm is told from another one
	sessions_ended     integer     NOT NULL DEFAULT 0,
	opened_at          timestamptz NOT NULL,
	expires_at         timestamptz NOT NULL,
	closed_at          timestamptz,
	PRIMARY KEY (center_id, change_id)
);
CREATE UNIQUE INDEX changes_one_open ON changes (center_id, person_digest) WHERE state = 'open';
CREATE INDEX changes_opened ON changes (center_id, opened_at);

-- First answers, by Idempotency-Key.
CREATE TABLE idempotency_records (
	center_id      text        NOT NULL,
	scope          bytea       NOT NULL, -- who asked
	key_digest     bytea       NOT NULL,
	request_digest bytea       NOT NULL, -- keyed, because a body may hold a password
	run            uuid        NOT NULL, -- the run that may answer
	lease_until    timestamptz NOT NULL, -- a run that died is taken over after this
	status         integer, -- NULL while running
	sealed_reply   bytea,
	created_at     timestamptz NOT NULL,
	PRIMARY KEY (center_id, scope, key_digest)
);
CREATE INDEX idempotency_records_created ON idempotency_records (center_id, created_at);

-- The citizen's record of what happened to link and password.
CREATE TABLE events (
	center_id  text        NOT NULL,
	at         timestamptz NOT NULL,
	event_id   uuid        NOT NULL,
	account_id uuid        NOT NULL,
	kind       text        NOT NULL CHECK (length(kind) > 0),
	channel    text        NOT NULL CHECK (length(channel) > 0),
	PRIMARY KEY (center_id, at, event_id)
) PARTITION BY RANGE (at);
CREATE TABLE events_rest PARTITION OF events DEFAULT;
CREATE INDEX events_account ON events (center_id, account_id, at);

-- What must be told to somebody outside, written with what it tells of.
CREATE TABLE outbox (
	center_id  text        NOT NULL,
	outbox_id  uuid        NOT NULL, -- the receiver's deduplication key
	kind       text        NOT NULL CHECK (length(kind) > 0),
	account_id uuid        NOT NULL,
	sealed     bytea       NOT NULL,
	attempts   integer     NOT NULL DEFAULT 0,
	created_at timestamptz NOT NULL,
	next_at    timestamptz NOT NULL,
	done_at    timestamptz,
	PRIMARY KEY (center_id, outbox_id)
);
CREATE INDEX outbox_due ON outbox (center_id, next_at) WHERE done_at IS NULL;

-- How far the import of a file came: a restart goes on from there.
CREATE TABLE imports (
	center_id   text        NOT NULL,
	file_digest bytea       NOT NULL, -- SHA-256 of the file
	bytes_done  bigint      NOT NULL,
	lines_done  bigint      NOT NULL,
	added       bigint      NOT NULL,
	updated     bigint      NOT NULL,
	unchanged   bigint      NOT NULL,
	refused     bigint      NOT NULL,
	finished_at timestamptz,
	updated_at  timestamptz NOT NULL,
	PRIMARY KEY (center_id, file_digest)
);
