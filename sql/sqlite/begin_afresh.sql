-- A run that goes on with no other's checkpoint is its own origin.
-- ?1 integer: the run
UPDATE data_migration_runs SET origin = id WHERE id = ?1 AND origin IS NULL;
