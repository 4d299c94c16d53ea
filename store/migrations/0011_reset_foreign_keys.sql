-- +goose Up

-- Kept apart as those of 0002.
ALTER TABLE resets ADD FOREIGN KEY (center_id, account_id) REFERENCES accounts;
ALTER TABLE reset_codes ADD FOREIGN KEY (center_id, account_id) REFERENCES accounts;
