-- What is applied, in no order: a few words of each.
SELECT version, name, checksum, announced_at IS NOT NULL FROM data_migrations;
