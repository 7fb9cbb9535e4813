"""What was measured, told: tables in Markdown, and the same as JSON."""
import json
import os
import platform
import re
import shutil
import subprocess
from datetime import datetime, timezone

from rounds import MOST_STOLEN, Spread


def _first_line(*command):
    if shutil.which(str(command[0])) is None:
        return None
    done = subprocess.run(
        command, check=False, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    return done.stdout.partition("\n")[0].strip()


def _release(text):
    found = re.search(r"\d+(\.\d+)+", text or "")
    return found.group() if found else None


def _processor():
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        found = re.search(r"^model name\s*:\s*(.*)$", file.read(), re.MULTILINE)
    return found.group(1) if found else platform.machine()


def _machine():
    with open("/proc/meminfo", encoding="utf-8") as file:
        gib = round(int(file.readline().split()[1]) / (1 << 20))
    kernel = _release(platform.release())
    return f"{os.cpu_count()} cores ({_processor()}), {gib} GiB, Linux {kernel}"


def about(bed):
    """The machine's class and the releases of everything; what does not exist is None."""
    return {
        "when": datetime.now(timezone.utc).strftime("%Y-%m-%d"),
        "machine": _machine(),
        "load_before": os.getloadavg()[0],
        "releases": {
            "redferry": _release(_first_line(bed.redferry, "--version")),
            "Redis": bed.redis.info("server")["redis_version"],
            "PostgreSQL": _release(_first_line(bed.psql, "--version")),
            "SQLite": _release(_first_line("sqlite3", "--version")),
            "Python": platform.python_version(),
            "Ruby": _release(_first_line("ruby", "--version")),
        },
    }


# ---- Markdown ----------------------------------------------------------------------------------


def _table(heads, rows):
    lines = ["| " + " | ".join(heads) + " |", "|" + "---|" * len(heads)]
    cells = ([cell.replace("|", "\\|") for cell in row] for row in rows)
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in cells]) + "\n"


def _between(spread, form):
    return f"{form.format(spread.median)} ({form.format(spread.low)}–{form.format(spread.high)})"


def _verdicts(verdicts):
    rows = [
        (
            verdict.what,
            verdict.target,
            _between(verdict.measured, "{:.2f}") + verdict.unit,
            "met" if verdict.met else "**not met**",
            f"{verdict.bound:.2f}" if verdict.bound else "",
        )
        for verdict in verdicts
    ]
    return _table(("what", "target", "measured (min–max)", "", "the limit itself"), rows)


def _micros(part, key, measure):
    """Microseconds of CPU a row."""
    spent = part.spread(key, lambda result: getattr(result, measure) / result.rows * 1e6)
    return f"{spent.median:.2f}"


def _carried(part):
    rows = []
    for key, label in part.labels.items():
        results = part.results[key]
        of_limit = part.ratio(key, "limit")
        rows.append(
            (
                label,
                f"{results[0].rows:,}",
                _between(part.spread(key, lambda result: result.rate / 1000), "{:,.0f}"),
                _between(of_limit, "{:.2f}") if of_limit and key != "limit" else "",
                *(_micros(part, key, one) for one in ("cpu", "redis_cpu", "postgres_cpu")),
                f"{Spread.of([result.peak_kib / 1024 for result in results]).high:.1f}",
            )
        )
    return _table(
        (
            "",
            "rows",
            "1000 rows/s (min–max)",
            "of the limit",
            "own CPU µs/row",
            "Redis µs/row",
            "PostgreSQL µs/row",
            "peak MiB",
        ),
        rows,
    )


def _started(part):
    return _table(
        ("", "milliseconds (min–max)", "own CPU ms", "peak MiB"),
        [
            (
                label,
                _between(part.spread(key, lambda result: result.seconds * 1000), "{:.2f}"),
                f"{part.spread(key, lambda result: result.cpu * 1000).median:.2f}",
                f"{part.spread(key, lambda result: result.peak_kib / 1024).high:.1f}",
            )
            for key, label in part.labels.items()
        ],
    )


def _heading(part):
    rounds = max(len(results) for results in part.results.values())
    rows = "" if part.name == "start" else f", {part.rows:,} rows"
    told = f"Medians of {rounds} rounds." if rounds > 1 else "One round."
    if part.again > 0:
        told += (
            f" From {part.again} turns neighbours took more than {MOST_STOLEN:.0%} of the cores'"
        )
        told += " time; they were taken again."
    return f"### {part.title}{rows}\n\n{told}\n"


def head(facts, verdicts, missing):
    """Where and when, who is missing, and the targets."""
    present = [(name, release) for name, release in facts["releases"].items() if release]
    releases = ", ".join(f"{name} {release}" for name, release in present)
    text = [f"Measured on {facts['when']}: {facts['machine']}; {releases}.\n"]
    text += [f"Not measured: {label} ({why} is missing).\n" for label, why in missing.items()]
    if verdicts:
        text += ["### Targets\n", _verdicts(verdicts)]
    return "\n".join(text) + "\n"


def tables(parts):
    """A table for each part."""
    text = []
    for part in parts:
        text += [_heading(part), _started(part) if part.name == "start" else _carried(part)]
    return "\n".join(text)


MARKS = ("<!-- measured: bench/run --docs -->\n", "<!-- end of what was measured -->\n")


def replace(page, text):
    """Put the text between the marks of a page."""
    before, begin, rest = page.read_text().partition(MARKS[0])
    _, end, after = rest.partition(MARKS[1])
    if not begin or not end:
        raise ValueError(f"{page} lacks the marks between which the figures go")
    page.write_text(before + begin + "\n" + text + "\n" + end + after)


# ---- JSON --------------------------------------------------------------------------------------


def _contestant(part, key):
    results = part.results[key]
    return {
        "label": part.labels[key],
        "rows": results[0].rows,
        "rate": part.spread(key, lambda result: result.rate).json(),
        **{
            name: [getattr(result, name) for result in results]
            for name in ("seconds", "cpu", "redis_cpu", "postgres_cpu", "peak_kib", "stolen")
        },
    }


def document(facts, parts, verdicts, missing):
    return (
        json.dumps(
            {
                **facts,
                "missing": missing,
                "targets": [verdict.json() for verdict in verdicts],
                "parts": [
                    {
                        "name": part.name,
                        "title": part.title,
                        "rows": part.rows,
                        "contestants": {key: _contestant(part, key) for key in part.labels},
                    }
                    for part in parts
                ],
            },
            indent=1,
            ensure_ascii=False,
        )
        + "\n"
    )
