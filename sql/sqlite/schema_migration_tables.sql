-- The tables in which tools for schema migrations write that one is in progress.
SELECT NULL AS schema, name AS relation
FROM sqlite_schema
WHERE type = 'table'
  AND lower(name) IN ('databasechangeloglock', 'knex_migrations_lock', '__efmigrationslock')
ORDER BY name;
