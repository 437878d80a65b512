"""Parses a Stack Exchange `Posts.xml`: bytes in, posts out; knows no ORM.

One row is in memory at a time. The file is untrusted: a DTD, an entity or anything else
that a plain dump does not have raises NotADump.
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
# Every such id fits into a 64-bit integer of the database.
MAX_ID_DIGITS = 18
COMMUNITY_USER = -1

POSTS_FILE = re.compile(r"(.+)-posts\.xml", re.IGNORECASE)
SITE = re.compile(r"[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?")
NUMBER = re.compile(rf"-?[0-9]{{1,{MAX_ID_DIGITS}}}")
# Tags are written as "<a><b>" in older dumps and as "|a|b|" in newer ones.
TAG = re.compile(r"[^<>|\s]+")
SLUG = re.compile(r"[a-z0-9][a-z0-9-]*")
# "c", "c#" and "c++" are three topics; so are "net" and ".net".
SIGN_WORDS = {"+": "-plus-", "#": "-sharp-", ".": "-dot-"}
SIGN = re.compile("|".join(map(re.escape, SIGN_WORDS)))


class NotADump(Exception):
    """The file is not a Stack Exchange `Posts.xml`; `reason` says why."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"not a Stack Exchange Posts.xml: {reason}")
        self.reason = reason


class PostRow(msgspec.Struct, frozen=True, kw_only=True):
    """The fields of every post; `owner` is None when the account was deleted."""

    id: int
    created: datetime
    body: str
    owner: int | None


class QuestionRow(PostRow, frozen=True, kw_only=True, tag="question"):
    """A question in the dump."""

    title: str
    tags: tuple[str, ...]


class AnswerRow(PostRow, frozen=True, kw_only=True, tag="answer"):
    """An answer in the dump; `question` is the id of its question."""

    question: int


class OtherRow(msgspec.Struct, frozen=True):
    """A row that is neither a question nor an answer, such as a tag wiki."""


class BrokenRow(msgspec.Struct, frozen=True):
    """A row that cannot be imported: its name, and what is wrong with it."""

    name: str
    reason: str

    def __str__(self) -> str:
        return f"{self.name}: {self.reason}"


AnyPost = QuestionRow | AnswerRow
Row = AnyPost | OtherRow | BrokenRow


class Readable(Protocol):
    """A binary file, or something that reads like one."""

    def read(self, size: int = -1, /) -> bytes:
        """Return up to `size` bytes; none at the end of the file."""


class _InvalidRow(Exception):
    """An attribute of a row is missing or invalid."""


def read_rows(file: Readable) -> Iterator[Row]:
    """Yield the rows of a dump in the order of the file.

    Raises NotADump where the file turns out not to be a dump: for a truncated file,
    after its last whole row.
    """
    for number, attributes in enumerate(_checked_attributes(file), start=1):
        yield _row(attributes, number)


def site_name_of(path: Path) -> str:
    """Return the short name of the site of a dump; empty if the path has none.

    It is taken from the name of the file (`coffee` from
    `coffee.stackexchange.com-Posts.xml`) or else from the name of its folder.
    """
    named = POSTS_FILE.fullmatch(path.name)
    name = (named[1] if named else path.absolute().parent.name).lower()
    name = name.removesuffix(".com").removesuffix(".stackexchange")
    return re.sub(r"[^a-z0-9.]+", "-", name)[:MAX_SITE_CHARS].strip("-.")


def is_site_name(name: str) -> bool:
    """Return whether `name` can be the short name of a site."""
    return len(name) <= MAX_SITE_CHARS and SITE.fullmatch(name) is not None


def tag_slug(tag: str) -> str:
    """Return the slug of a tag: the tag with its signs written as words.

    A tag without such a slug gets its hash instead, so no two tags share a slug.
    """
    words = SIGN.sub(lambda sign: SIGN_WORDS[sign[0]], tag)
    slug = re.sub("-+", "-", words).strip("-") if words != tag else tag
    if SLUG.fullmatch(slug) and len(slug) <= MAX_TAG_CHARS:
        return slug
    return "tag-" + hashlib.sha256(tag.encode()).hexdigest()[:16]


def tag_name(tag: str) -> str:
    """Return the name of the topic that a tag becomes."""
    return (tag.replace("-", " ").strip() or tag)[:MAX_TAG_CHARS]


def _checked_attributes(file: Readable) -> Iterator[Mapping[str, str]]:
    try:
        yield from _attributes(file)
    except ParseError as error:
        raise NotADump(f"its XML is broken or cut off ({error})") from error
    except DefusedXmlException as error:
        raise NotADump("it has a DTD or entities, which are not allowed") from error
    except (LookupError, ValueError) as error:  # an unknown encoding
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
            # Otherwise the root element keeps every row in memory.
            root.clear()


def _row(attributes: Mapping[str, str], number: int) -> Row:
    try:
        return _parse(attributes)
    except _InvalidRow as error:
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
        raise _InvalidRow(f"it has no {name}")
    return text


def _number(attributes: Mapping[str, str], name: str) -> int:
    text = _text(attributes, name)
    if not NUMBER.fullmatch(text):
        raise _InvalidRow(f"its {name} is {text[:40]!r}, which is not a number")
    return int(text)


def _title(attributes: Mapping[str, str]) -> str:
    title = " ".join(_text(attributes, "Title").split())
    if len(title) > MAX_TITLE_CHARS:
        raise _InvalidRow(
            f"its Title has {len(title)} characters; expected at most {MAX_TITLE_CHARS}"
        )
    return title


def _owner(attributes: Mapping[str, str]) -> int | None:
    return _number(attributes, "OwnerUserId") if "OwnerUserId" in attributes else None


def _created(attributes: Mapping[str, str]) -> datetime:
    """Return when the post was created; a date without a time zone is in UTC."""
    text = _text(attributes, "CreationDate")
    try:
        moment = datetime.fromisoformat(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise _InvalidRow(
            f"its CreationDate is {text[:40]!r}, which is not a date"
        ) from None
