"""What is carried: the tables, the migrations, and what Redis must hold afterwards."""
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Callable

EPOCH = datetime(2020, 1, 1, tzinfo=timezone.utc)
COUNTRIES = ("de", "fr", "jp", "br", "ca")
PLANS = ("free", "team", "enterprise")


def _list(words):
    return "ARRAY[" + ", ".join(f"'{word}'" for word in words) + "]"


def _case(expression, words):
    cases = " ".join(f"WHEN {index} THEN '{word}'" for index, word in enumerate(words))
    return f"CASE {expression} {cases} END"


# The same rows in both databases; a table's rows are numbered from 1.
POSTGRES_TABLES = f"""
CREATE TABLE flags (name text PRIMARY KEY, enabled boolean NOT NULL);
INSERT INTO flags SELECT 'flag_' || i, i % 3 = 0 FROM generate_series(1, :rows) AS i;
CREATE TABLE users (id bigint PRIMARY KEY, name text NOT NULL, email text NOT NULL,
                    country text NOT NULL, plan text NOT NULL, logins integer NOT NULL,
                    created_at timestamptz NOT NULL);
INSERT INTO users SELECT i, 'User ' || i, 'user' || i || '@example.org',
    ({_list(COUNTRIES)})[i % 5 + 1], ({_list(PLANS)})[i % 3 + 1], i % 1000,
    timestamptz '2020-01-01 00:00:00Z' + make_interval(secs => i)
    FROM generate_series(1, :rows) AS i;
VACUUM ANALYZE;
CHECKPOINT;
"""

SQLITE_TABLES = f"""
PRAGMA journal_mode = WAL;
PRAGMA synchronous = OFF;
CREATE TABLE flags (name text PRIMARY KEY, enabled boolean NOT NULL) WITHOUT ROWID;
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < :rows)
    INSERT INTO flags SELECT 'flag_' || i, i % 3 = 0 FROM n;
CREATE TABLE users (id integer PRIMARY KEY, name text NOT NULL, email text NOT NULL,
                    country text NOT NULL, plan text NOT NULL, logins integer NOT NULL,
                    created_at text NOT NULL);
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < :rows)
    INSERT INTO users SELECT i, 'User ' || i, 'user' || i || '@example.org',
        {_case('i % 5', COUNTRIES)}, {_case('i % 3', PLANS)}, i % 1000,
        strftime('%Y-%m-%dT%H:%M:%SZ', 1577836800 + i, 'unixepoch')
    FROM n;
ANALYZE;
PRAGMA wal_checkpoint(TRUNCATE);
"""


def _flag(number):
    return ("GET", f"flag:flag_{number}"), "true" if number % 3 == 0 else "false"


def _user(number):
    created = EPOCH + timedelta(seconds=number)
    return ("HGETALL", f"user:{number}"), {
        "id": str(number),
        "name": f"User {number}",
        "email": f"user{number}@example.org",
        "country": COUNTRIES[number % 5],
        "plan": PLANS[number % 3],
        "logins": str(number % 1000),
        "created_at": created.strftime("%Y-%m-%dT%H:%M:%SZ"),
    }


@dataclass(frozen=True)
class Shape:
    """One way of carrying rows."""

    name: str
    title: str
    step: str  # of the migration, without its batch
    order: str  # the key, by which redferry reads
    calls: dict  # command → how often Redis runs it for a row
    expected: Callable[[int], tuple]  # a row's number → how to ask for it, the answer

    def migration(self, batch=None):
        return "up:\n" + self.step + (f"    batch: {batch}\n" if batch else "")


SHAPES = {
    shape.name: shape
    for shape in (
        Shape(
            "set",
            "flags → SET",
            "  - read: SELECT name, enabled FROM flags\n"
            "    key: name\n"
            "    write: SET flag:${name} ${enabled}\n",
            "name",
            {"set": 1},
            _flag,
        ),
        Shape(
            "hset",
            "7 columns → HSET",
            "  - read: SELECT id, name, email, country, plan, logins, created_at FROM users\n"
            "    key: id\n"
            "    write: HSET user:${id} ${*}\n",
            "id",
            {"hset": 1},
            _user,
        ),
        Shape(
            "publish",
            "flags → SET + PUBLISH",
            "  - read: SELECT name, enabled FROM flags\n"
            "    key: name\n"
            "    write: SET flag:${name} ${enabled}\n"
            "    publish: flags\n",
            "name",
            {"set": 1, "publish": 1},
            _flag,
        ),
    )
}
