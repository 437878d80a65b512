"""The last ten minutes: a sample of each process every ten seconds, kept in Redis.

All processes share it, so each of them can show all of it. A sample of a process that
could not reach Redis is missing.
"""

import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

import msgspec

from notifications.log.process_registry import ProcessRegistry

SLOT_SECONDS = 10
SLOTS = 60
# In seconds: all processes have stored their sample of a slot that long after its end.
SAMPLE_DELAY = 4
# In seconds.
SLOT_LIFETIME = (SLOTS + 2) * SLOT_SECONDS


class Sample(msgspec.Struct, frozen=True, array_like=True):
    """What a process did in a period.

    `events` and `deliveries` are rates per second. `lag` is the longest in
    milliseconds; None when there were no events.
    """

    streams: int
    events: float
    deliveries: float
    lag: int | None


class Sampler:
    """Joins the samples of a slot into one; used by one thread at a time.

    `name` is that of the process; `now` returns the seconds since 1970.
    """

    def __init__(self, name: str, *, now: Callable[[], float] = time.time) -> None:
        self._name = name
        self._now = now
        self._slot = 0
        self._samples: list[Sample] = []

    def add(self, sample: Sample, registry: ProcessRegistry) -> None:
        """Add a sample; store those of the previous slot as one when it has ended.

        Raises LogUnavailable; the sample of that slot is lost then.
        """
        slot = int(self._now() // SLOT_SECONDS)
        if slot == self._slot:
            self._samples.append(sample)
            return
        ended, samples = self._slot, self._samples
        self._slot, self._samples = slot, [sample]
        if samples:
            body = msgspec.json.encode(_join(samples))
            registry.store_sample(ended, self._name, body, seconds=SLOT_LIFETIME)


def _join(samples: Sequence[Sample]) -> Sample:
    count = len(samples)
    lags = [each.lag for each in samples if each.lag is not None]
    return Sample(
        streams=samples[-1].streams,
        events=round(sum(each.events for each in samples) / count, 2),
        deliveries=round(sum(each.deliveries for each in samples) / count, 2),
        lag=max(lags, default=None),
    )


Values = list[float | None]


@dataclass(frozen=True, slots=True)
class History:
    """The values of all processes together, a slot each, oldest first.

    None is a slot without a sample, or for `lag` without an event.
    """

    streams: Values = field(default_factory=list)
    events: Values = field(default_factory=list)
    deliveries: Values = field(default_factory=list)
    lag: Values = field(default_factory=list)


def read_history(registry: ProcessRegistry, *, now: float) -> History:
    """Return the newest SLOTS slots that are complete; raises LogUnavailable.

    `now` is in seconds since 1970.
    """
    end = int((now - SAMPLE_DELAY) // SLOT_SECONDS)
    history = History()
    for bodies in registry.samples(range(end - SLOTS, end)):
        _add(history, [*_decoded(bodies)])
    return history


def _add(history: History, samples: Sequence[Sample]) -> None:
    if not samples:
        for values in (history.streams, history.events, history.deliveries):
            values.append(None)
    else:
        history.streams.append(sum(each.streams for each in samples))
        # Each process reads all events.
        history.events.append(max(each.events for each in samples))
        history.deliveries.append(sum(each.deliveries for each in samples))
    lags = [each.lag for each in samples if each.lag is not None]
    history.lag.append(max(lags, default=None))


def _decoded(bodies: Iterable[bytes]) -> Iterable[Sample]:
    for body in bodies:
        # Another version of the app may have written it.
        with suppress(msgspec.DecodeError):
            yield _decoder.decode(body)


_decoder = msgspec.json.Decoder(Sample)
