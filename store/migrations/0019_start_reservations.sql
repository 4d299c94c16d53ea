-- +goose Up

-- Verifications that Alipay has yet to open, as guess_budgets.pending.
ALTER TABLE daily_counts ADD COLUMN pending timestamptz[] NOT NULL DEFAULT '{}';
