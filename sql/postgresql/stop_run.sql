-- A run ended without success, if another has not ended it before. To be cancelled is to obey.
-- $1 bigint: the run   $2 text: failed, interrupted or cancelled   $3 text: why
UPDATE data_migration_runs
SET status = $2::text, request = CASE $2::text WHEN 'cancelled' THEN NULL ELSE request END,
    error = $3::text,
    updated_at = clock_timestamp(), finished_at = clock_timestamp()
WHERE id = $1::bigint AND status IN ('running', 'paused');
