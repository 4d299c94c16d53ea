-- +goose Up

-- The whole schema, grouped by noun. Every key except those of centers begins with
-- center_id, so the same schema runs on one server and on an engine that is
-- distributed by centre. Ids and times come from the application. Personal data is
-- not readable: *_digest columns are keyed PRF outputs, sealed* columns are AEAD
-- ciphertexts, *_fingerprint columns are keyed by the pepper. Columns that recur:
--   channel             where it was begun or done: alipay, ..., operator, counter, centre
--   provider            who identifies the user: alipay, or centre for a document and the password
--   identity_digest     provider, app id, kind and value of the user's identifier; no two providers share one
--   person_digest       type and number of the document, normalised
--   token_digest        SHA-256 of a session's token
--   credential_version  version of the password that was proven or is to be replaced
--   closed_at           when the row reached a final state; NULL before


-- Centre

-- A housing-provident-fund centre.
CREATE TABLE centers (
	center_id     text        NOT NULL CHECK (length(center_id) BETWEEN 1 AND 32),
	app_id        text        NOT NULL CHECK (length(app_id) > 0), -- of its mini-program
	created_at    timestamptz NOT NULL,
	column_marker bytea, -- a sealed constant, with which a command detects another column key before it reads or writes a row
	pepper_marker bytea, -- the same for the pepper, a fingerprint; NULL until a command has the pepper
	PRIMARY KEY (center_id),
	UNIQUE (app_id)
);

-- The registry of channels. A channel without a row has the default of the program.
CREATE TABLE channels (
	center_id         text        NOT NULL,
	channel           text        NOT NULL CHECK (length(channel) BETWEEN 1 AND 32), -- as in sessions and events
	code              integer     NOT NULL CHECK (code BETWEEN 1 AND 99), -- its number in the systems of vendors
	title             text        NOT NULL CHECK (length(title) BETWEEN 1 AND 32), -- its name for citizens, in Chinese
	is_on             boolean     NOT NULL,
	set_at            timestamptz NOT NULL, -- when is_on was set
	off_kind          text        CHECK (off_kind IN ('manual', 'automatic')), -- NULL and off: never switched on
	off_reason        text        CHECK (length(off_reason) > 0), -- of the operator, or the rate that was measured
	resumes_at        timestamptz, -- when a channel that was switched off automatically is on again
	opens             integer     NOT NULL CHECK (opens BETWEEN 0 AND 1439), -- minutes after midnight in Beijing
	closes            integer     NOT NULL CHECK (closes BETWEEN 0 AND 1439), -- of the next day if before opens; the same: open all day
	per_minute        integer     CHECK (per_minute > 0), -- requests of all servers; NULL: no limit
	credential        text        NOT NULL CHECK (credential IN ('password', 'phone_pin')), -- what it takes
	shares_password   boolean     NOT NULL, -- whether it takes the password that is changed here
	keypad            text        CHECK (length(keypad) > 0), -- characters that can be typed there, such as 0-9; NULL: any
	proofs            text[], -- accepted for a password that its owner chose; NULL: those of the settings
	initial_proofs    text[], -- for any other password
	failure_percent   integer     CHECK (failure_percent BETWEEN 1 AND 100), -- switches it off automatically; NULL: never
	failure_requests  integer     CHECK (failure_requests > 0), -- the least number of requests that is judged
	failure_minutes   integer     CHECK (failure_minutes BETWEEN 1 AND 60), -- the time that is judged
	cool_down_seconds bigint      CHECK (cool_down_seconds > 0), -- NULL: an operator switches it on
	PRIMARY KEY (center_id, channel),
	UNIQUE (center_id, code),
	CHECK (NOT is_on OR off_kind IS NULL),
	CHECK (credential = 'password' OR NOT shares_password),
	CHECK ((failure_percent IS NULL) = (failure_requests IS NULL) AND (failure_percent IS NULL) = (failure_minutes IS NULL))
);

-- Requests of channels with a limit of requests or failures, by minute, of all servers.
CREATE TABLE channel_counts (
	center_id text        NOT NULL,
	channel   text        NOT NULL,
	minute    timestamptz NOT NULL,
	requests  bigint      NOT NULL,
	failures  bigint      NOT NULL, -- requests that failed by no fault of the citizen
	PRIMARY KEY (center_id, channel, minute)
);
CREATE INDEX channel_counts_minute ON channel_counts (center_id, minute);

-- Actions that need two operators and that one has asked for.
CREATE TABLE operator_approvals (
	center_id  text        NOT NULL,
	action     text        NOT NULL CHECK (length(action) > 0),
	channel    text        NOT NULL,
	operator   text        NOT NULL CHECK (length(operator) > 0), -- the first
	reason     text        NOT NULL CHECK (length(reason) > 0),
	asked_at   timestamptz NOT NULL,
	expires_at timestamptz NOT NULL,
	PRIMARY KEY (center_id, action, channel)
);
CREATE INDEX operator_approvals_expires ON operator_approvals (center_id, expires_at);


-- Accounts and the files they come from

-- A fund account (个人账户) as the centre's core system reports it.
CREATE TABLE accounts (
	center_id         text        NOT NULL,
	account_id        uuid        NOT NULL,
	account_no_digest bytea       NOT NULL, -- GRZH
	person_digest     bytea       NOT NULL, -- ZJLX and ZJHM: one person may hold several accounts
	status            text        NOT NULL CHECK (length(status) = 2), -- GRZHZT, JGJ/T 320
	sealed            bytea       NOT NULL, -- name, document, phone, account number, employer number
	row_digest        bytea       NOT NULL, -- of everything imported: an unchanged line writes nothing
	updated_at        timestamptz NOT NULL,
	phone_digest      bytea, -- of the phone on file, which proves nobody if several persons have it; NULL: none on file
	PRIMARY KEY (center_id, account_id),
	UNIQUE (center_id, account_no_digest)
);
CREATE INDEX accounts_person ON accounts (center_id, person_digest);
CREATE INDEX accounts_phone ON accounts (center_id, phone_digest) WHERE phone_digest IS NOT NULL;

-- The progress of the import of a file, from which a restart continues.
CREATE TABLE imports (
	center_id         text        NOT NULL,
	file_digest       bytea       NOT NULL, -- SHA-256 of the file
	bytes_done        bigint      NOT NULL,
	lines_done        bigint      NOT NULL,
	added             bigint      NOT NULL, -- accounts, as the next three
	updated           bigint      NOT NULL,
	unchanged         bigint      NOT NULL,
	refused           bigint      NOT NULL,
	finished_at       timestamptz, -- NULL while it runs or is interrupted
	updated_at        timestamptz NOT NULL,
	links_moved       bigint      NOT NULL DEFAULT 0, -- to another account of the person, because the linked one has ended
	links_ended       bigint      NOT NULL DEFAULT 0,
	changes_cancelled bigint      NOT NULL DEFAULT 0,
	run               uuid, -- the run of a sync that may continue with the file; NULL for an import, which any process may continue
	PRIMARY KEY (center_id, file_digest)
);


-- Credentials

-- The credentials of an account: the password, and a separate PIN for the telephone.
CREATE TABLE password_credentials (
	center_id    text        NOT NULL,
	account_id   uuid        NOT NULL,
	kind         text        NOT NULL CHECK (kind IN ('password', 'phone_pin')),
	version      bigint      NOT NULL, -- incremented with every new one of the kind
	state        text        NOT NULL CHECK (state IN ('initial', 'set', 'must_change', 'frozen')),
	initial_rule text        CHECK (length(initial_rule) > 0), -- names how the initial password is derived; no hash of it exists
	hash         text        CHECK (length(hash) > 0),
	changed_at   timestamptz, -- NULL: never changed by the citizen
	PRIMARY KEY (center_id, account_id, kind),
	CHECK ((initial_rule IS NULL) <> (hash IS NULL))
);
-- Hashes over a digest that is slow by design (bcrypt, PBKDF2). The costliest of each
-- kind is looked up every few minutes. The index is empty once all of them were used.
CREATE INDEX password_credentials_costly ON password_credentials (
	center_id,
	substring(hash FROM ',pre=(bcrypt|pbkdf2-[a-z0-9]+):'),
	(substring(hash FROM ',pre=[a-z0-9-]+:([0-9]{1,9})')::integer)
) WHERE kind = 'password' AND (hash LIKE '%,pre=bcrypt:%' OR hash LIKE '%,pre=pbkdf2-%');

-- Former passwords and PINs, which may not be chosen again.
CREATE TABLE password_history (
	center_id   text        NOT NULL,
	account_id  uuid        NOT NULL,
	kind        text        NOT NULL CHECK (kind IN ('password', 'phone_pin')),
	version     bigint      NOT NULL,
	fingerprint bytea,
	set_at      timestamptz NOT NULL,
	hash        text        CHECK (length(hash) > 0), -- of a password that a reset replaced: it was not typed, so it has no fingerprint
	PRIMARY KEY (center_id, account_id, kind, version),
	CHECK ((fingerprint IS NULL) <> (hash IS NULL))
);


-- Attempts and their limits

-- Failed attempts and locks. A row belongs to a presented identity, known or not, and
-- a scope: 'public'; 'owner' for all linked users of the person; or the digest of a user who
-- is proven to be this person and not linked.
CREATE TABLE lockouts (
	center_id     text          NOT NULL,
	person_digest bytea         NOT NULL,
	scope         bytea         NOT NULL,
	attempts      integer       NOT NULL, -- failed in the present tier
	tier          integer       NOT NULL, -- how many tiers ended in a lock since the last success
	locked_until  timestamptz, -- in the year 9999 if only a reset by proven identity ends the lock
	admitted      boolean       NOT NULL, -- whether the latest attempt was admitted, or its verdict was counted
	refused       bigint        NOT NULL, -- attempts refused while locked
	updated_at    timestamptz   NOT NULL,
	-- The ends of the leases of pending attempts, ascending. Each counts against the limit.
	-- A failed attempt is then counted in attempts, a right one resets attempts, and one whose
	-- lease has ended is removed by the next attempt of the scope.
	pending       timestamptz[] NOT NULL DEFAULT '{}',
	PRIMARY KEY (center_id, person_digest, scope)
);

-- The persons whom unverified sources tried in vain: one row a day for a user or an
-- address, and one a minute for all sources. Old rows are purged.
CREATE TABLE spraying (
	center_id text        NOT NULL,
	kind      text        NOT NULL CHECK (kind IN ('user', 'address', 'global')),
	actor     bytea       NOT NULL, -- the user's identity digest, a keyed digest of the address, or empty
	since     timestamptz NOT NULL, -- 00:00 Beijing time, or the minute's start
	persons   bytea[]     NOT NULL, -- the first 16 bytes of person digests; empty for all sources
	tried     integer     NOT NULL, -- number of persons, or of attempts in the minute
	refused   bigint      NOT NULL, -- attempts refused because of this row
	PRIMARY KEY (center_id, kind, actor, since)
);
CREATE INDEX spraying_since ON spraying (center_id, since);

-- How often something was done on a day in Beijing time.
CREATE TABLE daily_counts (
	center_id      text          NOT NULL,
	purpose        text          NOT NULL CHECK (length(purpose) > 0), -- what is counted
	subject_digest bytea         NOT NULL, -- of the person or the user
	day            date          NOT NULL,
	count          integer       NOT NULL,
	pending        timestamptz[] NOT NULL DEFAULT '{}', -- verifications that the provider has not opened yet, as lockouts.pending
	PRIMARY KEY (center_id, purpose, subject_digest, day)
);
CREATE INDEX daily_counts_day ON daily_counts (center_id, day);


-- Links

-- The link of a user of a provider to a person. Both unique keys are in one table, so
-- concurrent inserts violate neither. The digests precede the provider, so that the keys
-- also find the links of all providers.
CREATE TABLE links (
	center_id       text        NOT NULL,
	provider        text        NOT NULL CHECK (length(provider) > 0),
	channel         text        NOT NULL CHECK (length(channel) > 0),
	identity_digest bytea       NOT NULL,
	person_digest   bytea       NOT NULL,
	account_id      uuid        NOT NULL, -- the account that the person chose
	sealed_identity bytea       NOT NULL,
	linked_at       timestamptz NOT NULL,
	authorised_at   timestamptz NOT NULL, -- when the user last signed in: an earlier withdrawal has no effect
	user_digest     bytea, -- of the user_id that an open_id replaced: a notification that names only the user_id finds the link
	PRIMARY KEY (center_id, identity_digest, provider),
	UNIQUE (center_id, person_digest, provider)
);
CREATE INDEX links_account ON links (center_id, account_id);
CREATE UNIQUE INDEX links_user ON links (center_id, user_digest) WHERE user_digest IS NOT NULL;

-- A verification of identity that a link waits for, by Alipay or by a code sent to the phone
-- on file. It is bound to the session that began it and can be used once.
CREATE TABLE link_proofs (
	center_id          text        NOT NULL,
	proof_id           uuid        NOT NULL,
	identity_digest    bytea       NOT NULL,
	token_digest       bytea       NOT NULL,
	person_digest      bytea       NOT NULL,
	account_id         uuid, -- NULL: no password was checked yet, or the claim is unknown to the centre
	scope              bytea       NOT NULL, -- of the attempt at the password
	kind               text        NOT NULL CHECK (kind IN ('certify', 'face', 'sms')), -- which of Alipay's products, or a code
	state              text        NOT NULL CHECK (state IN ('started', 'used', 'replaced')),
	certify_digest     bytea, -- of Alipay's certify_id, which is valid for one link; NULL for a code
	sealed_certify     bytea,
	credential_version bigint, -- NULL as account_id is
	opened_at          timestamptz NOT NULL,
	expires_at         timestamptz NOT NULL,
	closed_at          timestamptz,
	transfer           boolean     NOT NULL DEFAULT false, -- whether it ends in a link transfer
	code_id            uuid, -- the reset code used instead of the password: once it is replaced or used, the link is refused
	claim_digest       bytea, -- of name and document, if the face is verified before the password
	-- Whether the password is forgotten: a user who passes is linked and sets a new one. A person
	-- unknown to the centre is verified too, so that only that person learns of it.
	recovery           boolean     NOT NULL DEFAULT false,
	sms_code_id        uuid, -- the code that was sent; NULL for a verification by Alipay
	passed_at          timestamptz, -- when that code was right; Alipay is asked for its own result
	PRIMARY KEY (center_id, proof_id),
	UNIQUE (center_id, certify_digest),
	CHECK ((kind = 'sms') = (certify_digest IS NULL)),
	CHECK ((kind = 'sms') = (sms_code_id IS NOT NULL)),
	CONSTRAINT link_proofs_account CHECK (recovery OR claim_digest IS NOT NULL OR account_id IS NOT NULL AND credential_version IS NOT NULL)
);
CREATE UNIQUE INDEX link_proofs_one_open ON link_proofs (center_id, identity_digest) WHERE state = 'started';
CREATE INDEX link_proofs_identity ON link_proofs (center_id, identity_digest);
CREATE INDEX link_proofs_opened ON link_proofs (center_id, opened_at);

-- Another user of the provider, proven to be the same person, requests the transfer of a link. The holder
-- can reject the request until due_at; from then on the requester can confirm it.
CREATE TABLE link_transfers (
	center_id          text        NOT NULL,
	transfer_id        uuid        NOT NULL,
	provider           text        NOT NULL CHECK (length(provider) > 0),
	channel            text        NOT NULL CHECK (length(channel) > 0),
	identity_digest    bytea       NOT NULL, -- the requester
	former_digest      bytea       NOT NULL, -- the holder of the link
	person_digest      bytea       NOT NULL,
	account_id         uuid        NOT NULL, -- whose password was right
	sealed_identity    bytea       NOT NULL, -- the requester's, for notices
	credential_version bigint      NOT NULL,
	proof              text        NOT NULL CHECK (proof IN ('certdoc', 'face', 'phone', 'sms', 'clerk')), -- beside the password
	-- undeliverable: the holder cannot be notified, and only the counter helps.
	state              text        NOT NULL CHECK (state IN ('waiting', 'done', 'rejected', 'cancelled', 'undeliverable')),
	requested_at       timestamptz NOT NULL,
	due_at             timestamptz, -- NULL until the notice to the holder is accepted, when the holder's time begins
	expires_at         timestamptz NOT NULL,
	closed_at          timestamptz,
	window_seconds     bigint      NOT NULL DEFAULT 0, -- the holder's time to reject it
	frozen_at          timestamptz, -- when the former holder froze the password, which is possible once
	PRIMARY KEY (center_id, transfer_id)
);
CREATE UNIQUE INDEX link_transfers_one_of_person ON link_transfers (center_id, person_digest, provider) WHERE state = 'waiting';
CREATE UNIQUE INDEX link_transfers_one_of_user ON link_transfers (center_id, identity_digest) WHERE state = 'waiting';
CREATE INDEX link_transfers_identity ON link_transfers (center_id, identity_digest, requested_at);
CREATE INDEX link_transfers_former ON link_transfers (center_id, former_digest, closed_at) WHERE state = 'done';
CREATE INDEX link_transfers_person ON link_transfers (center_id, person_digest);
CREATE INDEX link_transfers_requested ON link_transfers (center_id, requested_at);


-- Sessions and what a session uses once

-- A signed-in session.
CREATE TABLE sessions (
	center_id       text        NOT NULL,
	token_digest    bytea       NOT NULL,
	provider        text        NOT NULL CHECK (length(provider) > 0),
	channel         text        NOT NULL CHECK (length(channel) > 0), -- of its requests
	identity_digest bytea       NOT NULL,
	sealed          bytea       NOT NULL, -- the identifier, and Alipay's access token until the link needs it
	created_at      timestamptz NOT NULL,
	seen_at         timestamptz NOT NULL, -- last activity, to half a minute
	phone_digest    bytea, -- of the phone number proven in the session; NULL: none
	sealed_phone    bytea,
	device_jkt      bytea, -- thumbprint of the device's key, which every request must prove; NULL: the token suffices
	PRIMARY KEY (center_id, token_digest)
);
CREATE INDEX sessions_identity ON sessions (center_id, identity_digest);
CREATE INDEX sessions_created ON sessions (center_id, created_at);

-- The devices of a person. A device is a key that it proves in every request (RFC 9449); the
-- first sign-in with it needs a code to the phone on file. Several persons may use one device.
CREATE TABLE devices (
	center_id     text        NOT NULL,
	device_id     uuid        NOT NULL,
	person_digest bytea       NOT NULL,
	jkt           bytea       NOT NULL, -- SHA-256 thumbprint of the public key, RFC 7638
	sealed        bytea       NOT NULL, -- the name of the device, and its platform
	created_at    timestamptz NOT NULL,
	used_at       timestamptz NOT NULL, -- last sign-in
	ended_at      timestamptz, -- by its owner, or because another device took its place; NULL before
	PRIMARY KEY (center_id, device_id)
);
CREATE UNIQUE INDEX devices_of_key ON devices (center_id, person_digest, jkt) WHERE ended_at IS NULL;
CREATE INDEX devices_person ON devices (center_id, person_digest);
CREATE INDEX devices_used ON devices (center_id, used_at);

-- Proofs of devices, each used once over all processes. Only the digest is stored, for the
-- minutes in which the proof would be accepted.
CREATE TABLE dpop_proofs (
	center_id    text        NOT NULL,
	proof_digest bytea       NOT NULL,
	expires_at   timestamptz NOT NULL,
	PRIMARY KEY (center_id, proof_digest)
);
CREATE INDEX dpop_proofs_expires ON dpop_proofs (center_id, expires_at);

-- Values that are valid once over all processes, such as Alipay's auth codes and one-time tokens.
-- Only the digest is stored, for longer than the value is valid.
CREATE TABLE spent_values (
	center_id    text        NOT NULL,
	value_digest bytea       NOT NULL,
	spent_at     timestamptz NOT NULL,
	PRIMARY KEY (center_id, value_digest)
);
CREATE INDEX spent_values_spent ON spent_values (center_id, spent_at);

-- Tickets for one sealed password each: a page gets a ticket, seals the password for it and
-- submits both.
CREATE TABLE password_tickets (
	center_id     text        NOT NULL,
	ticket_digest bytea       NOT NULL,
	token_digest  bytea       NOT NULL, -- of its session
	made_at       timestamptz NOT NULL,
	spent_at      timestamptz,
	spent_by      bytea, -- digest of the sealed text it admitted
	admitted      boolean     NOT NULL DEFAULT false, -- whether the latest use was valid
	PRIMARY KEY (center_id, ticket_digest)
);
CREATE INDEX password_tickets_made ON password_tickets (center_id, made_at);

-- The Alipay user to whom a payload of my.getPhoneNumber belongs: the first who sent it. The
-- payload contains neither the user nor a time, so only this row shows that another user sends
-- it again. A row outlives the sessions, see Operations.Purge.
CREATE TABLE phone_payloads (
	center_id       text        NOT NULL,
	payload_digest  bytea       NOT NULL,
	identity_digest bytea       NOT NULL,
	used_at         timestamptz NOT NULL, -- last
	PRIMARY KEY (center_id, payload_digest)
);
CREATE INDEX phone_payloads_identity ON phone_payloads (center_id, identity_digest);
CREATE INDEX phone_payloads_used ON phone_payloads (center_id, used_at);

-- The first replies by Idempotency-Key.
CREATE TABLE idempotency_records (
	center_id      text        NOT NULL,
	scope          bytea       NOT NULL, -- who sent the request
	key_digest     bytea       NOT NULL,
	request_digest bytea       NOT NULL, -- keyed by the pepper, because a body may hold a password
	run            uuid        NOT NULL, -- the run that may complete it
	lease_until    timestamptz NOT NULL, -- another run may take over after this
	status         integer, -- NULL while running
	sealed_reply   bytea,
	created_at     timestamptz NOT NULL,
	-- The attempt that the request has charged, so that a retry neither charges another one
	-- nor checks a wrong password again.
	attempt_until  timestamptz, -- end of the attempt's lease
	attempt_right  boolean,
	PRIMARY KEY (center_id, scope, key_digest)
);
CREATE INDEX idempotency_records_created ON idempotency_records (center_id, created_at);


-- Changes and resets

-- A password change: open, then exactly one of done, cancelled, expired.
CREATE TABLE changes (
	center_id          text        NOT NULL,
	change_id          uuid        NOT NULL,
	channel            text        NOT NULL CHECK (length(channel) > 0),
	identity_digest    bytea       NOT NULL,
	person_digest      bytea       NOT NULL,
	account_id         uuid        NOT NULL,
	state              text        NOT NULL CHECK (state IN ('open', 'done', 'cancelled', 'expired')),
	credential_version bigint      NOT NULL,
	old_fingerprint    bytea       NOT NULL,
	new_fingerprint    bytea, -- of the confirmed password: distinguishes a repeated confirm from another one
	sessions_ended     integer     NOT NULL DEFAULT 0,
	opened_at          timestamptz NOT NULL,
	expires_at         timestamptz NOT NULL,
	closed_at          timestamptz,
	PRIMARY KEY (center_id, change_id)
);
CREATE UNIQUE INDEX changes_one_open ON changes (center_id, person_digest) WHERE state = 'open';
CREATE INDEX changes_person ON changes (center_id, person_digest);
CREATE INDEX changes_opened ON changes (center_id, opened_at);

-- A password reset: started, then passed (identity is proven), then exactly one of done,
-- cancelled, expired; it may also be cancelled or expire before it is passed. It is bound to
-- the session that began it.
CREATE TABLE resets (
	center_id          text        NOT NULL,
	reset_id           uuid        NOT NULL,
	channel            text        NOT NULL CHECK (length(channel) > 0),
	identity_digest    bytea       NOT NULL,
	person_digest      bytea       NOT NULL,
	account_id         uuid        NOT NULL,
	token_digest       bytea       NOT NULL,
	kind               text        NOT NULL CHECK (kind IN ('certify', 'face', 'clerk', 'sms')), -- what proves identity
	state              text        NOT NULL CHECK (state IN ('started', 'passed', 'done', 'cancelled', 'expired')),
	certify_digest     bytea, -- of Alipay's certify_id, which is valid for one reset; NULL if a code proves identity
	sealed_certify     bytea,
	credential_version bigint      NOT NULL,
	new_fingerprint    bytea, -- as in changes
	sessions_ended     integer     NOT NULL DEFAULT 0,
	opened_at          timestamptz NOT NULL,
	expires_at         timestamptz NOT NULL,
	closed_at          timestamptz,
	sms_code_id        uuid, -- the code that was sent to the phone on file; NULL for other kinds
	PRIMARY KEY (center_id, reset_id),
	UNIQUE (center_id, certify_digest),
	CHECK ((kind IN ('clerk', 'sms')) = (certify_digest IS NULL)),
	CHECK ((kind = 'sms') = (sms_code_id IS NOT NULL)),
	CHECK ((certify_digest IS NULL) = (sealed_certify IS NULL))
);
CREATE UNIQUE INDEX resets_one_open ON resets (center_id, person_digest) WHERE state IN ('started', 'passed');
CREATE INDEX resets_person ON resets (center_id, person_digest);
CREATE INDEX resets_opened ON resets (center_id, opened_at);

-- One-time codes that a clerk issues to a person after checking the document. The present
-- password stays valid until the code is used. Codes are kept as long as operators' actions.
CREATE TABLE reset_codes (
	center_id   text        NOT NULL,
	code_id     uuid        NOT NULL,
	account_id  uuid        NOT NULL,
	code_digest bytea       NOT NULL,
	issued_by   text        NOT NULL CHECK (length(issued_by) BETWEEN 1 AND 32), -- the clerk's staff number
	issued_at   timestamptz NOT NULL,
	expires_at  timestamptz NOT NULL,
	closed_at   timestamptz, -- used or replaced
	used        boolean     NOT NULL DEFAULT false,
	-- One entry for each attempt: a keyed digest of account and user, which identifies the user
	-- only with the account. One user's wrong attempts do not end the code for another.
	tried_by    bytea[]     NOT NULL DEFAULT '{}',
	PRIMARY KEY (center_id, code_id)
);
CREATE UNIQUE INDEX reset_codes_one_open ON reset_codes (center_id, account_id) WHERE closed_at IS NULL;
CREATE INDEX reset_codes_issued ON reset_codes (center_id, issued_at);

-- One-time codes sent by SMS to the phone on file. A code is valid for one purpose, for the
-- person and for the session that requested it. A person has one open code for a purpose.
CREATE TABLE sms_codes (
	center_id        text        NOT NULL,
	code_id          uuid        NOT NULL,
	purpose          text        NOT NULL CHECK (purpose IN ('sign_in', 'reset', 'link', 'device')),
	channel          text        NOT NULL CHECK (length(channel) > 0),
	person_digest    bytea       NOT NULL,
	account_id       uuid, -- NULL: a caller who is not proven named a person who cannot be reached, and no code was sent
	phone_digest     bytea, -- of the phone on file at that time; NULL as account_id is
	binding_digest   bytea       NOT NULL, -- of the session, or of what the channel has before one
	code_fingerprint bytea       NOT NULL,
	tries            integer     NOT NULL DEFAULT 0,
	issued_at        timestamptz NOT NULL,
	expires_at       timestamptz NOT NULL,
	closed_at        timestamptz, -- used, replaced or out of tries
	used             boolean     NOT NULL DEFAULT false,
	PRIMARY KEY (center_id, code_id),
	CHECK ((account_id IS NULL) = (phone_digest IS NULL))
);
CREATE UNIQUE INDEX sms_codes_one_open ON sms_codes (center_id, person_digest, purpose) WHERE closed_at IS NULL;
CREATE INDEX sms_codes_person ON sms_codes (center_id, person_digest, issued_at);
CREATE INDEX sms_codes_issued ON sms_codes (center_id, issued_at);


-- Consents

-- The consents of a user, with the version of the text. The latest row of a purpose counts;
-- the others are its history.
CREATE TABLE consents (
	center_id       text        NOT NULL,
	identity_digest bytea       NOT NULL,
	purpose         text        NOT NULL CHECK (purpose IN ('link', 'certdoc', 'face', 'phone', 'message')),
	text_version    text        NOT NULL CHECK (length(text_version) BETWEEN 1 AND 32),
	how             text        NOT NULL CHECK (how IN ('asked', 'form', 'refused')), -- by a request of its own; with the form that showed the text; withdrawn before it was given
	given_at        timestamptz NOT NULL,
	withdrawn_at    timestamptz,
	PRIMARY KEY (center_id, identity_digest, purpose, given_at)
);

-- Whether an Alipay user accepts messages of a template, as last known: from Alipay's report
-- to the page (accepted, rejected), then from Alipay's reply to a message (accepted, refused).
CREATE TABLE message_subscriptions (
	center_id       text        NOT NULL,
	identity_digest bytea       NOT NULL,
	template_id     text        NOT NULL CHECK (length(template_id) BETWEEN 1 AND 64),
	state           text        NOT NULL CHECK (state IN ('accepted', 'rejected', 'refused')),
	at              timestamptz NOT NULL,
	PRIMARY KEY (center_id, identity_digest)
);
CREATE INDEX message_subscriptions_at ON message_subscriptions (center_id, at);


-- Records and messages

-- The events of a citizen's link and password.
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

-- The actions of the centre's operators on accounts and channels.
CREATE TABLE operator_actions (
	center_id  text        NOT NULL,
	action_id  uuid        NOT NULL,
	at         timestamptz NOT NULL,
	operator   text        NOT NULL CHECK (length(operator) > 0), -- the name given by the operator; 'automatic' for the program itself
	action     text        NOT NULL CHECK (length(action) > 0),
	account_id uuid,
	channel    text, -- of an action on a channel
	reason     text        NOT NULL CHECK (length(reason) > 0), -- no personal data, see Operations.Unlock
	PRIMARY KEY (center_id, action_id),
	CHECK ((account_id IS NULL) <> (channel IS NULL))
);
CREATE INDEX operator_actions_account ON operator_actions (center_id, account_id);
CREATE INDEX operator_actions_at ON operator_actions (center_id, at);

-- Notices and codes to users, written in the transaction that causes them. The process that
-- holds the lease sends a row until next_at; afterwards any process may.
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
	lease      uuid,
	failed_at  timestamptz, -- when it was given up undelivered
	expires_at timestamptz NOT NULL, -- it is not sent afterwards
	medium     text        NOT NULL CHECK (medium IN ('message', 'sms')), -- a message of the user's provider, or an SMS to the phone on file
	receipt    text        CHECK (receipt IN ('delivered', 'undelivered')), -- of an SMS, as the gateway reported; NULL: no report
	PRIMARY KEY (center_id, outbox_id)
);
CREATE INDEX outbox_account ON outbox (center_id, account_id);
CREATE INDEX outbox_created ON outbox (center_id, created_at);
CREATE INDEX outbox_due ON outbox (center_id, medium, next_at) WHERE done_at IS NULL AND failed_at IS NULL;

-- Messages from Alipay, one row each: Alipay repeats a message for 25 hours under its notify_id.
CREATE TABLE notifications (
	center_id        text        NOT NULL,
	notify_id        text        NOT NULL CHECK (length(notify_id) > 0),
	family           text        NOT NULL CHECK (length(family) > 0),
	method           text        NOT NULL CHECK (length(method) > 0),
	sealed           bytea       NOT NULL, -- the content, which may identify a user or contain a token
	made_at          timestamptz, -- by Alipay's clock; NULL if the message has no time
	received_at      timestamptz NOT NULL,
	identity_digests bytea[]     NOT NULL, -- of the Alipay users it names, so that a person's notifications are found without opening all
	cancelled_at     timestamptz, -- when the user withdrew, for a message about that; Alipay's list has it to the second only
	PRIMARY KEY (center_id, notify_id)
);
CREATE INDEX notifications_identities ON notifications USING gin (identity_digests);
CREATE INDEX notifications_received ON notifications (center_id, received_at);
