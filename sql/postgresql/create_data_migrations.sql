-- The table of what is applied: one row, one migration.
CREATE TABLE data_migrations (
    version            bigint PRIMARY KEY,
    name               text NOT NULL,
    checksum           text NOT NULL,
    run_id             bigint,
    rows_read          bigint NOT NULL DEFAULT 0,
    rows_changed       bigint NOT NULL DEFAULT 0,
    commands_sent      bigint NOT NULL DEFAULT 0,
    messages_published bigint NOT NULL DEFAULT 0,
    redis              text,
    applied_by         text NOT NULL,
    applied_at         timestamptz NOT NULL,
    announced_at       timestamptz
);
