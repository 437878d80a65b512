"""Random faults on a real site for some minutes, while people act: nothing may be lost.

    python -m tests.chaos [--minutes 30] [--seed 1]

The acts and faults of a seed are always the same, though not how they meet. Ends with
status 1 if an event was lost, sent twice or sent to somebody whom it is not for, or if
the memory or the descriptors of the workers grew.
"""

import argparse
import random
import statistics
import sys
import time
from collections.abc import Sequence

from tests.chaos.faults import FAULTS
from tests.chaos.scene import Held, Scene
from tests.system.crowd import Crowd
from tests.system.faults import PATIENT, faulty_site
from tests.system.members import Members
from tests.system.publisher import Publisher
from tests.system.story import SHOWN_EVENTS, Faults

ENVIRONMENT = {
    **PATIENT,
    "NOTIFICATIONS_REDIS_BREAKER_TIMEOUT": "0.2",
    "NOTIFICATIONS_REDIS_TIMEOUT": "2",
    "DJANGO_SETTINGS_MODULE": "tests.chaos.settings",
    # All clients come from one address.
    "NOTIFICATIONS_MAX_STREAMS_PER_ADDRESS": "5000",
    "NOTIFICATIONS_DRAIN_TIMEOUT": "2",
}
# How much happens during a fault, and before the next one.
ACTS = (10, 40)
# What is compared after this many faults.
FAULTS_BETWEEN = 5
# How much more the workers may hold in the last third than in the second one.
GROWTH = 1.2
# Connections that come and go: one more or less is no growth.
SPARE_DESCRIPTORS = 10

_BEGAN = time.monotonic()


def main(arguments: Sequence[str]) -> int:
    """Run; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--seed", type=int, default=random.randrange(10_000))
    options = parser.parse_args(arguments)
    say(f"{options.minutes:g} minutes with seed {options.seed}")
    with (
        faulty_site(**ENVIRONMENT) as (site, proxy),
        Crowd(site) as crowd,
        Members(site) as members,
        Publisher(site) as publisher,
    ):
        chance = random.Random(options.seed)
        scene = Scene(site, proxy, crowd, members, publisher, chance)
        scene.begin(seed=options.seed)
        wrong, held = _run(scene, seconds=options.minutes * 60)
        wrong += _inboxes(scene)
        return _conclude(scene, wrong, held)


def _run(scene: Scene, *, seconds: float) -> tuple[list[str], list[Held]]:
    """Let faults happen; return what was wrong, and what the workers held."""
    held: list[Held] = []
    end = time.monotonic() + seconds
    may_reset = False
    while time.monotonic() < end:
        for fault in scene.chance.sample(FAULTS, FAULTS_BETWEEN):
            may_reset |= fault.may_reset
            scene.story.act(scene.chance.randint(*ACTS))
            say(fault.name)
            with scene.busily(), fault.begin(scene):
                scene.story.act(scene.chance.randint(*ACTS), calm=fault.calm)
                scene.ask_everybody()
            scene.story.settle()
        wrong = [
            _describe(scene, pk, found)
            for pk, found in scene.compare().items()
            if not may_reset or found != Faults(resets=found.resets)
        ]
        wrong += scene.compare_listeners()
        held.append(scene.held())
        say(f"{scene.deliveries()} deliveries, {_show(held[-1])}")
        if wrong:
            return wrong, held
    return [], held


def _inboxes(scene: Scene) -> list[str]:
    """Compare each inbox with the oracle: its newest events.

    Not in their order: after an outage only the events of each topic keep theirs.
    """
    wrong = []
    for pk, (shown, _) in scene.story.inboxes().items():
        due = {*scene.story.ledger.inbox(pk)}
        complete = len(shown) == len(due) or len(shown) >= SHOWN_EVENTS
        if not complete or len({*shown}) < len(shown) or not {*shown} <= due:
            wrong.append(f"person {pk}: the inbox has {shown}, due are {due}")
    return wrong


def _conclude(scene: Scene, wrong: list[str], held: list[Held]) -> int:
    wrong += _growth(held)
    for line in wrong:
        say(line)
    verdict = "something is wrong" if wrong else "0 lost, 0 double, 0 foreign"
    say(f"{scene.deliveries()} deliveries to {len(scene.people)} people: {verdict}")
    return 1 if wrong else 0


def _growth(held: list[Held]) -> list[str]:
    """Tell whether the workers held more and more, once they had grown up."""
    third = len(held) // 3
    if not third:
        return []
    middle, last = held[third : 2 * third], held[-third:]
    wrong = []
    memory = [_median(part, "resident_bytes") for part in (middle, last)]
    if memory[1] > memory[0] * GROWTH:
        wrong.append("memory grew from {:,.0f} to {:,.0f} bytes".format(*memory))
    open_files = [_median(part, "descriptors") for part in (middle, last)]
    if open_files[1] > open_files[0] * GROWTH + SPARE_DESCRIPTORS:
        wrong.append("descriptors grew from {:.0f} to {:.0f}".format(*open_files))
    return wrong


def _median(held: list[Held], name: str) -> float:
    return statistics.median(getattr(each, name) for each in held)


def _describe(scene: Scene, person: int, faults: Faults) -> str:
    found = {name: value for name, value in faults._asdict().items() if value}
    lines = [f"person {person}: {found}"]
    for key in sorted(faults.lost | faults.double | faults.foreign):
        lines += [f"  {each}" for each in scene.story.ledger.explain(key, person)]
        lines += [f"  {key}: {row}" for row in scene.rows_of(key)]
        lines += [f"  sent as {each}" for each in scene.frames_of(key, person)]
    for name, topic, level, since in scene.follows_of(person):
        lines.append(f"  {name} {topic} {level} {since}")
    for stream in scene.streams[person]:
        lines.append(f"  stream: attached {stream.attached} times, {stream.statuses}")
        lines.append(f"  got {[(each.id, each.name) for each in stream.events]}")
    return "\n".join(lines)


def _show(held: Held) -> str:
    megabytes = held.resident_bytes / 1_000_000
    return f"{megabytes:.0f} MB and {held.descriptors:.0f} descriptors per worker"


def say(text: str) -> None:
    """Print a line with the minutes and seconds since the start."""
    minutes, seconds = divmod(int(time.monotonic() - _BEGAN), 60)
    sys.stdout.write(f"{minutes:02d}:{seconds:02d} {text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
