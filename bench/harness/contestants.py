"""Who is measured: the limit, redferry, and its peers. Each carries a shape once and says what it took."""
import importlib.util
import json
import re
import shutil
import subprocess
import sys

from bed import HERE
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
        return Result(rows, seconds, watched.cpu, redis_cpu, postgres_cpu, watched.peak_kib)

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
        return [data.bed.tool("limit"), self.socket or data.bed.socket, data.encoded(shape),
                *([self.batch] if self.batch else [])]

    def own_seconds(self, output):
        return float(output.split()[0])

class Redferry(Contestant):
    """A real migration by a real `up`, exactly once, into a ledger of its own."""
    is_redferry = True
    titles = {"postgresql": "PostgreSQL", "sqlite": "SQLite"}

    def __init__(self, source, batch=None, socket=None, line=None):
        self.source, self.batch, self.socket = source, batch, socket
        self.key = named("redferry", source, batch, line)
        self.label = labelled("redferry", self.titles[source], batch and f"batches of {batch}", line)

    def command(self, data, shape):
        bed = data.bed
        number = bed.number()
        directory = bed.scratch / f"migrations{number}"
        directory.mkdir()
        (directory / "1_carry.yaml").write_text(shape.migration(self.batch))
        return [bed.redferry, "up", "--json", "--database", data.sources[self.source],
                "--redis", f"unix://{self.socket or bed.socket}", "--migrations", directory,
                "--ledger-table", f"ledger{number}"]

    def look(self, data, shape, watched):
        applied = json.loads(watched.output)["applied"][0]
        wanted = (data.rows, data.rows, data.rows * shape.calls.get("publish", 0))
        said = tuple(applied[name] for name in ("rows_read", "commands_sent", "messages_published"))
        if said != wanted:
            raise WrongResult(f"rows, commands, messages: {said}, not {wanted}")

class Pipe(Contestant):
    key, label = "pipe", "psql | redis-cli --pipe"

    def missing(self):
        return None if shutil.which("redis-cli") else "redis-cli (of Debian's redis-tools)"

    def command(self, data, shape):
        bed = data.bed
        return [HERE / "peers" / "pipe", bed.psql, data.postgres, bed.socket, HERE / "peers" / f"{shape.name}.sql"]

class Python(Contestant):
    key, label = "python", "Python, pipelines of 1000"

    def missing(self):
        lacks = [package for module, package in (("redis", "python3-redis"), ("psycopg2", "python3-psycopg2"))
                 if importlib.util.find_spec(module) is None]
        return " ".join(lacks) + " (of Debian)" if lacks else None

    def command(self, data, shape):
        return [sys.executable, HERE / "peers" / "pipelined.py", data.postgres, data.bed.socket, shape.name]

class Ruby(Contestant):
    """So slow that it carries fewer rows; it is compared by its rate, without its start."""
    key, label = "ruby", "ActiveRecord, row by row"

    def missing(self):
        if shutil.which("ruby") is None:
            return "ruby (of Debian)"
        lacks = [gem for gem in ("redis", "active_record", "pg")
                 if subprocess.run(["ruby", "-e", f"require '{gem}'"], check=False,
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode != 0]
        packages = {"redis": "ruby-redis", "active_record": "ruby-activerecord", "pg": "ruby-pg"}
        return " ".join(packages[gem] for gem in lacks) + " (of Debian)" if lacks else None

    def rows(self, data):
        return min(data.rows, RUBY_ROWS)

    def command(self, data, shape):
        return ["ruby", HERE / "peers" / "row_by_row.rb", data.postgres, data.bed.socket, shape.name, self.rows(data)]

    def own_seconds(self, output):
        return float(output)

    def numbers(self, data):
        """Which rows came first is the database's own affair: some of those that came."""
        keys = [data.bed.redis.ask("RANDOMKEY") for _ in range(SAMPLES)]
        return {int(re.search(r"\d+$", key).group()) for key in keys}
