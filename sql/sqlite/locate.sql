-- Which of the three tables exist. SQLite's main database has no schema.
SELECT NULL,
       EXISTS (SELECT 1 FROM sqlite_schema WHERE type IN ('table', 'view')
               AND name = 'data_migrations' COLLATE NOCASE),
       EXISTS (SELECT 1 FROM sqlite_schema WHERE type IN ('table', 'view')
               AND name = 'data_migration_runs' COLLATE NOCASE),
       EXISTS (SELECT 1 FROM sqlite_schema WHERE type IN ('table', 'view')
               AND name = 'data_migration_ledger' COLLATE NOCASE);
