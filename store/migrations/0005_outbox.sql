-- +goose Up

-- A notice is sent by whoever holds its lease, until next_at; then by anybody.
ALTER TABLE outbox ADD COLUMN lease uuid;
ALTER TABLE outbox ADD COLUMN failed_at timestamptz; -- given up: the owner was not told
DROP INDEX outbox_due;
CREATE INDEX outbox_due ON outbox (center_id, next_at) WHERE done_at IS NULL AND failed_at IS NULL;
CREATE INDEX outbox_created ON outbox (center_id, created_at);

-- What the centre's operators did to accounts by hand.
CREATE TABLE operator_actions (
	center_id  text        NOT NULL,
	action_id  uuid        NOT NULL,
	at         timestamptz NOT NULL,
	operator   text        NOT NULL CHECK (length(operator) > 0), -- as they called themselves
	action     text        NOT NULL CHECK (length(action) > 0),
	account_id uuid        NOT NULL,
	reason     text        NOT NULL CHECK (length(reason) > 0), -- no personal data, see DB.Unlock
	PRIMARY KEY (center_id, action_id)
);
CREATE INDEX operator_actions_at ON operator_actions (center_id, at);
