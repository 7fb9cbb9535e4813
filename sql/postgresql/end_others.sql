-- Ends every other run that still says it runs, as what was asked of it last.
-- $1 bigint: the own run, or 0
-- $2 text: who ends them
UPDATE data_migration_runs
SET status = CASE request WHEN 'cancel' THEN 'cancelled' ELSE 'interrupted' END,
    request = CASE request WHEN 'cancel' THEN NULL ELSE request END,
    finished_at = clock_timestamp(), error = $2::text
WHERE status IN ('running', 'paused') AND id <> $1::bigint;
