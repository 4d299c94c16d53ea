-- +goose Up

-- By these a command that was given other keys than the centre's notices before it
-- reads or writes a row.
ALTER TABLE centers
	ADD COLUMN column_marker bytea, -- sealed
	ADD COLUMN pepper_marker bytea; -- a fingerprint; NULL until a command has the pepper
