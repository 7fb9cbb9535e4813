"""One measurement: a command under the stopwatch, what servers spent on it, and if it was right."""
import os
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

SAMPLES = 500
TICK = 1 / os.sysconf("SC_CLK_TCK")


class WrongResult(Exception):
    """Somebody did not do what is measured: then no figure counts."""


@dataclass
class Result:
    rows: int
    seconds: float  # that count: wall time, or what the command itself measured
    cpu: float  # CPU seconds of the command, its children included
    redis_cpu: float
    postgres_cpu: float
    peak_kib: int  # of the largest process of the command
    stolen: float = 0.0  # share of the cores' time that the machine's neighbours took meanwhile

    @property
    def rate(self):
        return self.rows / self.seconds


@dataclass
class Watched:
    wall: float
    cpu: float
    peak_kib: int
    stolen: float
    output: str


def stolen_seconds():
    """CPU seconds, of all cores, that the hypervisor has given to others so far."""
    with open("/proc/stat", encoding="utf-8") as file:
        return int(file.readline().split()[8]) * TICK


def watch(bed, command):
    """Run a command under bench/stopwatch."""
    report = bed.scratch / "stopwatch"
    stolen = stolen_seconds()
    done = subprocess.run(
        [bed.tool("stopwatch"), str(report), *map(str, command)],
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=bed.environment,
    )
    stolen = stolen_seconds() - stolen
    if done.returncode != 0:
        raise WrongResult(
            f"{' '.join(map(str, command))}: exit code {done.returncode}\n{done.stderr}"
        )
    wall, user, system, kib = report.read_text().split()
    share = stolen / (float(wall) * os.cpu_count())
    return Watched(float(wall), float(user) + float(system), int(kib), share, done.stdout)


# ---- what the servers spent --------------------------------------------------------------------


def _stat(pid):
    """The fields of /proc/PID/stat behind the command's name; None where the process is gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None


def _serves_somebody(pid):
    """Whether a child of the postmaster is none of those that stay, by the title it gives itself.

    What serves a client has `[local]` in it; what has just begun, or is to be reaped, has no title.
    """
    try:
        title = Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False
    return b"[local]" in title or not title.startswith(b"postgres: ")


def _has_backends(postmaster):
    for pid in filter(str.isdigit, os.listdir("/proc")):
        stat = _stat(pid)
        if stat and stat[1] == str(postmaster) and _serves_somebody(pid):
            return True
    return False


def _backends_cpu(postmaster):
    """CPU seconds of all backends there were. One counts once it is gone, soon after its client."""
    tries = 0
    while _has_backends(postmaster) and tries < 1000:
        time.sleep(0.005)
        tries += 1
    stat = _stat(postmaster)
    return (int(stat[13]) + int(stat[14])) * TICK


class Servers:
    """CPU seconds of Redis, and of PostgreSQL's backends, between two moments."""

    def __init__(self, bed):
        self.bed = bed
        self.postgres = _backends_cpu(bed.postgres_pid)
        self.redis = bed.redis.cpu()

    def spent(self):
        redis = self.bed.redis.cpu() - self.redis
        return redis, _backends_cpu(self.bed.postgres_pid) - self.postgres


# ---- whether it did its work -------------------------------------------------------------------


def verify(bed, shape, rows, is_redferry):
    """Redis holds as many keys as there are rows, and ran each command as often as it must."""
    redis = bed.redis
    for command, times in shape.calls.items():
        ran = redis.calls(command)
        # redferry's checkpoint is written by HSET as well.
        if ran < rows * times or (ran > rows * times and not (is_redferry and command == "hset")):
            raise WrongResult(f"Redis ran {command.upper()} {ran} times, not {rows * times}")
    # One more key says that this ledger writes here.
    keys = redis.ask("DBSIZE") - (1 if is_redferry else 0)
    if keys != rows:
        raise WrongResult(f"Redis holds {keys} keys, not {rows}")


def verify_sample(bed, shape, numbers):
    """The rows with these numbers are as they should be."""
    for number in numbers:
        question, answer = shape.expected(number)
        found = bed.redis.ask(*question)
        if isinstance(found, list):
            found = dict(zip(found[::2], found[1::2]))
        if found != answer:
            raise WrongResult(f"{' '.join(question)} is {found}, not {answer}")


def sample(rows):
    """Row numbers spread over all of them, the first and the last included."""
    count = min(rows, SAMPLES)
    return sorted({1 + index * (rows - 1) // max(count - 1, 1) for index in range(count)})
