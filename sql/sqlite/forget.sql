-- `repair`: the runs of a version that did not succeed since one did left nothing to go on with.
-- ?1 integer: version
UPDATE data_migration_runs SET origin = NULL
WHERE version = ?1 AND status <> 'succeeded' AND origin > 0
  AND id > (SELECT coalesce(max(past.id), 0) FROM data_migration_runs AS past
            WHERE past.version = ?1 AND past.status = 'succeeded');
