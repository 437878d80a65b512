"""Fills the bench's database with people who have sessions and follow topics.

Run as `python -m bench.people NAME COUNT TOPICS FILE` with the site's settings: makes
so many people who follow `topic:bench` and so many of 1,000 other topics, and writes a
line for each: the session's key, then the numbers of those topics.
"""

import random
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import django

django.setup()

from django.contrib.auth import (  # noqa: E402
    BACKEND_SESSION_KEY,
    HASH_SESSION_KEY,
    SESSION_KEY,
)
from django.contrib.auth.models import User  # noqa: E402
from django.contrib.sessions.backends.db import SessionStore  # noqa: E402
from django.contrib.sessions.models import Session  # noqa: E402
from django.db import transaction  # noqa: E402
from django.utils import timezone  # noqa: E402

from bench.population import AUTHOR, COMMON, PASSWORD, TOPICS  # noqa: E402
from notifications.models import Follow  # noqa: E402
from project.qa.models import Topic  # noqa: E402

BATCH = 2_000
SESSION_LIFE = timedelta(days=14)


def make_topics() -> None:
    """Make the common topic, and the others."""
    slugs = [COMMON, *(f"t{number}" for number in range(TOPICS))]
    topics = [Topic(slug=slug, name=slug) for slug in slugs]
    Topic.objects.bulk_create(topics, ignore_conflicts=True)


def make_people(name: str, count: int) -> list[User]:
    """Make people without a password."""
    people = [User(username=f"{name}{each}", password="!") for each in range(count)]  # noqa: S106
    return User.objects.bulk_create(people, batch_size=BATCH)


def sign_in(people: list[User]) -> list[str]:
    """Make a session for each; return the keys."""
    store = SessionStore()
    ends = timezone.now() + SESSION_LIFE
    sessions = [
        Session(
            session_key=f"{number:06d}{random.getrandbits(128):032x}"[:40],
            session_data=store.encode(_login(person)),
            expire_date=ends,
        )
        for number, person in enumerate(people)
    ]
    Session.objects.bulk_create(sessions, batch_size=BATCH)
    return [session.session_key for session in sessions]


def _login(person: User) -> dict[str, Any]:
    return {
        SESSION_KEY: str(person.pk),
        BACKEND_SESSION_KEY: "django.contrib.auth.backends.ModelBackend",
        HASH_SESSION_KEY: person.get_session_auth_hash(),
    }


def follow(people: list[User], count: int) -> list[list[int]]:
    """Let each follow the common topic and `count` others; return which ones."""
    chosen = [random.sample(range(TOPICS), count) for _ in people]
    rows = [
        Follow(user=person, topic=f"topic:{slug}")
        for person, numbers in zip(people, chosen, strict=True)
        for slug in [COMMON, *(f"t{number}" for number in numbers)]
    ]
    Follow.objects.bulk_create(rows, batch_size=BATCH)
    return chosen


def main(name: str, count: int, topics: int, file: Path) -> None:
    """Make people and write their file."""
    random.seed(name)
    with transaction.atomic():
        make_topics()
        User.objects.create_user(AUTHOR, password=PASSWORD)
        people = make_people(name, count)
        keys = sign_in(people)
        chosen = follow(people, topics)
    rows = zip(keys, chosen, strict=True)
    lines = ["\t".join([key, *map(str, numbers)]) for key, numbers in rows]
    file.write_text("".join(f"{line}\n" for line in lines))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), Path(sys.argv[4]))
