"""The test bed: the servers, the tools, and the data at a size, made once."""
import os
import re
import subprocess
import sys
from pathlib import Path

import shapes
from wire import Redis

PEERS = Path(__file__).resolve().parent.parent / "peers"


def say(text):
    print(text, file=sys.stderr, flush=True)


def run(command, **options):
    """Run a command of the benchmark's own, which must succeed; its stdout as text."""
    return subprocess.run(command, check=True, text=True, stdout=subprocess.PIPE, **options).stdout


class Bed:
    """What tests/support/with_servers.sh has started, and what was built."""

    def __init__(self, build):
        self.build = Path(build).resolve()
        self.scratch = Path(os.environ["REDFERRY_TEST_DIR"])
        self.socket = os.environ["REDFERRY_TEST_REDIS_SOCKET"]
        self.redis_pid = int(os.environ["REDFERRY_TEST_REDIS_PID"])
        self.postgres_pid = int(os.environ["REDFERRY_TEST_POSTGRES_PID"])
        self._url = os.environ["REDFERRY_TEST_POSTGRES"]
        self.redis = Redis(self.socket)
        self.psql = self._find_psql()
        self.redferry = self.build / "redferry"
        self.count = 0
        # What is measured sees no variable that could mean a user's own servers.
        kept = ("PATH", "HOME", "LANG")
        self.environment = {name: os.environ[name] for name in kept if name in os.environ}

    def _find_psql(self):
        """The program itself; what Debian has in PATH is a wrapper in Perl, and slow."""
        found = list(Path("/usr/lib/postgresql").glob("*/bin/psql"))
        found.sort(key=lambda path: float(path.parts[4]))
        return str(found[-1]) if found else "psql"

    def tool(self, name):
        return str(self.build / "bench" / name)

    def number(self):
        """A number that was not used before: for a run's own files and tables."""
        self.count += 1
        return self.count

    def postgres_url(self, database):
        return re.sub("^postgresql:///[^?]*", f"postgresql:///{database}", self._url)

    def data(self, rows):
        return Data(self, rows)


class Data:
    """The tables, with so many rows, in both databases; the commands that they come to, encoded."""

    def __init__(self, bed, rows):
        self.bed = bed
        self.rows = rows
        self.file = bed.scratch / f"rows{rows}.db"
        self.postgres = bed.postgres_url(f"rows{rows}")
        self._encoded = {}
        say(f"making {rows:,} rows in PostgreSQL and in SQLite")
        run([bed.psql, "-Xqw", bed.postgres_url("test"), "-c", f"CREATE DATABASE rows{rows}"])
        run(
            [bed.psql, "-Xqw", "-v", "ON_ERROR_STOP=1", "-v", f"rows={rows}", self.postgres],
            input=shapes.POSTGRES_TABLES,
        )
        run(
            ["sqlite3", "-bail", str(self.file)],
            input=shapes.SQLITE_TABLES.replace(":rows", str(rows)),
        )

    @property
    def sources(self):
        return {"postgresql": self.postgres, "sqlite": f"sqlite:{self.file}"}

    def encoded(self, shape):
        """The file with a shape's commands as redferry sends them: in the order of the key."""
        if shape.name not in self._encoded:
            path = self.bed.scratch / f"{shape.name}{self.rows}.resp"
            query = (PEERS / f"{shape.name}.sql").read_text() + f"ORDER BY {shape.order}\n"
            with open(path, "w", encoding="utf-8") as file:
                subprocess.run(
                    [self.bed.psql, "-XAtqw", "-v", "FETCH_COUNT=10000", self.postgres],
                    input=query,
                    text=True,
                    stdout=file,
                    check=True,
                )
            self._encoded[shape.name] = path
        return self._encoded[shape.name]
