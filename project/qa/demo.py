"""The accounts of the demo, what they follow, and the posts of `demo_posts.toml`.

Only says what there is; `seed_demo` puts it into the database.
"""

from pathlib import Path

import msgspec

PASSWORD = "demo"  # noqa: S105 - known to everybody, hence refused without DEBUG
ACCOUNTS = ("admin", "asker", "answerer", "reader")
STAFF = frozenset({"admin"})

TOPICS = {
    "espresso": "Espresso",
    "pour-over": "Pour over",
    "tea": "Tea",
    "sourdough": "Sourdough",
    "bicycles": "Bicycles",
    "gardening": "Gardening",
    "kitchen-tools": "Kitchen tools",
    "repair": "Repair",
}
# By account, what it follows from the start: slugs of topics, names of accounts.
FOLLOWED_TOPICS = {
    "reader": ("espresso", "tea", "sourdough", "gardening"),
    "answerer": ("bicycles", "repair", "sourdough"),
}
FOLLOWED_PEOPLE = {"reader": ("asker",), "asker": ("answerer",)}

POSTS_FILE = Path(__file__).with_name("demo_posts.toml")


class DemoAnswer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An answer, written some hours after its question."""

    author: str
    hours_later: float
    body: str


class DemoQuestion(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A question, asked some hours ago."""

    author: str
    hours_ago: float
    title: str
    topics: tuple[str, ...]
    body: str
    answers: tuple[DemoAnswer, ...] = ()


class DemoPosts(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All posts of the demo, the oldest question first."""

    questions: tuple[DemoQuestion, ...]


def read_questions() -> tuple[DemoQuestion, ...]:
    """Return the questions of the demo with their answers, the oldest first."""
    posts = msgspec.toml.decode(POSTS_FILE.read_bytes(), type=DemoPosts)
    return posts.questions
