-- A run holds the fence and may write. No row: it was ended by another.
-- $1 bigint: the run   $2 bigint: the run that created the checkpoint it goes on with
UPDATE data_migration_runs SET origin = $2::bigint, updated_at = clock_timestamp()
WHERE id = $1::bigint AND status = 'running'
RETURNING id;
