-- Whether a run is still running. No row: it was ended by another.
-- ?1 integer: the run
SELECT id FROM data_migration_runs WHERE id = ?1 AND status = 'running';
