"""SPEC's targets, held against what was measured."""
from dataclasses import dataclass
from typing import Optional

from rounds import Spread

TARGET_ROWS = 1_000_000  # the targets speak of so many rows


@dataclass(frozen=True)
class Verdict:
    what: str
    target: str
    measured: Spread
    unit: str
    met: bool
    bound: Optional[float] = None  # what the limit itself comes to

    def json(self):
        return {
            "what": self.what,
            "target": self.target,
            "unit": self.unit,
            "met": self.met,
            "measured": self.measured.json(),
            "bound": self.bound,
        }


def at_least(what, least, measured, bound):
    return Verdict(what, f"≥ {least:g}", measured, "", measured.median >= least, bound)


def at_most(what, most, measured, unit=""):
    return Verdict(what, f"≤ {most:g}{unit}", measured, unit, measured.median <= most)


# (part, what, above, below, least): ratios of rates.
RATES = (
    ("set", "SET from PostgreSQL, of the limit", "redferry-postgresql", "limit", 0.90),
    ("set", "SET from SQLite, of the limit", "redferry-sqlite", "limit", 0.90),
    (
        "hset",
        "HSET of 7 fields from PostgreSQL, of the limit",
        "redferry-postgresql",
        "limit",
        0.95,
    ),
    ("hset", "HSET of 7 fields from SQLite, of the limit", "redferry-sqlite", "limit", 0.95),
    ("set-peers", "faster than psql | redis-cli --pipe, times", "redferry-postgresql", "pipe", 1.7),
    ("set-peers", "faster than Python pipelining 1000, times", "redferry-postgresql", "python", 6),
    ("set-peers", "faster than ActiveRecord row by row, times", "redferry-postgresql", "ruby", 60),
)


def rate_verdicts(parts):
    for part in parts:
        for name, what, above, below, least in RATES:
            ratio = part.ratio(above, below) if part.name == name else None
            if ratio is not None:
                yield at_least(what, least, ratio, part.ratio("limit", below).median)


def cpu_verdicts(parts):
    for part in parts:
        if part.name not in ("set", "hset"):
            continue
        for key, source in (("redferry-postgresql", "PostgreSQL"), ("redferry-sqlite", "SQLite")):
            share = part.spread(key, lambda result: result.cpu / result.redis_cpu)
            yield at_most(f"{part.name.upper()} from {source}: own CPU, of Redis' CPU", 0.5, share)


def memory_verdicts(parts):
    peaks = {}
    for part in parts:
        for key, results in part.results.items():
            if key.startswith("redferry-"):
                peaks.setdefault(part.rows, []).extend(result.peak_kib / 1024 for result in results)
    for rows, values in sorted(peaks.items()):
        # The largest is what counts of a peak.
        highest = Spread(max(values), min(values), max(values))
        yield at_most(f"peak memory, {rows:,} rows", 16, highest, " MiB")


def growth_verdicts(parts):
    """With ten times the rows a peak may be greater by chance, by what allocators round up to."""
    named = {part.name: part for part in parts}
    for name, title in (("set", "SET"), ("hset", "HSET")):
        few, many = named.get(name), named.get(f"{name}-many")
        if few is None or many is None:
            continue
        for key, source in (("redferry-postgresql", "PostgreSQL"), ("redferry-sqlite", "SQLite")):
            before = few.spread(key, lambda result: result.peak_kib / 1024)
            after = many.spread(key, lambda result: result.peak_kib / 1024)
            growth = Spread(
                after.high - before.high, after.low - before.high, after.high - before.low
            )
            yield at_most(
                f"peak memory, {title} from {source}: growth with ten times the rows",
                1,
                growth,
                " MiB",
            )


def start_verdicts(parts):
    for part in parts:
        if part.name == "start":
            for source, title, most in (
                ("postgresql", "PostgreSQL: times psql", 1.2),
                ("sqlite", "SQLite: times sqlite3", 5),
            ):
                ratio = part.ratio(
                    f"up-{source}", f"select-{source}", lambda result: result.seconds
                )
                yield at_most(f"`up` with nothing pending, {title}", most, ratio)


def delay_verdicts(parts):
    for part in parts:
        if part.name == "delay":
            for source, title in (("postgresql", "PostgreSQL"), ("sqlite", "SQLite")):
                ratio = part.ratio(
                    f"redferry-{source}-2ms",
                    f"redferry-{source}-0ms",
                    lambda result: result.seconds,
                )
                yield at_most(
                    f"SET from {title} over a round trip of 2 ms, times that of 0 ms", 1.1, ratio
                )


def judge(parts):
    """All verdicts. What was measured with another number of rows is shown, but not judged."""
    meant = [part for part in parts if part.rows in (1, TARGET_ROWS)]
    return [
        *rate_verdicts(meant),
        *cpu_verdicts(meant),
        *memory_verdicts(parts),
        *growth_verdicts(parts),
        *start_verdicts(parts),
        *delay_verdicts(meant),
    ]
