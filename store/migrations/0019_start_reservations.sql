-- +goose Up

-- Verifications that Alipay has yet to open, as lockouts.pending.
ALTER TABLE daily_counts ADD COLUMN pending timestamptz[] NOT NULL DEFAULT '{}';
