-- `mark`: the runs of a version that did not succeed since one did are past, also behind an `unmark`; nothing
-- goes on with them. Only where it is a mark that says so.
-- $1 bigint: version
UPDATE data_migration_runs SET origin = -coalesce(origin, 0)
WHERE version = $1::bigint AND status <> 'succeeded' AND coalesce(origin, 1) > 0
  AND id > (SELECT coalesce(max(past.id), 0) FROM data_migration_runs AS past
            WHERE past.version = $1::bigint AND past.status = 'succeeded')
  AND EXISTS (SELECT 1 FROM data_migrations AS entry
              WHERE entry.version = $1::bigint AND entry.run_id IS NULL);
