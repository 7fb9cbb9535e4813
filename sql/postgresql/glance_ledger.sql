-- The ledger's layout, and where names without a schema are looked for.
SELECT layout, current_schemas(true)::text FROM data_migration_ledger;
