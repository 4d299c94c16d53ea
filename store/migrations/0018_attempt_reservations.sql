-- +goose Up

-- Attempts that wait for their verdicts, by the ends of their leases in ascending order.
-- A failed one is counted in attempts, a right one resets attempts, and one whose lease has
-- ended is dropped by the next attempt of the scope. Each counts against the limit. admitted
-- says of a verdict whether it was counted.
ALTER TABLE lockouts ADD COLUMN pending timestamptz[] NOT NULL DEFAULT '{}';

-- The attempt that a request has charged, so that its repetition neither charges another
-- nor looks again at a password that was wrong.
ALTER TABLE idempotency_records ADD COLUMN attempt_until timestamptz;
ALTER TABLE idempotency_records ADD COLUMN attempt_right boolean;
