-- +goose Up

-- The holder's time to reject a transfer begins when Alipay has accepted the notice to
-- them; until then due_at is NULL. A transfer whose holder cannot be notified becomes
-- undeliverable: only the counter helps then. The former holder of a transferred link can
-- freeze the password once.
ALTER TABLE link_transfers ALTER COLUMN due_at DROP NOT NULL,
	ADD COLUMN window_seconds bigint NOT NULL DEFAULT 0, -- for the holder to reject it, from their notification
	ADD COLUMN frozen_at      timestamptz,               -- by the former holder
	DROP CONSTRAINT link_transfers_state_check,
	ADD CONSTRAINT link_transfers_state_check CHECK (state IN ('waiting', 'done', 'rejected', 'cancelled', 'undeliverable'));
CREATE INDEX link_transfers_former ON link_transfers (center_id, former_digest, closed_at) WHERE state = 'done';
UPDATE link_transfers SET window_seconds = extract(epoch FROM due_at - requested_at), due_at = NULL
WHERE state = 'waiting' AND proof <> 'clerk' AND NOT EXISTS (
	SELECT 1 FROM outbox o WHERE o.center_id = link_transfers.center_id AND o.outbox_id = link_transfers.transfer_id AND o.done_at IS NOT NULL);

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
