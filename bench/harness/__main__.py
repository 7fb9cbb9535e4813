"""Measures redferry, the ingest limit and redferry's peers, side by side.

Started by bench/run, which has built what is measured and runs this between servers of its own. The parts:

  set, hset, publish   the limit, redferry from PostgreSQL and from SQLite, and the peers, over one shape
  batches              redferry in batches of 100, 1000 and 10000 rows, the limit in such transactions
  delay                redferry over round trips of 0, 0.5 and 2 ms
  start                `up` with nothing pending
  memory               redferry's peak with ten times the rows (only with --full, or where it is named)
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

PARTS = ("set", "hset", "publish", "batches", "delay", "start", "memory")
QUICK_ROWS, QUICK_STARTS = 2000, 5
MARKS = ("<!-- measured -->", "<!-- /measured -->")

def options():
    parser = argparse.ArgumentParser(prog="bench/run", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", metavar="PART,…", help="these parts, and no others; `peers` among them: "
                        "the peers too, otherwise only the limit and redferry")
    parser.add_argument("--rows", type=int, metavar="N", help="default 1000000, which the targets mean")
    parser.add_argument("--rounds", type=int, metavar="N", help="default 5")
    parser.add_argument("--quick", action="store_true", help="a few rows, one round: does the benchmark work?")
    parser.add_argument("--full", action="store_true", help="SET and HSET with ten times the rows as well")
    parser.add_argument("--into", type=Path, default=Path("build/bench"), metavar="DIR",
                        help="where results.json, results.md and chart.svg go (default build/bench)")
    parser.add_argument("--docs", action="store_true", help="put table and chart into docs/ and bench/README.md")
    parser.add_argument("--build", default="build/release", metavar="DIR", help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    chosen.rows = chosen.rows or (QUICK_ROWS if chosen.quick else targets.TARGET_ROWS)
    chosen.rounds = chosen.rounds or (1 if chosen.quick else 5)
    chosen.starts = QUICK_STARTS if chosen.quick else parts.STARTS
    chosen.parts = chosen.only.split(",") if chosen.only else \
        [part for part in (*PARTS, "peers") if chosen.full or chosen.quick or part != "memory"]
    unknown = set(chosen.parts) - {*PARTS, "peers"}
    if unknown or chosen.rows < 1 or chosen.rounds < 1:
        parser.error(f"no part '{unknown.pop()}'" if unknown else "a number that is too small")
    return chosen

def present_peers(chosen):
    """Those that can be measured, and why the others cannot."""
    if "peers" not in chosen.parts:
        return [], {}
    reasons = {peer: peer.missing() for peer in parts.peers()}
    return [peer for peer, why in reasons.items() if not why], \
        {peer.label: why for peer, why in reasons.items() if why}

def measure(bed, chosen, peers):
    """Part after part, as they are ready."""
    if set(chosen.parts) - {"start"}:
        data = bed.data(chosen.rows)
    for name in SHAPES:
        if name in chosen.parts:
            yield parts.shape_part(data, name, chosen.rounds, peers)
    if "batches" in chosen.parts:
        yield parts.batches_part(data, chosen.rounds)
    if "delay" in chosen.parts:
        yield parts.delay_part(data, chosen.rounds)
    if "start" in chosen.parts:
        yield parts.start_part(bed, chosen.starts)
    if "memory" in chosen.parts:
        yield from parts.many_rows(bed.data(10 * chosen.rows), chosen.full, min(chosen.rounds, 3))

def write(chosen, done, facts, missing):
    """results.json, results.md and the chart; the tables to stdout."""
    verdicts = targets.judge(done)
    text = report.markdown(facts, done, verdicts, missing)
    drawn = [part for part in done if part.name in SHAPES]
    chosen.into.mkdir(parents=True, exist_ok=True)
    (chosen.into / "results.json").write_text(report.document(facts, done, verdicts, missing))
    (chosen.into / "results.md").write_text(text)
    if drawn:
        (chosen.into / "chart.svg").write_text(chart.svg(drawn))
    print(text, end="")
    say(f"results.json, results.md and chart.svg are in {chosen.into}")

def main():
    chosen = options()
    bed = Bed(chosen.build)
    peers, missing = present_peers(chosen)
    for label, why in missing.items():
        say(f"not measured: {label} ({why} is missing)")
    facts = report.about(bed)
    if facts["load_before"] > os.cpu_count() / 4:
        say(f"the machine is busy (load {facts['load_before']:.1f}): the figures will be worth little")
    try:
        done = list(measure(bed, chosen, peers))
    except WrongResult as wrong:
        say(f"bench/run: a wrong result: {wrong}")
        return 1
    write(chosen, done, facts, missing)
    return 0

sys.exit(main())
