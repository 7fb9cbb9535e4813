-- The columns that the tables have, whosever they are.
SELECT 0 AS number, name FROM pragma_table_info('data_migrations')
UNION ALL SELECT 1, name FROM pragma_table_info('data_migration_runs')
UNION ALL SELECT 2, name FROM pragma_table_info('data_migration_ledger');
