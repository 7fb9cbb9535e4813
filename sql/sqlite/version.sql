-- Where a version stands now: whether it is applied, and how its latest run ended.
-- ?1 integer: the version
SELECT e.version IS NOT NULL AS applied, e.run_id IS NULL AS marked, r.direction, r.status
FROM (SELECT 1) AS always
LEFT JOIN data_migrations AS e ON e.version = ?1
LEFT JOIN data_migration_runs AS r
       ON r.id = (SELECT max(id) FROM data_migration_runs WHERE version = ?1);
