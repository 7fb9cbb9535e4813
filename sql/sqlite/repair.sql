-- An applied version's file has changed, and that is all right.
-- ?1 integer: version   ?2 text: checksum, or NULL: there is no file
UPDATE data_migrations SET checksum = ?2 WHERE version = ?1 AND checksum <> ?2;
