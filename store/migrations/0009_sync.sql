-- +goose Up

-- What became of links and changes while a file was taken in.
ALTER TABLE imports ADD COLUMN links_moved bigint NOT NULL DEFAULT 0;
ALTER TABLE imports ADD COLUMN links_ended bigint NOT NULL DEFAULT 0;
ALTER TABLE imports ADD COLUMN changes_cancelled bigint NOT NULL DEFAULT 0;

-- The run of a sync that may go on with the file; NULL for an import, which any process shares.
ALTER TABLE imports ADD COLUMN run uuid;
