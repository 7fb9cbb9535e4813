-- The columns that the tables have, whosever they are.
-- $1 text: the schema, quoted where it has to be
SELECT t.number, a.attname::text AS name
FROM (VALUES
         (0, to_regclass($1::text || '.' || quote_ident('data_migrations'))),
         (1, to_regclass($1::text || '.' || quote_ident('data_migration_runs'))),
         (2, to_regclass($1::text || '.' || quote_ident('data_migration_ledger')))
     ) AS t (number, oid)
JOIN pg_attribute AS a ON a.attrelid = t.oid
WHERE a.attnum > 0 AND NOT a.attisdropped
ORDER BY t.number, a.attnum;
