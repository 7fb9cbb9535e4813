"""Who is measured: the limit, redferry and its peers. Each carries a shape once a round."""
import importlib.util
import json
import re
import shutil
import subprocess
import sys

from bed import PEERS, run
from measure import SAMPLES, Result, Servers, WrongResult, sample, verify, verify_sample, watch

RUBY_ROWS = 20_000


class Contestant:
    """One that can be measured. `key` names it in the JSON, `label` in tables and the chart."""

    key = label = ""
    is_redferry = False

    def missing(self):
        """Why it cannot take part, or None."""
        return None

    def rows(self, data):
        return data.rows

    def command(self, data, shape):
        raise NotImplementedError

    def own_seconds(self, output):
        """What the command measured itself, where the wall time does not count."""
        return None

    def look(self, data, shape, watched):
        """Whatever else must be right."""

    def carry(self, data, shape):
        bed, rows = data.bed, self.rows(data)
        command = self.command(data, shape)
        bed.redis.clear()
        servers = Servers(bed)
        watched = watch(bed, command)
        redis_cpu, postgres_cpu = servers.spent()
        try:
            verify(bed, shape, rows, self.is_redferry)
            verify_sample(bed, shape, self.numbers(data))
            self.look(data, shape, watched)
        except WrongResult as wrong:
            raise WrongResult(f"{self.label}, {shape.title}: {wrong}") from None
        seconds = self.own_seconds(watched.output) or watched.wall
        return Result(
            rows, seconds, watched.cpu, redis_cpu, postgres_cpu, watched.peak_kib, watched.stolen
        )

    def numbers(self, data):
        return sample(data.rows)


def named(*parts):
    return "-".join(str(part).replace(" ", "") for part in parts if part)


def labelled(*parts):
    return ", ".join(part for part in parts if part)


class Limit(Contestant):
    """The same commands, encoded beforehand: in transactions of `batch`, or bare."""

    def __init__(self, batch=None, socket=None, line=None):
        self.batch, self.socket = batch, socket
        self.key = named("limit", batch, line)
        self.label = labelled("limit", batch and f"transactions of {batch}", line)

    def command(self, data, shape):
        where = [self.socket or data.bed.socket, data.encoded(shape)]
        return [data.bed.tool("limit"), *where, *([self.batch] if self.batch else [])]

    def own_seconds(self, output):
        return float(output.split()[0])


class Redferry(Contestant):
    """A real migration by a real `up`, exactly once, after an `init` of a ledger of its own."""

    is_redferry = True
    titles = {"postgresql": "PostgreSQL", "sqlite": "SQLite"}

    def __init__(self, source, batch=None, socket=None, line=None):
        self.source, self.batch, self.socket = source, batch, socket
        self.ledger = None  # of this turn
        self.key = named("redferry", source, batch, line)
        size = batch and f"batches of {batch}"
        self.label = labelled("redferry", self.titles[source], size, line)

    def command(self, data, shape):
        bed = data.bed
        number = bed.number()
        directory = bed.scratch / f"migrations{number}"
        directory.mkdir()
        (directory / "1_carry.yaml").write_text(shape.migration(self.batch))
        options = {
            "--database": data.sources[self.source],
            "--redis": f"unix://{self.socket or bed.socket}",
            "--migrations": directory,
            "--ledger-table": f"ledger{number}",
        }
        self.ledger = options["--ledger-table"]
        words = [str(word) for pair in options.items() for word in pair]
        run([bed.redferry, "init", "--quiet", *words], env=bed.environment)
        return [bed.redferry, "up", "--json", *words]

    def look(self, data, shape, watched):
        applied = json.loads(watched.output)["applied"][0]
        wanted = (data.rows, data.rows, data.rows * shape.calls.get("publish", 0))
        said = tuple(applied[name] for name in ("rows_read", "commands_sent", "messages_published"))
        if said != wanted:
            raise WrongResult(f"rows, commands, messages: {said}, not {wanted}")
        self._drop_ledger(data)

    def _drop_ledger(self, data):
        """A database has one ledger, and reading a schema with many takes memory."""
        tables = [f"{self.ledger}{end}" for end in ("", "_runs", "_ledger")]
        drop = "".join(f"DROP TABLE {table};" for table in tables)
        if self.source == "sqlite":
            run(["sqlite3", "-bail", str(data.file), drop])
        else:
            run([data.bed.psql, "-Xqw", data.postgres, "-c", drop])


class Pipe(Contestant):
    key, label = "pipe", "psql | redis-cli --pipe"

    def missing(self):
        return None if shutil.which("redis-cli") else "Debian's redis-tools"

    def command(self, data, shape):
        bed = data.bed
        return [PEERS / "pipe", bed.psql, data.postgres, bed.socket, PEERS / f"{shape.name}.sql"]


class Python(Contestant):
    key, label = "python", "Python, pipelines of 1000"

    def missing(self):
        modules = ("redis", "psycopg2")
        lacks = [module for module in modules if importlib.util.find_spec(module) is None]
        return " and ".join(f"Debian's python3-{module}" for module in lacks) or None

    def command(self, data, shape):
        return [sys.executable, PEERS / "pipelined.py", data.postgres, data.bed.socket, shape.name]


class Ruby(Contestant):
    """So slow that it carries fewer rows; it is compared by its rate, without its start."""

    key, label = "ruby", "ActiveRecord, row by row"

    def missing(self):
        if shutil.which("ruby") is None:
            return "Debian's ruby"
        packages = {"redis": "ruby-redis", "active_record": "ruby-activerecord", "pg": "ruby-pg"}
        lacks = [package for gem, package in packages.items() if not self._has(gem)]
        return " and ".join(f"Debian's {package}" for package in lacks) or None

    @staticmethod
    def _has(gem):
        done = subprocess.run(["ruby", "-e", f"require '{gem}'"], check=False, capture_output=True)
        return done.returncode == 0

    def rows(self, data):
        return min(data.rows, RUBY_ROWS)

    def command(self, data, shape):
        where = [data.postgres, data.bed.socket]
        return ["ruby", PEERS / "row_by_row.rb", *where, shape.name, self.rows(data)]

    def own_seconds(self, output):
        return float(output)

    def numbers(self, data):
        """Which rows came first is the database's own affair: some of those that came."""
        keys = [data.bed.redis.ask("RANDOMKEY") for _ in range(SAMPLES)]
        return {int(re.search(r"\d+$", key).group()) for key in keys}
