"""The parts of the benchmark: who is compared with whom, over what."""
import os
import statistics
import subprocess
import time
from dataclasses import dataclass

from bed import run, say
from contestants import Limit, Pipe, Python, Redferry, Ruby
from measure import Result, WrongResult, watch
from rounds import Part, interleave
from shapes import SHAPES
from wire import Redis

BATCHES = (100, 1000, 10_000)
ROUND_TRIPS = (0, 500, 2000)  # microseconds
PINGS = 20
STARTS = 200
SOURCES = ("postgresql", "sqlite")


def peers():
    return [Pipe(), Python(), Ruby()]


def carry(data, shape, title, contestants, rounds, name=None):
    data.encoded(shape)  # before anybody's turn
    part = Part(name or shape.name, title, data.rows)
    return interleave(part, contestants, rounds, lambda contestant: contestant.carry(data, shape))


def shape_part(data, name, rounds):
    """The limit, and redferry from both databases, over one shape."""
    shape = SHAPES[name]
    contestants = [Limit(), *(Redferry(source) for source in SOURCES)]
    return carry(data, shape, shape.title, contestants, rounds)


def peers_part(data, name, rounds, present):
    """redferry and its peers, in a part of their own: they are slow, and it has fewer rounds."""
    shape = SHAPES[name]
    contestants = [Limit(), Redferry("postgresql"), *present]
    return carry(
        data, shape, f"{shape.title}, beside its peers", contestants, rounds, f"{name}-peers"
    )


def batches_part(data, rounds):
    """The limit in transactions of a size, and redferry in batches of that size."""
    contestants = [Limit()]
    for batch in BATCHES:
        contestants += [Limit(batch), *(Redferry(source, batch) for source in SOURCES)]
    return carry(
        data, SHAPES["set"], "flags → SET, by the size of a batch", contestants, rounds, "batches"
    )


def many_part(data, name, rounds):
    """Many rows: the same rate, the same memory?"""
    shape = SHAPES[name]
    contestants = [Limit(), *(Redferry(source) for source in SOURCES)]
    return carry(data, shape, f"{shape.title}, many rows", contestants, rounds, f"{name}-many")


# ---- a slow line -------------------------------------------------------------------------------


class SlowLines:
    """A bench/delay_proxy for every round trip; they end with the block.

    Who is far away shares no core with the line: Redis keeps to the first one meanwhile, as the
    proxies do to the last one.
    """

    def __init__(self, bed):
        self.bed = bed
        self.proxies = []
        self.sockets = {}
        self.cores = os.sched_getaffinity(0)

    def _keep_redis_to(self, cores):
        for thread in os.listdir(f"/proc/{self.bed.redis_pid}/task"):
            os.sched_setaffinity(int(thread), cores)

    def __enter__(self):
        self._keep_redis_to({min(self.cores)})
        for trip in ROUND_TRIPS:
            path = str(self.bed.scratch / f"line{self.bed.number()}.sock")
            proxy = subprocess.Popen(
                [self.bed.tool("delay_proxy"), path, self.bed.socket, str(trip)],
                stdout=subprocess.PIPE,
                text=True,
            )
            self.proxies.append(proxy)
            if proxy.stdout.readline() != "ready\n":
                raise OSError("delay_proxy does not start")
            self.sockets[trip] = path
            self._try(path, trip)
        return self

    @staticmethod
    def _try(path, trip):
        """The line must be as slow as it says; how slow it really is, is told."""
        client, times = Redis(path), []
        for _ in range(PINGS):
            begun = time.perf_counter()
            client.ask("PING")
            times.append((time.perf_counter() - begun) * 1e6)
        took = statistics.median(times) / 1000
        say(f"a line with a round trip of {trip / 1000:g} ms answers PING within {took:.2f} ms")
        if min(times) < trip:
            raise WrongResult(f"delay_proxy: a round trip took {min(times):.0f} µs, not {trip}")

    def __exit__(self, *_):
        self._keep_redis_to(self.cores)
        for proxy in self.proxies:
            proxy.kill()
            proxy.wait()
            proxy.stdout.close()


def delay_part(data, rounds):
    """redferry over a line with a round trip, against the same line without one."""
    with SlowLines(data.bed) as lines:
        contestants = [Limit()]
        for trip, path in lines.sockets.items():
            line = f"{trip / 1000:g} ms"
            contestants += [
                Limit(socket=path, line=line),
                *(Redferry(source, socket=path, line=line) for source in SOURCES),
            ]
        return carry(
            data,
            SHAPES["set"],
            "flags → SET, by the round trip to Redis",
            contestants,
            rounds,
            "delay",
        )


# ---- nothing pending ---------------------------------------------------------------------------


@dataclass(frozen=True)
class Start:
    """A command that has hardly anything to do: its start is what it takes."""

    key: str
    label: str
    command: list

    def turn(self, bed):
        watched = watch(bed, self.command)
        return Result(1, watched.wall, watched.cpu, 0.0, 0.0, watched.peak_kib)


def start_part(bed, times):
    """`up` with nothing pending, against the databases' own programs asking for `select 1`."""
    directory = bed.scratch / f"migrations{bed.number()}"
    directory.mkdir()
    (directory / "1_begin.yaml").write_text("up:\n  - write: SET begun true\n")
    file = bed.scratch / "start.db"
    run(["sqlite3", str(file), "PRAGMA journal_mode = WAL; CREATE TABLE application (id integer)"])
    urls = {"postgresql": bed.postgres_url("test"), "sqlite": f"sqlite:{file}"}
    ups = [
        Start(
            f"up-{source}",
            f"up, nothing pending, {Redferry.titles[source]}",
            [
                bed.redferry,
                "up",
                "--database",
                url,
                "--redis",
                f"unix://{bed.socket}",
                "--migrations",
                directory,
            ],
        )
        for source, url in urls.items()
    ]
    for up in ups:
        up.turn(bed)  # the first one applies it
    selects = [
        Start(
            "select-postgresql",
            "psql -Xc 'select 1'",
            [bed.psql, "-Xc", "select 1", urls["postgresql"]],
        ),
        Start("select-sqlite", "sqlite3 FILE 'select 1'", ["sqlite3", file, "select 1"]),
    ]
    part = Part("start", "nothing pending", 1)
    return interleave(part, [*ups, *selects], times, lambda start: start.turn(bed), tell=False)
