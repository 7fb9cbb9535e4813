-- A run obeys, and what was asked of it is done. No row: something else is asked of it by now, or it was
-- ended by another.
-- ?1 integer: the run   ?2 text: running or paused   ?3 text: what was asked
UPDATE data_migration_runs
SET status = ?2, request = NULL, updated_at = strftime('%Y-%m-%dT%H:%M:%fZ', 'now')
WHERE id = ?1 AND status IN ('running', 'paused') AND request = ?3
RETURNING requested_by;
