-- Ends every other run that still says it runs.
-- ?1 integer: the own run, or 0
-- ?2 text: who ends them
UPDATE data_migration_runs
SET status = 'interrupted', finished_at = strftime('%Y-%m-%dT%H:%M:%fZ', 'now'), error = ?2
WHERE status IN ('running', 'paused') AND id <> ?1;
