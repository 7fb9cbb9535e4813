-- A run holds the fence and may write. No row: it was ended by another.
-- ?1 integer: the run   ?2 integer: the run that created the checkpoint it goes on with
UPDATE data_migration_runs SET origin = ?2, updated_at = strftime('%Y-%m-%dT%H:%M:%fZ', 'now')
WHERE id = ?1 AND status = 'running'
RETURNING id;
