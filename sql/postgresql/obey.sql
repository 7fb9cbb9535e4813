-- A run obeys, and what was asked of it is done. No row: something else is asked of it by now, or it was
-- ended by another.
-- $1 bigint: the run   $2 text: running or paused   $3 text: what was asked
UPDATE data_migration_runs
SET status = $2::text, request = NULL, updated_at = clock_timestamp()
WHERE id = $1::bigint AND status IN ('running', 'paused') AND request = $3::text
RETURNING requested_by;
