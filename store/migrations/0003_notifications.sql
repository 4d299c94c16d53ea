-- +goose Up

-- What Alipay told us, once each: Alipay repeats a notice for 25 hours under its notify_id.
CREATE TABLE notifications (
	center_id   text        NOT NULL,
	notify_id   text        NOT NULL CHECK (length(notify_id) > 0),
	family      text        NOT NULL CHECK (length(family) > 0),
	method      text        NOT NULL CHECK (length(method) > 0),
	sealed      bytea       NOT NULL, -- the content: it may name a citizen or carry a token
	made_at     timestamptz, -- by Alipay's clock; NULL when the notice does not say
	received_at timestamptz NOT NULL,
	PRIMARY KEY (center_id, notify_id)
);
CREATE INDEX notifications_received ON notifications (center_id, received_at);

-- When the citizen last authorised the mini-program, and when they withdrew it.
ALTER TABLE alipay_links ADD COLUMN authorised_at timestamptz; -- NULL: at linked_at
ALTER TABLE alipay_links ADD COLUMN withdrawn_at timestamptz;
