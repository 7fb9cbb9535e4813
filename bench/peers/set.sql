-- flags → SET, in the Redis protocol. The last byte of each row is the line's end, by psql.
SELECT E'*3\r\n$3\r\nSET\r\n$' || octet_length('flag:' || name) || E'\r\nflag:' || name
    || E'\r\n$' || octet_length(enabled::text) || E'\r\n' || enabled::text || E'\r'
FROM flags
