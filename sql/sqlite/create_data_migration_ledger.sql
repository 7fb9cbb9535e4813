-- The table of one row that names this ledger.
CREATE TABLE data_migration_ledger (
    id         TEXT PRIMARY KEY NOT NULL,
    layout     INTEGER NOT NULL,
    created_at TEXT NOT NULL
) STRICT;
