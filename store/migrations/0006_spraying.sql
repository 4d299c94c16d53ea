-- +goose Up

-- Whom unproven visitors tried without success: one row an Alipay user or an
-- address and day, and one a minute for everybody together. Old rows are purged.
CREATE TABLE spraying (
	center_id text        NOT NULL,
	kind      text        NOT NULL CHECK (kind IN ('user', 'address', 'global')),
	actor     bytea       NOT NULL, -- the Alipay identity's digest, a keyed digest of the address, or empty
	since     timestamptz NOT NULL, -- 00:00 Beijing time, or the minute's start
	persons   bytea[]     NOT NULL, -- the first 16 bytes of person digests; none for everybody together
	tried     integer     NOT NULL, -- how many persons, or tries in the minute
	refused   bigint      NOT NULL, -- tries turned away because of this row
	PRIMARY KEY (center_id, kind, actor, since)
);
CREATE INDEX spraying_since ON spraying (center_id, since);
