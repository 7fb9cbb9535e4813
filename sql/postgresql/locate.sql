-- Which of the three tables exist, and in which schema. Only the first is looked for along the search
-- path: the others belong beside it.
-- $1 text: the schema, quoted where it has to be, or NULL
SELECT p.schema,
       to_regclass(p.schema || '.' || quote_ident('data_migrations')) IS NOT NULL,
       to_regclass(p.schema || '.' || quote_ident('data_migration_runs')) IS NOT NULL,
       to_regclass(p.schema || '.' || quote_ident('data_migration_ledger')) IS NOT NULL
FROM (SELECT coalesce(
          quote_ident((parse_ident($1::text))[1]),
          (pg_identify_object('pg_class'::regclass,
                              to_regclass(quote_ident('data_migrations')), 0)).schema,
          quote_ident(current_schema()))) AS p (schema);
