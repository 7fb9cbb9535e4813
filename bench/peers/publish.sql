-- flags → SET and PUBLISH, in the Redis protocol. A row's last byte is psql's end of line.
SELECT E'*3\r\n$3\r\nSET\r\n$' || octet_length('flag:' || name) || E'\r\nflag:' || name
    || E'\r\n$' || octet_length(enabled::text) || E'\r\n' || enabled::text
    || E'\r\n*3\r\n$7\r\nPUBLISH\r\n$5\r\nflags\r\n$' || octet_length(message)
    || E'\r\n' || message || E'\r'
FROM (SELECT name, enabled, '{"name":"' || name || '","enabled":' || enabled || '}' AS message
      FROM flags) AS rows
