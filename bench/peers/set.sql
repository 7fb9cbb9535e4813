-- flags → SET, in the Redis protocol. A row's last byte is psql's end of line.
SELECT E'*3\r\n$3\r\nSET\r\n$' || octet_length('flag:' || name) || E'\r\nflag:' || name
    || E'\r\n$' || octet_length(enabled::text) || E'\r\n' || enabled::text || E'\r'
FROM flags
