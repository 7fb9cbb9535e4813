-- A run ended without success, if another has not ended it before.
-- $1 bigint: the run   $2 text: failed, interrupted or cancelled   $3 text: why
UPDATE data_migration_runs
SET status = $2::text, error = $3::text,
    updated_at = clock_timestamp(), finished_at = clock_timestamp()
WHERE id = $1::bigint AND status IN ('running', 'paused');
