"""Writes files like a Stack Exchange `Posts.xml`, the same ones for the same seed."""

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
THINGS = (
    "beans",
    "milk",
    "a filter",
    "the grinder",
    "hot water",
    "a moka pot",
    "crema",
)
DOINGS = ("store", "clean", "measure", "choose", "heat", "share", "replace")
FIRST_POST = datetime(2015, 1, 27, 20, 9, 32, 720_000)
MAX_MINUTES_BETWEEN = 90
ANONYMOUS_ONE_IN = 25
PEOPLE_ONE_IN = 5


def row(**attributes: object) -> str:
    """Return one row of a dump; an attribute that is None is left out."""
    given = (f"{k}={quoteattr(str(v))}" for k, v in attributes.items() if v is not None)
    return f"  <row {' '.join(given)} />\n"


def question(**changes: object) -> str:
    """Return the row of a sound question, with `changes`."""
    sound: dict[str, object] = {
        "Id": 1,
        "PostTypeId": 1,
        "CreationDate": "2015-01-27T20:09:32.720",
        "Body": "<p>How cold?</p>",
        "OwnerUserId": 4,
        "Title": "How should I store beans?",
        "Tags": "<storage><whole-bean>",
    }
    return row(**sound | changes)


def answer(**changes: object) -> str:
    """Return the row of a sound answer to question 1, with `changes`."""
    sound: dict[str, object] = {
        "Id": 2,
        "PostTypeId": 2,
        "ParentId": 1,
        "CreationDate": "2015-01-27T21:30:00.007",
        "Body": "<p>Not cold at all.</p>",
        "OwnerUserId": 8,
    }
    return row(**sound | changes)


def write_rows(path: Path, *rows: str) -> Path:
    """Write a dump of these rows, with the byte order mark that the real ones have."""
    with path.open("w", encoding="utf-8-sig") as file:
        file.write(HEAD + "".join(rows) + TAIL)
    return path


def write_posts(path: Path, *, questions: int, answers: int, seed: int = 0) -> Path:
    """Write a dump with that many posts and return its path.

    There is a person for every five posts. Ids and dates rise, answers follow their
    questions at some distance, the owners of a few are deleted, and the description of
    a tag stands in between now and then.
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
        self._people = 1 + (questions + answers) // PEOPLE_ONE_IN
        self._id = 0
        self._asked: list[int] = []
        self._written = FIRST_POST

    def write(self, file: IO[str]) -> None:
        while self._questions or (self._answers and self._asked):
            file.write(self._next())
            if self._random.randrange(50) == 0:
                file.write(row(**self._common(), PostTypeId=5))

    def _next(self) -> str:
        left = self._questions + self._answers
        ask = self._random.randrange(left) < self._questions
        return self._question() if ask or not self._asked else self._answer()

    def _question(self) -> str:
        if not self._questions:
            return self._answer()
        self._questions -= 1
        common = self._common()
        self._asked.append(self._id)
        tags = self._random.sample(TAGS, self._random.randint(1, 4))
        title = f"How do I {self._any(DOINGS)} {self._any(THINGS)}? (part {self._id})"
        return row(
            **common, PostTypeId=1, Title=title, Tags="".join(f"<{t}>" for t in tags)
        )

    def _answer(self) -> str:
        self._answers -= 1
        recent = self._asked[-40:]
        return row(**self._common(), PostTypeId=2, ParentId=self._random.choice(recent))

    def _common(self) -> dict[str, object]:
        self._id += 1
        self._written += timedelta(
            milliseconds=self._random.randint(1, MAX_MINUTES_BETWEEN * 60_000)
        )
        anonymous = self._random.randrange(ANONYMOUS_ONE_IN) == 0
        return {
            "Id": self._id,
            "CreationDate": self._written.isoformat(timespec="milliseconds"),
            "Score": self._random.randint(-3, 20),
            "Body": self._body(),
            "OwnerUserId": None if anonymous else self._random.randint(1, self._people),
            "OwnerDisplayName": f"user{self._id}" if anonymous else None,
        }

    def _body(self) -> str:
        paragraphs = (
            f"<p>To {self._any(DOINGS)} {self._any(THINGS)} & <em>enjoy</em> it, "
            f'"{self._any(DOINGS)}" {self._any(THINGS)} first.</p>\n'
            for _ in range(self._random.randint(1, 6))
        )
        return "\n".join(paragraphs)

    def _any(self, words: tuple[str, ...]) -> str:
        return self._random.choice(words)
