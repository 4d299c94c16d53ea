-- +goose Up

-- One sealed password each: a page takes a ticket, seals for it and hands both in.
CREATE TABLE password_tickets (
	center_id     text        NOT NULL,
	ticket_digest bytea       NOT NULL,
	token_digest  bytea       NOT NULL, -- of the session it was given to
	made_at       timestamptz NOT NULL,
	spent_at      timestamptz,
	spent_by      bytea, -- digest of the sealed text it let in
	admitted      boolean     NOT NULL DEFAULT false, -- whether the latest use was good
	PRIMARY KEY (center_id, ticket_digest)
);
CREATE INDEX password_tickets_made ON password_tickets (center_id, made_at);
