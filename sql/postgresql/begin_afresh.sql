-- A run that goes on with no other's checkpoint is its own origin.
-- $1 bigint: the run
UPDATE data_migration_runs SET origin = id WHERE id = $1::bigint AND origin IS NULL;
