-- A run ended without success, if another has not ended it before.
-- ?1 integer: the run   ?2 text: failed, interrupted or cancelled   ?3 text: why
UPDATE data_migration_runs
SET status = ?2, error = ?3,
    updated_at = strftime('%Y-%m-%dT%H:%M:%fZ', 'now'),
    finished_at = strftime('%Y-%m-%dT%H:%M:%fZ', 'now')
WHERE id = ?1 AND status IN ('running', 'paused');
