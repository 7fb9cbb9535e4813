-- The tables, among those that may be read, in which tools for schema migrations write that one is
-- in progress.
SELECT n.nspname::text AS schema, c.relname::text AS relation
FROM pg_catalog.pg_class AS c
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
WHERE c.relname IN ('databasechangeloglock', 'knex_migrations_lock')
  AND c.relkind IN ('r', 'p')
  AND has_schema_privilege(n.oid, 'USAGE')
  AND has_table_privilege(c.oid, 'SELECT')
ORDER BY n.nspname, c.relname;
