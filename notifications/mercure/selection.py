"""Which updates a subscriber selects: topics, and patterns that subscribers share.

Patterns come from anyone, so what they cost together is limited.
"""

import threading
from collections.abc import Iterable, Sequence
from functools import cache
from weakref import WeakValueDictionary

from notifications.exceptions import TooManyStreams
from notifications.mercure.matchers import (
    WILDCARD,
    Matcher,
    TooLong,
    compiled,
    is_match,
)
from notifications.mercure.pattern_cost import cost_of

# In units of `pattern_cost`: about 50 simple patterns for a subscriber, and 3,000 for
# all subscribers of a process together.
SUBSCRIBER_COST = 4_096
PROCESS_COST = 262_144
# Topics whose result a pattern remembers: many subscribers ask for the same update.
RESULTS_KEPT = 64


class Pattern:
    """A compiled pattern, which all its subscribers share."""

    __slots__ = ("__weakref__", "_base", "_compiled", "_results", "cost", "matcher")

    def __init__(self, matcher: Matcher, base: str, *, cost: int) -> None:
        self.matcher = matcher
        self.cost = cost
        self._base = base
        self._compiled = compiled(matcher, base)
        self._results: dict[str, bool] = {}

    def matches(self, topic: str) -> bool:
        """Tell whether a topic matches."""
        found = self._results.get(topic)
        if found is None:
            found = is_match(self.matcher, self._compiled, topic, self._base)
            if len(self._results) >= RESULTS_KEPT:
                self._results = {}
            self._results[topic] = found
        return found


class Patterns:
    """The patterns of the subscribers of this process; safe to share by threads."""

    def __init__(self, *, limit: int = PROCESS_COST) -> None:
        self._limit = limit
        self._lock = threading.Lock()
        # Those that nobody subscribes to any more are not kept.
        self._live: WeakValueDictionary[tuple[Matcher, str], Pattern] = (
            WeakValueDictionary()
        )

    def get(self, matcher: Matcher, base: str, *, cost: int) -> Pattern:
        """Return a pattern; raises TooManyStreams if all together would cost too much.

        Raises InvalidValue if it is not a pattern.
        """
        with self._lock:
            found = self._live.get((matcher, base))
            if found is None:
                used = sum(each.cost for each in list(self._live.values()))
                if used + cost > self._limit:
                    raise TooManyStreams("process", limit=len(self._live))
                found = Pattern(matcher, base, cost=cost)
                self._live[matcher, base] = found
            return found


@cache
def shared_patterns() -> Patterns:
    """Return the patterns of this process."""
    return Patterns()


class Selection:
    """What a subscriber selects: topics, patterns of topics, or all updates."""

    __slots__ = ("is_all", "patterns", "topics")

    def __init__(self, matchers: Iterable[Matcher], base: str) -> None:
        """Compile the patterns; raises InvalidValue, TooLong and TooManyStreams."""
        several = list(matchers)
        self.is_all = any(each.pattern == WILDCARD for each in several)
        self.topics = frozenset(each.pattern for each in several if each.is_exact)
        others = [each for each in several if not each.is_exact]
        self.patterns = () if self.is_all else _patterns(others, base)

    @property
    def needs_every_update(self) -> bool:
        """Whether no index of topics finds all that is selected."""
        return self.is_all or bool(self.patterns)

    def selects(self, topics: Sequence[str]) -> bool:
        """Tell whether one of the topics of an update is selected."""
        if self.is_all or not self.topics.isdisjoint(topics):
            return True
        return any(one.matches(each) for one in self.patterns for each in topics)


def _patterns(matchers: Sequence[Matcher], base: str) -> tuple[Pattern, ...]:
    costs = [cost_of(each) for each in matchers]
    if sum(costs) > SUBSCRIBER_COST:
        raise TooLong(
            sum(costs), expected=f"patterns that cost at most {SUBSCRIBER_COST} units"
        )
    shared = shared_patterns()
    return tuple(
        shared.get(each, base, cost=cost)
        for each, cost in zip(matchers, costs, strict=True)
    )
