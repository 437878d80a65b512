"""Generates Stack Exchange dumps (`Posts.xml`); the same seed gives the same file."""

from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from typing import IO
from xml.sax.saxutils import quoteattr

TAGS = (
    "espresso",
    "whole-bean",
    "pour-over",
    "storage",
    "french-press",
    "grinding",
    "water",
    "c++",
    "c#",
    ".net",
)
OBJECTS = (
    "beans",
    "milk",
    "a filter",
    "the grinder",
    "hot water",
    "a moka pot",
    "crema",
)
VERBS = ("store", "clean", "measure", "choose", "heat", "share", "replace")
FIRST_POST = datetime(2015, 1, 27, 20, 9, 32, 720_000)
MAX_MINUTES_BETWEEN = 90
POSTS_PER_ANONYMOUS = 25
POSTS_PER_USER = 5


def row(**attributes: object) -> str:
    """Return a row of a dump, without the attributes that are None."""
    given = (f"{k}={quoteattr(str(v))}" for k, v in attributes.items() if v is not None)
    return f"  <row {' '.join(given)} />\n"


def question(**changes: object) -> str:
    """Return the row of a valid question, with `changes`."""
    valid: dict[str, object] = {
        "Id": 1,
        "PostTypeId": 1,
        "CreationDate": "2015-01-27T20:09:32.720",
        "Body": "<p>How cold?</p>",
        "OwnerUserId": 4,
        "Title": "How should I store beans?",
        "Tags": "<storage><whole-bean>",
    }
    return row(**valid | changes)


def answer(**changes: object) -> str:
    """Return the row of a valid answer to question 1, with `changes`."""
    valid: dict[str, object] = {
        "Id": 2,
        "PostTypeId": 2,
        "ParentId": 1,
        "CreationDate": "2015-01-27T21:30:00.007",
        "Body": "<p>Not cold at all.</p>",
        "OwnerUserId": 8,
    }
    return row(**valid | changes)


def write_rows(path: Path, *rows: str) -> Path:
    """Write a dump of these rows, with a byte order mark like the real ones."""
    with path.open("w", encoding="utf-8-sig") as file:
        file.write(HEAD + "".join(rows) + TAIL)
    return path


def write_posts(path: Path, *, questions: int, answers: int, seed: int = 0) -> Path:
    """Write a dump with this number of questions and answers and return its path.

    There is one user for five posts. Ids and dates increase, answers come some posts
    after their questions, a few owners are deleted, and a few rows are tag wikis.
    """
    writer = _Writer(Random(seed), questions=questions, answers=answers)
    with path.open("w", encoding="utf-8-sig") as file:
        file.write(HEAD)
        writer.write(file)
        file.write(TAIL)
    return path


HEAD = '<?xml version="1.0" encoding="utf-8"?>\n<posts>\n'
TAIL = "</posts>\n"


class _Writer:
    def __init__(self, random: Random, *, questions: int, answers: int) -> None:
        self._random = random
        self._questions = questions
        self._answers = answers
        self._users = 1 + (questions + answers) // POSTS_PER_USER
        self._id = 0
        self._question_ids: list[int] = []
        self._created = FIRST_POST

    def write(self, file: IO[str]) -> None:
        while self._questions or (self._answers and self._question_ids):
            file.write(self._next())
            if self._random.randrange(50) == 0:
                file.write(row(**self._common(), PostTypeId=5))

    def _next(self) -> str:
        remaining = self._questions + self._answers
        ask = self._random.randrange(remaining) < self._questions
        return self._question() if ask or not self._question_ids else self._answer()

    def _question(self) -> str:
        if not self._questions:
            return self._answer()
        self._questions -= 1
        common = self._common()
        self._question_ids.append(self._id)
        tags = self._random.sample(TAGS, self._random.randint(1, 4))
        task = f"{self._choice(VERBS)} {self._choice(OBJECTS)}"
        return row(
            **common,
            PostTypeId=1,
            Title=f"How do I {task}? (part {self._id})",
            Tags="".join(f"<{t}>" for t in tags),
        )

    def _answer(self) -> str:
        self._answers -= 1
        recent = self._question_ids[-40:]
        return row(**self._common(), PostTypeId=2, ParentId=self._random.choice(recent))

    def _common(self) -> dict[str, object]:
        self._id += 1
        self._created += timedelta(
            milliseconds=self._random.randint(1, MAX_MINUTES_BETWEEN * 60_000)
        )
        anonymous = self._random.randrange(POSTS_PER_ANONYMOUS) == 0
        return {
            "Id": self._id,
            "CreationDate": self._created.isoformat(timespec="milliseconds"),
            "Score": self._random.randint(-3, 20),
            "Body": self._body(),
            "OwnerUserId": None if anonymous else self._random.randint(1, self._users),
            "OwnerDisplayName": f"user{self._id}" if anonymous else None,
        }

    def _body(self) -> str:
        paragraphs = (
            f"<p>To {self._choice(VERBS)} {self._choice(OBJECTS)} & <em>enjoy</em> it, "
            f'"{self._choice(VERBS)}" {self._choice(OBJECTS)} first.</p>\n'
            for _ in range(self._random.randint(1, 6))
        )
        return "\n".join(paragraphs)

    def _choice(self, words: tuple[str, ...]) -> str:
        return self._random.choice(words)
