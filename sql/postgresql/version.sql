-- Where a version stands now: whether it is applied, whether a run of it stopped half-way since (and no
-- `mark` has closed it), and in which direction its latest run went.
-- $1 bigint: the version
SELECT e.version IS NOT NULL AS applied,
       r.status <> 'succeeded' AND coalesce(r.origin, 1) > 0
           AND (e.applied_at IS NULL OR r.started_at >= e.applied_at) AS stopped,
       r.direction
FROM (SELECT 1) AS always
LEFT JOIN data_migrations AS e ON e.version = $1::bigint
LEFT JOIN data_migration_runs AS r
       ON r.id = (SELECT max(id) FROM data_migration_runs WHERE version = $1::bigint);
