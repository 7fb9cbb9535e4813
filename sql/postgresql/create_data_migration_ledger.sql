-- The table of one row that names this ledger; its row is locked by whoever writes.
CREATE TABLE data_migration_ledger (
    id         uuid PRIMARY KEY,
    layout     bigint NOT NULL,
    created_at timestamptz NOT NULL
);
