-- What an operator asks of a run; it stands until the run obeys, or somebody asks for something else.
-- ?1 integer: the run   ?2 text: pause, resume or cancel   ?3 text: operator
UPDATE data_migration_runs
SET request = ?2, requested_by = ?3, requested_at = strftime('%Y-%m-%dT%H:%M:%fZ', 'now')
WHERE id = ?1 AND status IN ('running', 'paused')
RETURNING requested_at;
