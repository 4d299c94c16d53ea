-- Made by TestSchema from the migrations; not to be edited.

CREATE TABLE accounts (
	center_id text NOT NULL,
	account_id uuid NOT NULL,
	account_no_digest bytea NOT NULL,
	person_digest bytea NOT NULL,
	status text NOT NULL,
	sealed bytea NOT NULL,
	row_digest bytea NOT NULL,
	updated_at timestamp with time zone NOT NULL,
	phone_digest bytea,
	PRIMARY KEY (center_id, account_id),
	UNIQUE (center_id, account_no_digest),
	CHECK ((length(status) = 2)),
	FOREIGN KEY (center_id) REFERENCES centers(center_id)
);
CREATE INDEX accounts_person ON accounts USING btree (center_id, person_digest);
CREATE INDEX accounts_phone ON accounts USING btree (center_id, phone_digest) WHERE (phone_digest IS NOT NULL);

CREATE TABLE centers (
	center_id text NOT NULL,
	app_id text NOT NULL,
	created_at timestamp with time zone NOT NULL,
	column_marker bytea,
	pepper_marker bytea,
	PRIMARY KEY (center_id),
	UNIQUE (app_id),
	CHECK (((length(center_id) >= 1) AND (length(center_id) <= 32))),
	CHECK ((length(app_id) > 0))
);

CREATE TABLE changes (
	center_id text NOT NULL,
	change_id uuid NOT NULL,
	channel text NOT NULL,
	identity_digest bytea NOT NULL,
	person_digest bytea NOT NULL,
	account_id uuid NOT NULL,
	state text NOT NULL,
	credential_version bigint NOT NULL,
	old_fingerprint bytea NOT NULL,
	new_fingerprint bytea,
	sessions_ended integer NOT NULL DEFAULT 0,
	opened_at timestamp with time zone NOT NULL,
	expires_at timestamp with time zone NOT NULL,
	closed_at timestamp with time zone,
	PRIMARY KEY (center_id, change_id),
	CHECK ((length(channel) > 0)),
	CHECK ((state = ANY (ARRAY['open'::text, 'done'::text, 'cancelled'::text, 'expired'::text]))),
	FOREIGN KEY (center_id, account_id) REFERENCES accounts(center_id, account_id)
);
CREATE INDEX changes_opened ON changes USING btree (center_id, opened_at);
CREATE INDEX changes_person ON changes USING btree (center_id, person_digest);
CREATE UNIQUE INDEX changes_one_open ON changes USING btree (center_id, person_digest) WHERE (state = 'open'::text);

CREATE TABLE channel_counts (
	center_id text NOT NULL,
	channel text NOT NULL,
	minute timestamp with time zone NOT NULL,
	requests bigint NOT NULL,
	failures bigint NOT NULL,
	PRIMARY KEY (center_id, channel, minute)
);
CREATE INDEX channel_counts_minute ON channel_counts USING btree (center_id, minute);

CREATE TABLE channels (
	center_id text NOT NULL,
	channel text NOT NULL,
	code integer NOT NULL,
	title text NOT NULL,
	is_on boolean NOT NULL,
	set_at timestamp with time zone NOT NULL,
	off_kind text,
	off_reason text,
	resumes_at timestamp with time zone,
	opens integer NOT NULL,
	closes integer NOT NULL,
	per_minute integer,
	credential text NOT NULL,
	shares_password boolean NOT NULL,
	keypad text,
	proofs text[],
	initial_proofs text[],
	failure_percent integer,
	failure_requests integer,
	failure_minutes integer,
	cool_down_seconds bigint,
	PRIMARY KEY (center_id, channel),
	UNIQUE (center_id, code),
	CHECK ((((failure_percent IS NULL) = (failure_requests IS NULL)) AND ((failure_percent IS NULL) = (failure_minutes IS NULL)))),
	CHECK (((NOT is_on) OR (off_kind IS NULL))),
	CHECK (((closes >= 0) AND (closes <= 1439))),
	CHECK (((code >= 1) AND (code <= 99))),
	CHECK (((credential = 'password'::text) OR (NOT shares_password))),
	CHECK (((failure_minutes >= 1) AND (failure_minutes <= 60))),
	CHECK (((failure_percent >= 1) AND (failure_percent <= 100))),
	CHECK (((length(channel) >= 1) AND (length(channel) <= 32))),
	CHECK (((length(title) >= 1) AND (length(title) <= 32))),
	CHECK (((opens >= 0) AND (opens <= 1439))),
	CHECK ((cool_down_seconds > 0)),
	CHECK ((credential = ANY (ARRAY['password'::text, 'phone_pin'::text]))),
	CHECK ((failure_requests > 0)),
	CHECK ((length(keypad) > 0)),
	CHECK ((length(off_reason) > 0)),
	CHECK ((off_kind = ANY (ARRAY['manual'::text, 'automatic'::text]))),
	CHECK ((per_minute > 0))
);

CREATE TABLE consents (
	center_id text NOT NULL,
	identity_digest bytea NOT NULL,
	purpose text NOT NULL,
	text_version text NOT NULL,
	how text NOT NULL,
	given_at timestamp with time zone NOT NULL,
	withdrawn_at timestamp with time zone,
	PRIMARY KEY (center_id, identity_digest, purpose, given_at),
	CHECK (((length(text_version) >= 1) AND (length(text_version) <= 32))),
	CHECK ((how = ANY (ARRAY['asked'::text, 'form'::text, 'refused'::text]))),
	CHECK ((purpose = ANY (ARRAY['link'::text, 'certdoc'::text, 'face'::text, 'phone'::text, 'message'::text])))
);

CREATE TABLE daily_counts (
	center_id text NOT NULL,
	purpose text NOT NULL,
	subject_digest bytea NOT NULL,
	day date NOT NULL,
	count integer NOT NULL,
	pending timestamp with time zone[] NOT NULL DEFAULT '{}'::timestamp with time zone[],
	PRIMARY KEY (center_id, purpose, subject_digest, day),
	CHECK ((length(purpose) > 0))
);
CREATE INDEX daily_counts_day ON daily_counts USING btree (center_id, day);

CREATE TABLE devices (
	center_id text NOT NULL,
	device_id uuid NOT NULL,
	person_digest bytea NOT NULL,
	jkt bytea NOT NULL,
	sealed bytea NOT NULL,
	created_at timestamp with time zone NOT NULL,
	used_at timestamp with time zone NOT NULL,
	ended_at timestamp with time zone,
	PRIMARY KEY (center_id, device_id)
);
CREATE INDEX devices_person ON devices USING btree (center_id, person_digest);
CREATE INDEX devices_used ON devices USING btree (center_id, used_at);
CREATE UNIQUE INDEX devices_of_key ON devices USING btree (center_id, person_digest, jkt) WHERE (ended_at IS NULL);

CREATE TABLE dpop_proofs (
	center_id text NOT NULL,
	proof_digest bytea NOT NULL,
	expires_at timestamp with time zone NOT NULL,
	PRIMARY KEY (center_id, proof_digest)
);
CREATE INDEX dpop_proofs_expires ON dpop_proofs USING btree (center_id, expires_at);

CREATE TABLE events (
	center_id text NOT NULL,
	at timestamp with time zone NOT NULL,
	event_id uuid NOT NULL,
	account_id uuid NOT NULL,
	kind text NOT NULL,
	channel text NOT NULL,
	PRIMARY KEY (center_id, at, event_id),
	CHECK ((length(channel) > 0)),
	CHECK ((length(kind) > 0))
) PARTITION BY RANGE (at);
CREATE TABLE events_rest PARTITION OF events DEFAULT;
CREATE INDEX events_account ON ONLY events USING btree (center_id, account_id, at);

CREATE TABLE idempotency_records (
	center_id text NOT NULL,
	scope bytea NOT NULL,
	key_digest bytea NOT NULL,
	request_digest bytea NOT NULL,
	run uuid NOT NULL,
	lease_until timestamp with time zone NOT NULL,
	status integer,
	sealed_reply bytea,
	created_at timestamp with time zone NOT NULL,
	attempt_until timestamp with time zone,
	attempt_right boolean,
	PRIMARY KEY (center_id, scope, key_digest)
);
CREATE INDEX idempotency_records_created ON idempotency_records USING btree (center_id, created_at);

CREATE TABLE imports (
	center_id text NOT NULL,
	file_digest bytea NOT NULL,
	bytes_done bigint NOT NULL,
	lines_done bigint NOT NULL,
	added bigint NOT NULL,
	updated bigint NOT NULL,
	unchanged bigint NOT NULL,
	refused bigint NOT NULL,
	finished_at timestamp with time zone,
	updated_at timestamp with time zone NOT NULL,
	links_moved bigint NOT NULL DEFAULT 0,
	links_ended bigint NOT NULL DEFAULT 0,
	changes_cancelled bigint NOT NULL DEFAULT 0,
	run uuid,
	PRIMARY KEY (center_id, file_digest)
);

CREATE TABLE link_proofs (
	center_id text NOT NULL,
	proof_id uuid NOT NULL,
	identity_digest bytea NOT NULL,
	token_digest bytea NOT NULL,
	person_digest bytea NOT NULL,
	account_id uuid,
	scope bytea NOT NULL,
	kind text NOT NULL,
	state text NOT NULL,
	certify_digest bytea,
	sealed_certify bytea,
	credential_version bigint,
	opened_at timestamp with time zone NOT NULL,
	expires_at timestamp with time zone NOT NULL,
	closed_at timestamp with time zone,
	transfer boolean NOT NULL DEFAULT false,
	code_id uuid,
	claim_digest bytea,
	recovery boolean NOT NULL DEFAULT false,
	sms_code_id uuid,
	passed_at timestamp with time zone,
	PRIMARY KEY (center_id, proof_id),
	UNIQUE (center_id, certify_digest),
	CHECK (((kind = 'sms'::text) = (certify_digest IS NULL))),
	CHECK (((kind = 'sms'::text) = (sms_code_id IS NOT NULL))),
	CHECK ((kind = ANY (ARRAY['certify'::text, 'face'::text, 'sms'::text]))),
	CHECK ((recovery OR (claim_digest IS NOT NULL) OR ((account_id IS NOT NULL) AND (credential_version IS NOT NULL)))),
	CHECK ((state = ANY (ARRAY['started'::text, 'used'::text, 'replaced'::text])))
);
CREATE INDEX link_proofs_identity ON link_proofs USING btree (center_id, identity_digest);
CREATE INDEX link_proofs_opened ON link_proofs USING btree (center_id, opened_at);
CREATE UNIQUE INDEX link_proofs_one_open ON link_proofs USING btree (center_id, identity_digest) WHERE (state = 'started'::text);

CREATE TABLE link_transfers (
	center_id text NOT NULL,
	transfer_id uuid NOT NULL,
	provider text NOT NULL,
	channel text NOT NULL,
	identity_digest bytea NOT NULL,
	former_digest bytea NOT NULL,
	person_digest bytea NOT NULL,
	account_id uuid NOT NULL,
	sealed_identity bytea NOT NULL,
	credential_version bigint NOT NULL,
	proof text NOT NULL,
	state text NOT NULL,
	requested_at timestamp with time zone NOT NULL,
	due_at timestamp with time zone,
	expires_at timestamp with time zone NOT NULL,
	closed_at timestamp with time zone,
	window_seconds bigint NOT NULL DEFAULT 0,
	frozen_at timestamp with time zone,
	PRIMARY KEY (center_id, transfer_id),
	CHECK ((length(channel) > 0)),
	CHECK ((length(provider) > 0)),
	CHECK ((proof = ANY (ARRAY['certdoc'::text, 'face'::text, 'phone'::text, 'sms'::text, 'clerk'::text]))),
	CHECK ((state = ANY (ARRAY['waiting'::text, 'done'::text, 'rejected'::text, 'cancelled'::text, 'undeliverable'::text])))
);
CREATE INDEX link_transfers_former ON link_transfers USING btree (center_id, former_digest, closed_at) WHERE (state = 'done'::text);
CREATE INDEX link_transfers_identity ON link_transfers USING btree (center_id, identity_digest, requested_at);
CREATE INDEX link_transfers_person ON link_transfers USING btree (center_id, person_digest);
CREATE INDEX link_transfers_requested ON link_transfers USING btree (center_id, requested_at);
CREATE UNIQUE INDEX link_transfers_one_of_person ON link_transfers USING btree (center_id, person_digest, provider) WHERE (state = 'waiting'::text);
CREATE UNIQUE INDEX link_transfers_one_of_user ON link_transfers USING btree (center_id, identity_digest) WHERE (state = 'waiting'::text);

CREATE TABLE links (
	center_id text NOT NULL,
	provider text NOT NULL,
	channel text NOT NULL,
	identity_digest bytea NOT NULL,
	person_digest bytea NOT NULL,
	account_id uuid NOT NULL,
	sealed_identity bytea NOT NULL,
	linked_at timestamp with time zone NOT NULL,
	authorised_at timestamp with time zone NOT NULL,
	user_digest bytea,
	PRIMARY KEY (center_id, identity_digest, provider),
	UNIQUE (center_id, person_digest, provider),
	CHECK ((length(channel) > 0)),
	CHECK ((length(provider) > 0)),
	FOREIGN KEY (center_id, account_id) REFERENCES accounts(center_id, account_id)
);
CREATE INDEX links_account ON links USING btree (center_id, account_id);
CREATE UNIQUE INDEX links_user ON links USING btree (center_id, user_digest) WHERE (user_digest IS NOT NULL);

CREATE TABLE lockouts (
	center_id text NOT NULL,
	person_digest bytea NOT NULL,
	scope bytea NOT NULL,
	attempts integer NOT NULL,
	tier integer NOT NULL,
	locked_until timestamp with time zone,
	admitted boolean NOT NULL,
	refused bigint NOT NULL,
	updated_at timestamp with time zone NOT NULL,
	pending timestamp with time zone[] NOT NULL DEFAULT '{}'::timestamp with time zone[],
	PRIMARY KEY (center_id, person_digest, scope)
);

CREATE TABLE message_subscriptions (
	center_id text NOT NULL,
	identity_digest bytea NOT NULL,
	template_id text NOT NULL,
	state text NOT NULL,
	at timestamp with time zone NOT NULL,
	PRIMARY KEY (center_id, identity_digest),
	CHECK (((length(template_id) >= 1) AND (length(template_id) <= 64))),
	CHECK ((state = ANY (ARRAY['accepted'::text, 'rejected'::text, 'refused'::text])))
);
CREATE INDEX message_subscriptions_at ON message_subscriptions USING btree (center_id, at);

CREATE TABLE notifications (
	center_id text NOT NULL,
	notify_id text NOT NULL,
	family text NOT NULL,
	method text NOT NULL,
	sealed bytea NOT NULL,
	made_at timestamp with time zone,
	received_at timestamp with time zone NOT NULL,
	identity_digests bytea[] NOT NULL,
	cancelled_at timestamp with time zone,
	PRIMARY KEY (center_id, notify_id),
	CHECK ((length(family) > 0)),
	CHECK ((length(method) > 0)),
	CHECK ((length(notify_id) > 0))
);
CREATE INDEX notifications_identities ON notifications USING gin (identity_digests);
CREATE INDEX notifications_received ON notifications USING btree (center_id, received_at);

CREATE TABLE operator_actions (
	center_id text NOT NULL,
	action_id uuid NOT NULL,
	at timestamp with time zone NOT NULL,
	operator text NOT NULL,
	action text NOT NULL,
	account_id uuid,
	channel text,
	reason text NOT NULL,
	PRIMARY KEY (center_id, action_id),
	CHECK (((account_id IS NULL) <> (channel IS NULL))),
	CHECK ((length(action) > 0)),
	CHECK ((length(operator) > 0)),
	CHECK ((length(reason) > 0))
);
CREATE INDEX operator_actions_account ON operator_actions USING btree (center_id, account_id);
CREATE INDEX operator_actions_at ON operator_actions USING btree (center_id, at);

CREATE TABLE operator_approvals (
	center_id text NOT NULL,
	action text NOT NULL,
	channel text NOT NULL,
	operator text NOT NULL,
	reason text NOT NULL,
	asked_at timestamp with time zone NOT NULL,
	expires_at timestamp with time zone NOT NULL,
	PRIMARY KEY (center_id, action, channel),
	CHECK ((length(action) > 0)),
	CHECK ((length(operator) > 0)),
	CHECK ((length(reason) > 0))
);
CREATE INDEX operator_approvals_expires ON operator_approvals USING btree (center_id, expires_at);

CREATE TABLE outbox (
	center_id text NOT NULL,
	outbox_id uuid NOT NULL,
	kind text NOT NULL,
	account_id uuid NOT NULL,
	sealed bytea NOT NULL,
	attempts integer NOT NULL DEFAULT 0,
	created_at timestamp with time zone NOT NULL,
	next_at timestamp with time zone NOT NULL,
	done_at timestamp with time zone,
	lease uuid,
	failed_at timestamp with time zone,
	expires_at timestamp with time zone NOT NULL,
	medium text NOT NULL,
	receipt text,
	PRIMARY KEY (center_id, outbox_id),
	CHECK ((length(kind) > 0)),
	CHECK ((medium = ANY (ARRAY['message'::text, 'sms'::text]))),
	CHECK ((receipt = ANY (ARRAY['delivered'::text, 'undelivered'::text])))
);
CREATE INDEX outbox_account ON outbox USING btree (center_id, account_id);
CREATE INDEX outbox_created ON outbox USING btree (center_id, created_at);
CREATE INDEX outbox_due ON outbox USING btree (center_id, medium, next_at) WHERE ((done_at IS NULL) AND (failed_at IS NULL));

CREATE TABLE password_credentials (
	center_id text NOT NULL,
	account_id uuid NOT NULL,
	kind text NOT NULL,
	version bigint NOT NULL,
	state text NOT NULL,
	initial_rule text,
	hash text,
	changed_at timestamp with time zone,
	PRIMARY KEY (center_id, account_id, kind),
	CHECK (((initial_rule IS NULL) <> (hash IS NULL))),
	CHECK ((kind = ANY (ARRAY['password'::text, 'phone_pin'::text]))),
	CHECK ((length(hash) > 0)),
	CHECK ((length(initial_rule) > 0)),
	CHECK ((state = ANY (ARRAY['initial'::text, 'set'::text, 'must_change'::text, 'frozen'::text]))),
	FOREIGN KEY (center_id, account_id) REFERENCES accounts(center_id, account_id)
);
CREATE INDEX password_credentials_costly ON password_credentials USING btree (center_id, "substring"(hash, ',pre=(bcrypt|pbkdf2-[a-z0-9]+):'::text), (("substring"(hash, ',pre=[a-z0-9-]+:([0-9]{1,9})'::text))::integer)) WHERE ((kind = 'password'::text) AND ((hash ~~ '%,pre=bcrypt:%'::text) OR (hash ~~ '%,pre=pbkdf2-%'::text)));

CREATE TABLE password_history (
	center_id text NOT NULL,
	account_id uuid NOT NULL,
	kind text NOT NULL,
	version bigint NOT NULL,
	fingerprint bytea,
	set_at timestamp with time zone NOT NULL,
	hash text,
	PRIMARY KEY (center_id, account_id, kind, version),
	CHECK (((fingerprint IS NULL) <> (hash IS NULL))),
	CHECK ((kind = ANY (ARRAY['password'::text, 'phone_pin'::text]))),
	CHECK ((length(hash) > 0)),
	FOREIGN KEY (center_id, account_id) REFERENCES accounts(center_id, account_id)
);

CREATE TABLE password_tickets (
	center_id text NOT NULL,
	ticket_digest bytea NOT NULL,
	token_digest bytea NOT NULL,
	made_at timestamp with time zone NOT NULL,
	spent_at timestamp with time zone,
	spent_by bytea,
	admitted boolean NOT NULL DEFAULT false,
	PRIMARY KEY (center_id, ticket_digest)
);
CREATE INDEX password_tickets_made ON password_tickets USING btree (center_id, made_at);

CREATE TABLE phone_payloads (
	center_id text NOT NULL,
	payload_digest bytea NOT NULL,
	identity_digest bytea NOT NULL,
	used_at timestamp with time zone NOT NULL,
	PRIMARY KEY (center_id, payload_digest)
);
CREATE INDEX phone_payloads_identity ON phone_payloads USING btree (center_id, identity_digest);
CREATE INDEX phone_payloads_used ON phone_payloads USING btree (center_id, used_at);

CREATE TABLE reset_codes (
	center_id text NOT NULL,
	code_id uuid NOT NULL,
	account_id uuid NOT NULL,
	code_digest bytea NOT NULL,
	issued_by text NOT NULL,
	issued_at timestamp with time zone NOT NULL,
	expires_at timestamp with time zone NOT NULL,
	closed_at timestamp with time zone,
	used boolean NOT NULL DEFAULT false,
	tried_by bytea[] NOT NULL DEFAULT '{}'::bytea[],
	PRIMARY KEY (center_id, code_id),
	CHECK (((length(issued_by) >= 1) AND (length(issued_by) <= 32))),
	FOREIGN KEY (center_id, account_id) REFERENCES accounts(center_id, account_id)
);
CREATE INDEX reset_codes_issued ON reset_codes USING btree (center_id, issued_at);
CREATE UNIQUE INDEX reset_codes_one_open ON reset_codes USING btree (center_id, account_id) WHERE (closed_at IS NULL);

CREATE TABLE resets (
	center_id text NOT NULL,
	reset_id uuid NOT NULL,
	channel text NOT NULL,
	identity_digest bytea NOT NULL,
	person_digest bytea NOT NULL,
	account_id uuid NOT NULL,
	token_digest bytea NOT NULL,
	kind text NOT NULL,
	state text NOT NULL,
	certify_digest bytea,
	sealed_certify bytea,
	credential_version bigint NOT NULL,
	new_fingerprint bytea,
	sessions_ended integer NOT NULL DEFAULT 0,
	opened_at timestamp with time zone NOT NULL,
	expires_at timestamp with time zone NOT NULL,
	closed_at timestamp with time zone,
	sms_code_id uuid,
	PRIMARY KEY (center_id, reset_id),
	UNIQUE (center_id, certify_digest),
	CHECK (((certify_digest IS NULL) = (sealed_certify IS NULL))),
	CHECK (((kind = 'sms'::text) = (sms_code_id IS NOT NULL))),
	CHECK (((kind = ANY (ARRAY['clerk'::text, 'sms'::text])) = (certify_digest IS NULL))),
	CHECK ((kind = ANY (ARRAY['certify'::text, 'face'::text, 'clerk'::text, 'sms'::text]))),
	CHECK ((length(channel) > 0)),
	CHECK ((state = ANY (ARRAY['started'::text, 'passed'::text, 'done'::text, 'cancelled'::text, 'expired'::text]))),
	FOREIGN KEY (center_id, account_id) REFERENCES accounts(center_id, account_id)
);
CREATE INDEX resets_opened ON resets USING btree (center_id, opened_at);
CREATE INDEX resets_person ON resets USING btree (center_id, person_digest);
CREATE UNIQUE INDEX resets_one_open ON resets USING btree (center_id, person_digest) WHERE (state = ANY (ARRAY['started'::text, 'passed'::text]));

CREATE TABLE sessions (
	center_id text NOT NULL,
	token_digest bytea NOT NULL,
	provider text NOT NULL,
	channel text NOT NULL,
	identity_digest bytea NOT NULL,
	sealed bytea NOT NULL,
	created_at timestamp with time zone NOT NULL,
	seen_at timestamp with time zone NOT NULL,
	phone_digest bytea,
	sealed_phone bytea,
	device_jkt bytea,
	PRIMARY KEY (center_id, token_digest),
	CHECK ((length(channel) > 0)),
	CHECK ((length(provider) > 0))
);
CREATE INDEX sessions_created ON sessions USING btree (center_id, created_at);
CREATE INDEX sessions_identity ON sessions USING btree (center_id, identity_digest);

CREATE TABLE sms_codes (
	center_id text NOT NULL,
	code_id uuid NOT NULL,
	purpose text NOT NULL,
	channel text NOT NULL,
	person_digest bytea NOT NULL,
	account_id uuid,
	phone_digest bytea,
	binding_digest bytea NOT NULL,
	code_fingerprint bytea NOT NULL,
	tries integer NOT NULL DEFAULT 0,
	issued_at timestamp with time zone NOT NULL,
	expires_at timestamp with time zone NOT NULL,
	closed_at timestamp with time zone,
	used boolean NOT NULL DEFAULT false,
	PRIMARY KEY (center_id, code_id),
	CHECK (((account_id IS NULL) = (phone_digest IS NULL))),
	CHECK ((length(channel) > 0)),
	CHECK ((purpose = ANY (ARRAY['sign_in'::text, 'reset'::text, 'link'::text, 'device'::text])))
);
CREATE INDEX sms_codes_issued ON sms_codes USING btree (center_id, issued_at);
CREATE INDEX sms_codes_person ON sms_codes USING btree (center_id, person_digest, issued_at);
CREATE UNIQUE INDEX sms_codes_one_open ON sms_codes USING btree (center_id, person_digest, purpose) WHERE (closed_at IS NULL);

CREATE TABLE spent_values (
	center_id text NOT NULL,
	value_digest bytea NOT NULL,
	spent_at timestamp with time zone NOT NULL,
	PRIMARY KEY (center_id, value_digest)
);
CREATE INDEX spent_values_spent ON spent_values USING btree (center_id, spent_at);

CREATE TABLE spraying (
	center_id text NOT NULL,
	kind text NOT NULL,
	actor bytea NOT NULL,
	since timestamp with time zone NOT NULL,
	persons bytea[] NOT NULL,
	tried integer NOT NULL,
	refused bigint NOT NULL,
	PRIMARY KEY (center_id, kind, actor, since),
	CHECK ((kind = ANY (ARRAY['user'::text, 'address'::text, 'global'::text])))
);
CREATE INDEX spraying_since ON spraying USING btree (center_id, since);
