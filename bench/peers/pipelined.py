#!/usr/bin/python3
"""pipelined.py URL SOCKET SHAPE: a careful script: a server-side cursor, 1000 rows a pipeline.

It holds no checkpoint and no ledger: cut short, it starts over.
"""
import sys

import psycopg2
import redis

ROWS_AT_ONCE = 1000


def text(boolean):
    return "true" if boolean else "false"


def put_flag(pipeline, row):
    pipeline.set(f"flag:{row[0]}", text(row[1]))


def put_and_publish_flag(pipeline, row):
    put_flag(pipeline, row)
    pipeline.publish("flags", f'{{"name":"{row[0]}","enabled":{text(row[1])}}}')


def put_user(pipeline, row):
    pipeline.hset(
        f"user:{row[0]}",
        mapping={
            "id": row[0],
            "name": row[1],
            "email": row[2],
            "country": row[3],
            "plan": row[4],
            "logins": row[5],
            "created_at": row[6].strftime("%Y-%m-%dT%H:%M:%SZ"),
        },
    )


SHAPES = {
    "set": ("SELECT name, enabled FROM flags", put_flag),
    "publish": ("SELECT name, enabled FROM flags", put_and_publish_flag),
    "hset": ("SELECT id, name, email, country, plan, logins, created_at FROM users", put_user),
}


def main():
    url, socket, shape = sys.argv[1:]
    query, put = SHAPES[shape]
    database = psycopg2.connect(url, options="-c TimeZone=UTC")
    pipeline = redis.Redis(unix_socket_path=socket).pipeline(transaction=False)
    with database.cursor("rows") as cursor:
        cursor.itersize = ROWS_AT_ONCE
        cursor.execute(query)
        for number, row in enumerate(cursor, 1):
            put(pipeline, row)
            if number % ROWS_AT_ONCE == 0:
                pipeline.execute()
    pipeline.execute()


main()
