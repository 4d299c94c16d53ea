-- +goose Up

-- Kept apart: a distributed deployment distributes the tables first and leaves these out.
ALTER TABLE accounts ADD FOREIGN KEY (center_id) REFERENCES centers;
ALTER TABLE password_credentials ADD FOREIGN KEY (center_id, account_id) REFERENCES accounts;
ALTER TABLE password_history ADD FOREIGN KEY (center_id, account_id) REFERENCES accounts;
ALTER TABLE alipay_links ADD FOREIGN KEY (center_id, account_id) REFERENCES accounts;
ALTER TABLE changes ADD FOREIGN KEY (center_id, account_id) REFERENCES accounts;
