-- An applied version's file has changed, and that is all right.
-- $1 bigint: version   $2 text: checksum, or NULL: there is no file
UPDATE data_migrations SET checksum = $2::text WHERE version = $1::bigint AND checksum <> $2::text;
