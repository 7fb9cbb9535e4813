"""Side by side: rounds in which everybody takes a turn, and what their medians say."""
import statistics
from dataclasses import dataclass, field

from bed import say

# A turn from which the machine's neighbours took more than this share of the cores' time says
# more of them than of us. It is taken again, up to so many times, and the least disturbed counts.
MOST_STOLEN, TRIES = 0.05, 3


@dataclass(frozen=True)
class Spread:
    """A median, and between what it lies."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, values):
        return cls(statistics.median(values), min(values), max(values))

    def json(self):
        return {"median": self.median, "min": self.low, "max": self.high}


@dataclass
class Part:
    """What one comparison came to: a list of results for each contestant, a result a round."""

    name: str
    title: str
    rows: int
    labels: dict = field(default_factory=dict)  # key → label, in the order of the tables
    results: dict = field(default_factory=dict)  # key → results, round by round
    again: int = 0  # turns that were taken again

    def spread(self, key, measure):
        return Spread.of([measure(result) for result in self.results[key]])

    def ratio(self, above, below, measure=lambda result: result.rate):
        """The spread of the ratios within each round; None where one of them took no part."""
        if above not in self.results or below not in self.results:
            return None
        pairs = zip(self.results[above], self.results[below])
        return Spread.of([measure(first) / measure(second) for first, second in pairs])


def _undisturbed(part, contestant, turn):
    results = [turn(contestant)]
    while results[-1].stolen > MOST_STOLEN and len(results) < TRIES:
        results.append(turn(contestant))
    part.again += len(results) - 1
    return min(results, key=lambda result: result.stolen)


def interleave(part, contestants, rounds, turn, tell=True):
    """Let each take `turn(contestant)` in every round, another one first each time.

    Every second round goes backwards, or each would always come after the same one.
    """
    part.labels = {contestant.key: contestant.label for contestant in contestants}
    part.results = {contestant.key: [] for contestant in contestants}
    for number in range(rounds):
        first = number % max(len(contestants), 1)
        order = contestants[first:] + contestants[:first]
        if number % 2 == 1:
            order.reverse()
        told = []
        for contestant in order:
            result = _undisturbed(part, contestant, turn)
            part.results[contestant.key].append(result)
            told.append(f"{contestant.key} {result.seconds:.3f} s")
        if tell:
            say(f"{part.title}, round {number + 1} of {rounds}: " + ", ".join(told))
    return part
