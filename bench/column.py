"""A column of a scenario: one server, its streams, and what they received."""

import random
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any

from bench import machine
from bench.events import TOPIC, Checksum, Event, checksum
from bench.load import IN_FLIGHT, Load, Report
from bench.output import say
from bench.processes import wait_for
from bench.servers import Server

# After this time without an event, the missing ones count as lost.
SILENCE_SECONDS = 3.0
SETTLE_SECONDS = 0.5
WARM_STREAMS = 50

Sample = dict[str, float]
Publish = Callable[[Sequence[Event]], None]


class Column:
    """The streams of one server; `topics` lists what each follows besides TOPIC."""

    def __init__(
        self, server: Server, load: Load, *, topics: Sequence[Sequence[str]] = ()
    ) -> None:
        self.server = server
        self.load = load
        self._topics = topics
        self._followers: defaultdict[str, int] = defaultdict(int)
        for each in topics:
            for topic in each:
                self._followers[topic] += 1
        self.next_number = 1

    def __enter__(self) -> "Column":
        self.load.__enter__()
        return self

    def __exit__(self, *exception: object) -> None:
        self.load.__exit__(*exception)

    def open(self, count: int, *, in_flight: int = IN_FLIGHT) -> Sample:
        """Open `count` more streams; return the CPU per stream and the time of all."""
        before = machine.total_cpu_ns(self.server.workers())
        began = time.monotonic()
        self.load.open(count, in_flight=in_flight)
        if self.server.silent:
            self._publish_until_ready()
        self.load.wait_until("ready")
        seconds = time.monotonic() - began
        spent = machine.total_cpu_ns(self.server.workers()) - before
        say(f"  {self.server.label}: {count:,} more streams in {seconds:.1f} s")
        return {"connect_us": spent / count / 1000, "seconds": seconds}

    def _publish_until_ready(self) -> None:
        """Publish events that are not counted, until each stream has its headers."""
        self.load.wait_until("connected")
        wait_for(self._all_ready, what=self.server.label, poll=SETTLE_SECONDS)

    def _all_ready(self) -> bool:
        self.server.publish(self.take(1))
        return self.load.status()["ready"] == self.load.opened

    def take(self, count: int, *, topics: Sequence[str] = (TOPIC,)) -> list[Event]:
        """Return the next events, each for a random one of the topics."""
        first = self.next_number
        self.next_number += count
        chosen = random.choices(topics, k=count)
        return [Event(first + each, topic) for each, topic in enumerate(chosen)]

    def memory(self) -> int:
        """Return the memory of the workers, in bytes."""
        return sum(map(machine.pss_bytes, self.server.workers()))

    def warm(self) -> None:
        """Open and close a few streams, so that everything lazy is loaded."""
        with Load(
            self.server.port,
            self.server.lines(WARM_STREAMS),
            core=self.server.cores.load,
            name=f"{self.server.label}-warm",
        ) as load:
            load.open(WARM_STREAMS)
            load.wait_until("connected" if self.server.silent else "ready")
        time.sleep(SETTLE_SECONDS)

    def cut_and_publish(self, count: int) -> list[Event]:
        """Close all streams, then publish `count` events; return them."""
        self.load.reset()
        self.load.cut()
        events = self.take(count)
        self.server.publish(events)
        return events

    def reconnect(self, events: Sequence[Event], *, in_flight: int) -> None:
        """Reopen all streams; return once each has received these events."""
        self.load.reconnect(events[-1].number, in_flight=in_flight)
        self.load.wait_until("caught_up")

    def check(self, events: Sequence[Event]) -> Sample:
        """Compare what the streams received with these events."""
        return self._check(self._expected(events))

    def steadily(
        self, *, rate: float, seconds: float, topics: Sequence[str] = (TOPIC,)
    ) -> Sample:
        """Publish at `rate` events per second; return the measurements."""
        events = self.take(max(1, round(rate * seconds)), topics=topics)
        return self._measure(events, lambda batch: self._publish_at(batch, rate))

    def at_once(self, count: int, *, publish: Publish | None = None) -> Sample:
        """Publish `count` events at maximum speed; return the measurements."""
        return self._measure(self.take(count), publish or self.server.publish)

    def _publish_at(self, events: Sequence[Event], rate: float) -> None:
        began = time.monotonic()
        for index, event in enumerate(events):
            time.sleep(max(0.0, began + index / rate - time.monotonic()))
            self.server.publish([event])

    def _measure(self, events: Sequence[Event], publish: Publish) -> Sample:
        expected = self._expected(events)
        self.load.reset()
        began = time.monotonic_ns()
        workers = machine.total_cpu_ns(self.server.workers())
        everything = machine.total_cpu_ns(self.server.processes())
        publish(events)
        self._wait_for(sum(each.count for each in expected))
        workers = machine.total_cpu_ns(self.server.workers()) - workers
        everything = machine.total_cpu_ns(self.server.processes()) - everything
        report = self.load.report()
        costs = {"cpu_ns": workers, "all_cpu_ns": everything}
        return _sample(report, costs, began) | self._check(expected)

    def _wait_for(self, count: int) -> None:
        received, since = -1, time.monotonic()
        while received < count and time.monotonic() - since < SILENCE_SECONDS:
            events = self.load.status()["events"]
            if events != received:
                received, since = events, time.monotonic()
            time.sleep(0.02)

    def _expected(self, events: Sequence[Event]) -> list[Checksum]:
        """Return what each stream should receive."""
        numbers: defaultdict[str, list[int]] = defaultdict(list)
        for event in events:
            numbers[event.topic].append(event.number)
        sums = {topic: checksum(each) for topic, each in numbers.items()}
        common = sums.get(TOPIC, Checksum())
        if not self._topics:
            return [common] * self.load.opened
        return [
            sum((sums[topic] for topic in each if topic in sums), common)
            for each in self._topics[: self.load.opened]
        ]

    def _check(self, expected: Sequence[Checksum]) -> Sample:
        """Return how many events are missing, and how many streams are wrong."""
        found = [each.received for each in self.load.streams()]
        pairs = list(zip(expected, found, strict=True))
        lost = sum(max(0, want.count - got.count) for want, got in pairs)
        extra = sum(max(0, got.count - want.count) for want, got in pairs)
        wrong = sum(want != got for want, got in pairs)
        return {"lost": lost, "extra": extra, "wrong_streams": wrong}


def _sample(report: Report, costs: dict[str, int], began: int) -> Sample:
    events = report["events"]
    seconds = (report["last_event"] - began) / 1e9 if events else 0.0
    each: dict[str, Any] = {
        "deliveries": events,
        "seconds": seconds,
        "deliveries_s": events / seconds if events else 0.0,
        "cpu_us": costs["cpu_ns"] / events / 1000 if events else 0.0,
        "all_cpu_us": costs["all_cpu_ns"] / events / 1000 if events else 0.0,
        "p50_ms": report.latency.quantile_ms(0.5),
        "p99_ms": report.latency.quantile_ms(0.99),
        "disorder": report["violations"],
        "dropped": report["dropped"],
        "resets": report["resets"],
        "frame_bytes": report["event_bytes"] / events if events else 0.0,
        "client_cpu": report.cpu_share,
    }
    return each
