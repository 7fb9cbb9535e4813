-- Ends every other run that still says it runs, as what was asked of it last.
-- ?1 integer: the own run, or 0
-- ?2 text: who ends them
UPDATE data_migration_runs
SET status = CASE request WHEN 'cancel' THEN 'cancelled' ELSE 'interrupted' END,
    request = CASE request WHEN 'cancel' THEN NULL ELSE request END,
    finished_at = strftime('%Y-%m-%dT%H:%M:%fZ', 'now'), error = ?2
WHERE status IN ('running', 'paused') AND id <> ?1;
