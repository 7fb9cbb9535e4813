-- Whether the three tables that names alone lead to lie in one schema.
SELECT count(DISTINCT relnamespace) = 1
FROM pg_catalog.pg_class
WHERE oid IN (to_regclass(quote_ident('data_migrations')),
              to_regclass(quote_ident('data_migration_runs')),
              to_regclass(quote_ident('data_migration_ledger')));
