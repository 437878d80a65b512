"""The data of the demo: its accounts, their follows, and the posts in a TOML file.

`seed_demo` writes the data to the database.
"""

from pathlib import Path

import msgspec

PASSWORD = "demo"  # noqa: S105 - public, so the demo needs DEBUG
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
# What each account follows at first: slugs of topics, and names of accounts.
FOLLOWED_TOPICS = {
    "reader": ("espresso", "tea", "sourdough", "gardening"),
    "answerer": ("bicycles", "repair", "sourdough"),
}
FOLLOWED_PEOPLE = {"reader": ("asker",), "asker": ("answerer",)}

POSTS_FILE = Path(__file__).with_name("demo_posts.toml")


class DemoComment(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A comment, and how many hours after its question it was written."""

    author: str
    hours_later: float
    body: str


class DemoAnswer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An answer, and how many hours after its question it was written."""

    author: str
    hours_later: float
    body: str
    accepted: bool = False
    # The accounts that voted for it.
    votes: tuple[str, ...] = ()
    comments: tuple[DemoComment, ...] = ()


class DemoQuestion(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A question, and how many hours ago it was asked."""

    author: str
    hours_ago: float
    title: str
    topics: tuple[str, ...]
    body: str
    comments: tuple[DemoComment, ...] = ()
    answers: tuple[DemoAnswer, ...] = ()


class DemoPosts(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The content of the TOML file, oldest question first."""

    questions: tuple[DemoQuestion, ...]


def read_questions() -> tuple[DemoQuestion, ...]:
    """Return the questions of the demo with their answers, oldest first."""
    posts = msgspec.toml.decode(POSTS_FILE.read_bytes(), type=DemoPosts)
    return posts.questions
