-- What the role may do in the schema and with each of the three tables; NULL: it is not there.
-- $1 text: the schema, quoted where it has to be
SELECT t.number,
       has_table_privilege(t.oid, 'SELECT'), has_table_privilege(t.oid, 'INSERT'),
       has_table_privilege(t.oid, 'UPDATE'), has_table_privilege(t.oid, 'DELETE'),
       s.may_use, s.may_create, quote_ident(current_user)
FROM (SELECT has_schema_privilege(to_regnamespace($1::text)::oid, 'USAGE'),
             has_schema_privilege(to_regnamespace($1::text)::oid, 'CREATE')
     ) AS s (may_use, may_create)
CROSS JOIN LATERAL (VALUES
    (0, CASE WHEN s.may_use
             THEN to_regclass($1::text || '.' || quote_ident('data_migrations')) END),
    (1, CASE WHEN s.may_use
             THEN to_regclass($1::text || '.' || quote_ident('data_migration_runs')) END),
    (2, CASE WHEN s.may_use
             THEN to_regclass($1::text || '.' || quote_ident('data_migration_ledger')) END)
) AS t (number, oid)
ORDER BY t.number;
