-- +goose Up

-- Guesses that wait for their verdicts, by the ends of their leases in ascending order.
-- A wrong one moves to used, a right one empties used, and one whose lease has ended is
-- nobody's: the next guess of the lane drops it. Each counts against the budget. admitted
-- says of a verdict whether it was counted.
ALTER TABLE guess_budgets ADD COLUMN pending timestamptz[] NOT NULL DEFAULT '{}';

-- The guess that a request has charged, so that its repetition neither charges another
-- nor looks again at a password that was wrong.
ALTER TABLE receipts ADD COLUMN guess_until timestamptz;
ALTER TABLE receipts ADD COLUMN guess_right boolean;
