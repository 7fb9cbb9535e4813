-- A run ended without success, if another has not ended it before. To be cancelled is to obey.
-- ?1 integer: the run   ?2 text: failed, interrupted or cancelled   ?3 text: why
UPDATE data_migration_runs
SET status = ?2, request = CASE ?2 WHEN 'cancelled' THEN NULL ELSE request END,
    error = ?3,
    updated_at = strftime('%Y-%m-%dT%H:%M:%fZ', 'now'),
    finished_at = strftime('%Y-%m-%dT%H:%M:%fZ', 'now')
WHERE id = ?1 AND status IN ('running', 'paused');
