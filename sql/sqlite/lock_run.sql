-- What is asked of a run by now, within a transaction that writes. No row: it does not exist.
-- ?1 integer: the run
SELECT status, request, requested_by, requested_at
FROM data_migration_runs WHERE id = ?1;
