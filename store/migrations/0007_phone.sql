-- +goose Up

-- Which Alipay user a payload of my.getPhoneNumber belongs to: the first who sent it.
-- The payload names neither citizen nor time, so only this shows that somebody else
-- sends it again. Digests only; a row outlives the sessions, see DB.Purge.
CREATE TABLE phone_payloads (
	center_id       text        NOT NULL,
	payload_digest  bytea       NOT NULL,
	identity_digest bytea       NOT NULL,
	used_at         timestamptz NOT NULL, -- last
	PRIMARY KEY (center_id, payload_digest)
);
CREATE INDEX phone_payloads_used ON phone_payloads (center_id, used_at);

-- The phone number proven in a session. It goes with the session.
ALTER TABLE sessions ADD COLUMN phone_digest bytea; -- NULL: none proven
ALTER TABLE sessions ADD COLUMN sealed_phone bytea;
