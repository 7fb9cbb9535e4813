-- What is asked of a run by now, locked until the end of the transaction. No row: it does not exist, or
-- its runner holds it, in the transaction of an sql step.
-- $1 bigint: the run
SELECT status, request, requested_by, requested_at
FROM data_migration_runs WHERE id = $1::bigint
FOR UPDATE SKIP LOCKED;
