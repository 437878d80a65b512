"""Reads a Stack Exchange `Posts.xml`: bytes in, posts out; knows no ORM.

One row is in memory at a time, however long the file. The file is foreign: a DTD, an
entity or anything else that is not a plain dump ends the reading with NotADump.
"""

import hashlib
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol
from xml.etree.ElementTree import ParseError

import msgspec
from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import iterparse

MAX_TITLE_CHARS = 200
MAX_SITE_CHARS = 60
MAX_TAG_CHARS = 60
# So that every id fits the 64 bits of a database's integer.
MAX_ID_DIGITS = 18
COMMUNITY_USER = -1

POSTS_FILE = re.compile(r"(.+)-posts\.xml", re.IGNORECASE)
SITE = re.compile(r"[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?")
NUMBER = re.compile(rf"-?[0-9]{{1,{MAX_ID_DIGITS}}}")
# "<a><b>" in older dumps, "|a|b|" in newer ones.
TAG = re.compile(r"[^<>|\s]+")
SLUG = re.compile(r"[a-z0-9][a-z0-9-]*")
# "c", "c#" and "c++" are three topics; so are "net" and ".net".
SPELT_OUT = {"+": "-plus-", "#": "-sharp-", ".": "-dot-"}
SIGN = re.compile("|".join(map(re.escape, SPELT_OUT)))


class NotADump(Exception):
    """The file is not a Stack Exchange `Posts.xml`; `reason` says why."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"not a Stack Exchange Posts.xml: {reason}")
        self.reason = reason


class PostRow(msgspec.Struct, frozen=True, kw_only=True):
    """What a question and an answer have in common; `owner` is None once deleted."""

    id: int
    created: datetime
    body: str
    owner: int | None


class QuestionRow(PostRow, frozen=True, kw_only=True, tag="question"):
    """A question of the dump."""

    title: str
    tags: tuple[str, ...]


class AnswerRow(PostRow, frozen=True, kw_only=True, tag="answer"):
    """An answer of the dump; `question` is the id of what it answers."""

    question: int


class OtherRow(msgspec.Struct, frozen=True):
    """A row that is neither question nor answer, as the description of a tag."""


class BrokenRow(msgspec.Struct, frozen=True):
    """A row that cannot be a post: which, and what is wrong with it."""

    name: str
    reason: str

    def __str__(self) -> str:
        return f"{self.name}: {self.reason}"


AnyPost = QuestionRow | AnswerRow
Row = AnyPost | OtherRow | BrokenRow


class Readable(Protocol):
    """Where bytes come from."""

    def read(self, size: int = -1, /) -> bytes:
        """Return up to `size` bytes, none at the end."""


class _Wrong(Exception):
    """An attribute of a row is missing or is not what it should be."""


def read_rows(file: Readable) -> Iterator[Row]:
    """Yield every row of the dump that `file` holds, in the order of the file.

    Raises NotADump as soon as the file proves to be something else, which for one cut
    off in the middle is after its last whole row.
    """
    for number, attributes in enumerate(_checked_attributes(file), start=1):
        yield _row(attributes, number)


def site_of(path: Path) -> str:
    """Return the short name of the site that the dump at `path` is of; "" if unclear.

    It is in the file's name (`coffee.stackexchange.com-Posts.xml` is of `coffee`), or
    else it is the name of the folder.
    """
    named = POSTS_FILE.fullmatch(path.name)
    name = (named[1] if named else path.absolute().parent.name).lower()
    name = name.removesuffix(".com").removesuffix(".stackexchange")
    return re.sub(r"[^a-z0-9.]+", "-", name)[:MAX_SITE_CHARS].strip("-.")


def is_site(name: str) -> bool:
    """Tell whether `name` can be the short name of a site."""
    return len(name) <= MAX_SITE_CHARS and SITE.fullmatch(name) is not None


def tag_slug(tag: str) -> str:
    """Return the slug of a tag: its own name, with signs as words.

    What cannot be spelt that way is given a slug by its hash, so that no two share one.
    """
    spelt = SIGN.sub(lambda sign: SPELT_OUT[sign[0]], tag)
    slug = re.sub("-+", "-", spelt).strip("-") if spelt != tag else tag
    if SLUG.fullmatch(slug) and len(slug) <= MAX_TAG_CHARS:
        return slug
    return "tag-" + hashlib.sha256(tag.encode()).hexdigest()[:16]


def tag_name(tag: str) -> str:
    """Return the name of a tag as people read it."""
    return (tag.replace("-", " ").strip() or tag)[:MAX_TAG_CHARS]


def _checked_attributes(file: Readable) -> Iterator[Mapping[str, str]]:
    try:
        yield from _attributes(file)
    except ParseError as error:
        raise NotADump(f"its XML is broken or cut off ({error})") from error
    except DefusedXmlException as error:
        raise NotADump("it holds a DTD or entities, which are refused") from error
    except (LookupError, ValueError) as error:  # an encoding that nobody knows
        raise NotADump(str(error)) from error


def _attributes(file: Readable) -> Iterator[Mapping[str, str]]:
    events = iterparse(file, events=("start", "end"), forbid_dtd=True)
    _, root = next(events)
    if root.tag != "posts":
        raise NotADump(f"it starts with <{root.tag[:40]}>, not with <posts>")
    for event, element in events:
        if event == "end" and element.tag == "row":
            yield element.attrib
        if event == "end":
            # The root would otherwise keep every row that was ever read.
            root.clear()


def _row(attributes: Mapping[str, str], number: int) -> Row:
    try:
        return _parse(attributes)
    except _Wrong as error:
        post_id = attributes.get("Id", "")
        name = f"Post {post_id}" if NUMBER.fullmatch(post_id) else f"Row {number}"
        return BrokenRow(name, str(error))


def _parse(attributes: Mapping[str, str]) -> Row:
    match _number(attributes, "PostTypeId"):
        case 1:
            return _question(attributes)
        case 2:
            return _answer(attributes)
    return OtherRow()


def _question(attributes: Mapping[str, str]) -> QuestionRow:
    return QuestionRow(
        id=_number(attributes, "Id"),
        created=_created(attributes),
        title=_title(attributes),
        body=_text(attributes, "Body"),
        owner=_owner(attributes),
        tags=tuple(dict.fromkeys(TAG.findall(attributes.get("Tags", "").lower()))),
    )


def _answer(attributes: Mapping[str, str]) -> AnswerRow:
    return AnswerRow(
        id=_number(attributes, "Id"),
        created=_created(attributes),
        body=_text(attributes, "Body"),
        owner=_owner(attributes),
        question=_number(attributes, "ParentId"),
    )


def _text(attributes: Mapping[str, str], name: str) -> str:
    text = attributes.get(name, "")
    if not text.strip():
        raise _Wrong(f"it has no {name}")
    return text


def _number(attributes: Mapping[str, str], name: str) -> int:
    text = _text(attributes, name)
    if not NUMBER.fullmatch(text):
        raise _Wrong(f"its {name} is {text[:40]!r}, which is not a number")
    return int(text)


def _title(attributes: Mapping[str, str]) -> str:
    title = " ".join(_text(attributes, "Title").split())
    if len(title) > MAX_TITLE_CHARS:
        raise _Wrong(
            f"its Title has {len(title)} characters; {MAX_TITLE_CHARS} is the most"
        )
    return title


def _owner(attributes: Mapping[str, str]) -> int | None:
    return _number(attributes, "OwnerUserId") if "OwnerUserId" in attributes else None


def _created(attributes: Mapping[str, str]) -> datetime:
    """Return when the post was written; a date without a zone means UTC."""
    text = _text(attributes, "CreationDate")
    try:
        moment = datetime.fromisoformat(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise _Wrong(
            f"its CreationDate is {text[:40]!r}, which is not a date"
        ) from None
