-- What an operator asks of a run; it stands until the run obeys, or somebody asks for something else.
-- $1 bigint: the run   $2 text: pause, resume or cancel   $3 text: operator
UPDATE data_migration_runs
SET request = $2::text, requested_by = $3::text, requested_at = clock_timestamp()
WHERE id = $1::bigint AND status IN ('running', 'paused')
RETURNING requested_at;
