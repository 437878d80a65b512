"""Fills a database with signed-in users who follow topics.

`python -m bench.people NAME COUNT TOPICS FILE`, with the site's settings, creates COUNT
users who follow `topic:bench` and TOPICS of 1,000 other topics. It writes a line for
each user: the session key, then the numbers of the other topics.
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
SESSION_AGE = timedelta(days=14)


def create_topics() -> None:
    """Create the common topic and the others."""
    slugs = [COMMON, *(f"t{number}" for number in range(TOPICS))]
    topics = [Topic(slug=slug, name=slug) for slug in slugs]
    Topic.objects.bulk_create(topics, ignore_conflicts=True)


def create_users(name: str, count: int) -> list[User]:
    """Create users without a password."""
    users = [User(username=f"{name}{each}", password="!") for each in range(count)]  # noqa: S106
    return User.objects.bulk_create(users, batch_size=BATCH)


def create_sessions(users: list[User]) -> list[str]:
    """Create a session for each user; return the session keys."""
    store = SessionStore()
    expires = timezone.now() + SESSION_AGE
    sessions = [
        Session(
            session_key=f"{number:06d}{random.getrandbits(128):032x}"[:40],
            session_data=store.encode(_login(user)),
            expire_date=expires,
        )
        for number, user in enumerate(users)
    ]
    Session.objects.bulk_create(sessions, batch_size=BATCH)
    return [session.session_key for session in sessions]


def _login(user: User) -> dict[str, Any]:
    return {
        SESSION_KEY: str(user.pk),
        BACKEND_SESSION_KEY: "django.contrib.auth.backends.ModelBackend",
        HASH_SESSION_KEY: user.get_session_auth_hash(),
    }


def create_follows(users: list[User], count: int) -> list[list[int]]:
    """Let each user follow the common topic and `count` others; return the others."""
    chosen = [random.sample(range(TOPICS), count) for _ in users]
    rows = [
        Follow(user=user, topic=f"topic:{slug}")
        for user, numbers in zip(users, chosen, strict=True)
        for slug in [COMMON, *(f"t{number}" for number in numbers)]
    ]
    Follow.objects.bulk_create(rows, batch_size=BATCH)
    return chosen


def main(name: str, count: int, topics: int, file: Path) -> None:
    """Fill the database and write the file."""
    random.seed(name)
    with transaction.atomic():
        create_topics()
        User.objects.create_user(AUTHOR, password=PASSWORD)
        users = create_users(name, count)
        keys = create_sessions(users)
        chosen = create_follows(users, topics)
    rows = zip(keys, chosen, strict=True)
    lines = ["\t".join([key, *map(str, numbers)]) for key, numbers in rows]
    file.write_text("".join(f"{line}\n" for line in lines))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), Path(sys.argv[4]))
