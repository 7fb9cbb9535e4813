-- What is applied.
SELECT version, name, checksum, run_id, rows_read, rows_changed, commands_sent,
       messages_published, redis, applied_by, applied_at, announced_at
FROM data_migrations
ORDER BY version;
