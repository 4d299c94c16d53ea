-- +goose Up

-- The holder's time to object begins when Alipay has taken the notice to them; until then
-- due_at is not known. A wish whose holder cannot be told ends undeliverable: only the
-- counter helps then. Who held the link until it was taken over may freeze once.
ALTER TABLE relinks ALTER COLUMN due_at DROP NOT NULL,
	ADD COLUMN window_seconds bigint NOT NULL DEFAULT 0, -- for the holder to object, once they were told
	ADD COLUMN frozen_at      timestamptz,               -- by the former holder
	DROP CONSTRAINT relinks_state_check,
	ADD CONSTRAINT relinks_state_check CHECK (state IN ('waiting', 'done', 'objected', 'cancelled', 'undeliverable'));
CREATE INDEX relinks_former ON relinks (center_id, former_digest, closed_at) WHERE state = 'done';
UPDATE relinks SET window_seconds = extract(epoch FROM due_at - asked_at), due_at = NULL
WHERE state = 'waiting' AND proof <> 'clerk' AND NOT EXISTS (
	SELECT 1 FROM outbox o WHERE o.center_id = relinks.center_id AND o.outbox_id = relinks.relink_id AND o.done_at IS NOT NULL);

-- What is known of whether an Alipay user takes messages of a template: what the page was
-- told by Alipay (accepted, rejected), then what Alipay answered when one was sent
-- (accepted, refused).
CREATE TABLE message_subscriptions (
	center_id       text        NOT NULL,
	identity_digest bytea       NOT NULL,
	template_id     text        NOT NULL CHECK (length(template_id) BETWEEN 1 AND 64),
	state           text        NOT NULL CHECK (state IN ('accepted', 'rejected', 'refused')),
	at              timestamptz NOT NULL,
	PRIMARY KEY (center_id, identity_digest)
);
CREATE INDEX message_subscriptions_at ON message_subscriptions (center_id, at);

-- Where a change was begun, for its owner to see.
ALTER TABLE changes ADD COLUMN channel text NOT NULL DEFAULT 'alipay' CHECK (length(channel) > 0);
