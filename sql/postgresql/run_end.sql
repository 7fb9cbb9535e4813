-- How a run ended.
-- $1 bigint: the run
SELECT status, error FROM data_migration_runs WHERE id = $1::bigint;
