-- +goose Up

-- A migration of their own: tables that reference each other cannot be distributed one
-- by one, so a distributed deployment leaves the foreign keys out until its tables are
-- distributed.
ALTER TABLE accounts ADD FOREIGN KEY (center_id) REFERENCES centers;
ALTER TABLE password_credentials ADD FOREIGN KEY (center_id, account_id) REFERENCES accounts;
ALTER TABLE password_history ADD FOREIGN KEY (center_id, account_id) REFERENCES accounts;
ALTER TABLE links ADD FOREIGN KEY (center_id, account_id) REFERENCES accounts;
ALTER TABLE changes ADD FOREIGN KEY (center_id, account_id) REFERENCES accounts;
ALTER TABLE resets ADD FOREIGN KEY (center_id, account_id) REFERENCES accounts;
ALTER TABLE reset_codes ADD FOREIGN KEY (center_id, account_id) REFERENCES accounts;
