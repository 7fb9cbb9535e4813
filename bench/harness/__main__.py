"""Measures redferry, the ingest limit and redferry's peers, side by side.

Started by bench/run, which has built what is measured, between servers of its own. The parts:

  set, hset, publish   the limit, and redferry from PostgreSQL and from SQLite, over one shape
  peers                whoever else carries rows from PostgreSQL, over the same shapes
  batches              batches of 100, 1000 and 10000 rows, and the limit in such transactions
  delay                redferry over round trips of 0, 0.5 and 2 ms
  start                `up` with nothing pending
  memory               ten times the rows: only with --full, or where it is named
"""
import argparse
import os
import sys
from pathlib import Path

import chart
import parts
import report
import targets
from bed import Bed, say
from measure import WrongResult
from shapes import SHAPES

PARTS = ("set", "hset", "publish", "peers", "batches", "delay", "start", "memory")
ROUNDS, FEWER, FEW = 7, 5, 3  # in parts that are quick, slower, and slow
QUICK_ROWS, QUICK_STARTS = 2000, 5


def options():
    parser = argparse.ArgumentParser(
        prog="bench/run", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", metavar="PART,…", help="these parts, and no others")
    parser.add_argument(
        "--rows", type=int, metavar="N", help="default 1000000, which the targets mean"
    )
    parser.add_argument(
        "--rounds", type=int, metavar="N", help=f"at most; default {ROUNDS}, in slow parts fewer"
    )
    parser.add_argument(
        "--quick", action="store_true", help="a few rows, one round: does the benchmark work?"
    )
    parser.add_argument(
        "--full", action="store_true", help="SET and HSET with ten times the rows as well"
    )
    parser.add_argument(
        "--into",
        type=Path,
        default=Path("build/bench"),
        metavar="DIR",
        help="where results.json, results.md and chart.svg go (default build/bench)",
    )
    parser.add_argument(
        "--docs", action="store_true", help="put table and chart into docs/ and bench/README.md"
    )
    parser.add_argument("--build", default="build/release", metavar="DIR", help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.rows is None:
        chosen.rows = QUICK_ROWS if chosen.quick else targets.TARGET_ROWS
    if chosen.rounds is None:
        chosen.rounds = 1 if chosen.quick else ROUNDS
    chosen.starts = QUICK_STARTS if chosen.quick else parts.STARTS
    usual = [part for part in PARTS if chosen.full or chosen.quick or part != "memory"]
    chosen.parts = chosen.only.split(",") if chosen.only else usual
    unknown = set(chosen.parts) - set(PARTS)
    if unknown or chosen.rows < 1 or chosen.rounds < 1:
        parser.error(f"no part '{unknown.pop()}'" if unknown else "a number that is too small")
    return chosen


def present_peers(chosen):
    """Those that can be measured, and why the others cannot."""
    if "peers" not in chosen.parts:
        return [], {}
    reasons = {peer: peer.missing() for peer in parts.peers()}
    missing = {peer.label: why for peer, why in reasons.items() if why}
    return [peer for peer, why in reasons.items() if not why], missing


def measure(bed, chosen, peers):
    """Part after part, as they are ready."""
    fewer, few = min(chosen.rounds, FEWER), min(chosen.rounds, FEW)
    chosen_shapes = [name for name in SHAPES if name in chosen.parts]
    if set(chosen.parts) - {"start"}:
        data = bed.data(chosen.rows)
    for name in chosen_shapes:
        yield parts.shape_part(data, name, chosen.rounds)
    if "peers" in chosen.parts:
        for name in chosen_shapes or SHAPES:
            yield parts.peers_part(data, name, few, peers)
    if "batches" in chosen.parts:
        yield parts.batches_part(data, fewer)
    if "delay" in chosen.parts:
        yield parts.delay_part(data, fewer)
    if "start" in chosen.parts:
        yield parts.start_part(bed, chosen.starts)
    if "memory" in chosen.parts:
        many = bed.data(10 * chosen.rows)
        for name in ("set", "hset") if chosen.full else ("set",):
            yield parts.many_part(many, name, few)


def write(chosen, done, facts, missing):
    """results.json, results.md and the chart; the tables to stdout."""
    verdicts = targets.judge(done)
    head, tables = report.head(facts, verdicts, missing), report.tables(done)
    drawn = chart.svg(done)
    chosen.into.mkdir(parents=True, exist_ok=True)
    (chosen.into / "results.json").write_text(report.document(facts, done, verdicts, missing))
    (chosen.into / "results.md").write_text(head + tables)
    charts = [chosen.into / "chart.svg", *([Path("docs/speed.svg")] if chosen.docs else [])]
    for chart_file in charts if drawn else ():
        chart_file.write_text(drawn)
    if chosen.docs:
        report.replace(Path("docs/speed.md"), head + tables)
        report.replace(Path("bench/README.md"), head)
    print(head + tables, end="")
    say(f"the same is in {chosen.into}: results.md, results.json, chart.svg")


def main():
    chosen = options()
    bed = Bed(chosen.build)
    peers, missing = present_peers(chosen)
    for label, why in missing.items():
        say(f"not measured: {label} ({why} is missing)")
    facts = report.about(bed)
    if facts["load_before"] > os.cpu_count() / 4:
        say(f"the machine is busy (load {facts['load_before']:.1f}): figures will be worth little")
    try:
        done = list(measure(bed, chosen, peers))
    except WrongResult as wrong:
        say(f"bench/run: a wrong result: {wrong}")
        return 1
    except KeyboardInterrupt:
        return 130
    write(chosen, done, facts, missing)
    return 0


sys.exit(main())
