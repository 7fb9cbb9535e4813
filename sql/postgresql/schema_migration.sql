-- Who holds a lock in this database that a tool for schema migrations may have taken: an advisory
-- lock, or one on the table that tells of its migrations. Whoever has no user is autovacuum; VACUUM
-- takes the same lock as Ecto does. A short key may have been made of the name of a schema.
SELECT CASE WHEN l.locktype = 'advisory'
            THEN (l.classid::bigint << 32) | l.objid::bigint END AS key,
       current_database()::text AS database, s.nspname::text AS schema, c.relname::text AS relation,
       l.mode, l.pid, a.usename::text AS role, a.application_name AS application
FROM pg_catalog.pg_locks AS l
JOIN pg_catalog.pg_stat_activity AS a ON a.pid = l.pid
LEFT JOIN pg_catalog.pg_class AS c ON l.locktype = 'relation' AND c.oid = l.relation
LEFT JOIN pg_catalog.pg_namespace AS s
    ON l.locktype = 'advisory' AND l.classid = 0
       AND (s.nspname IN ('public', current_schema())
            OR EXISTS (SELECT FROM pg_catalog.pg_class AS t
                       WHERE t.relnamespace = s.oid AND t.relname = 'schema_migrations'))
WHERE l.granted
  AND l.database = (SELECT d.oid FROM pg_catalog.pg_database AS d
                    WHERE d.datname = current_database())
  AND a.usesysid IS NOT NULL
  AND (l.locktype = 'advisory' AND l.objsubid = 1
       OR c.relname IN ('schema_migrations', '__EFMigrationsHistory', 'knex_migrations_lock')
          AND NOT EXISTS (SELECT FROM pg_catalog.pg_stat_progress_vacuum AS v
                          WHERE v.pid = l.pid))
ORDER BY l.pid;
