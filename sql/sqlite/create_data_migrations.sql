-- The table of what is applied: one row, one migration.
CREATE TABLE data_migrations (
    version            INTEGER PRIMARY KEY,
    name               TEXT NOT NULL,
    checksum           TEXT NOT NULL,
    run_id             INTEGER,
    rows_read          INTEGER NOT NULL DEFAULT 0,
    rows_changed       INTEGER NOT NULL DEFAULT 0,
    commands_sent      INTEGER NOT NULL DEFAULT 0,
    messages_published INTEGER NOT NULL DEFAULT 0,
    redis              TEXT,
    applied_by         TEXT NOT NULL,
    applied_at         TEXT NOT NULL,
    announced_at       TEXT
) STRICT;
