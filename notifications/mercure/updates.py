"""Updates: what a publisher sends, checked and appended to the log."""

import re
import uuid
from dataclasses import dataclass

from notifications.conf import conf
from notifications.exceptions import InvalidValue
from notifications.log.stream import shared_log
from notifications.mercure.conf import MercureSettings
from notifications.mercure.form import Pairs, values_of
from notifications.mercure.matchers import WILDCARD, TooLong, check_text
from notifications.mercure.reserved import is_reserved
from notifications.mercure.terms import HUB_TYPE
from notifications.protocol.entries import UpdateEntry, encode
from notifications.protocol.topics import of_mercure

EARLIEST = "earliest"
MAX_RETRY_DIGITS = 10
_DIGITS = re.compile("[0-9]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Update:
    """An update of topics, the first of which is the canonical one.

    `retry` is in milliseconds; an update that is `private` is for subscribers with a
    grant only.
    """

    topics: tuple[str, ...]
    data: str = ""
    private: bool = False
    id: str = ""
    type: str = ""
    retry: int | None = None


def update_of(pairs: Pairs) -> Update:
    """Return the update in a form; raises InvalidValue. Unknown fields are ignored."""

    def first(name: str) -> str:
        return next(iter(values_of(pairs, name)), "")

    retry = first("retry")
    if retry and not _DIGITS.fullmatch(retry):
        raise InvalidValue(retry, expected="retry of digits only")
    if len(retry) > MAX_RETRY_DIGITS:
        raise TooLong(retry, expected=f"retry of at most {MAX_RETRY_DIGITS} digits")
    return Update(
        topics=tuple(dict.fromkeys(values_of(pairs, "topic"))),
        data=first("data"),
        # Whatever its value is.
        private=bool(values_of(pairs, "private")),
        id=first("id"),
        type=first("type"),
        retry=int(retry) if retry else None,
    )


def check(update: Update, hub: MercureSettings) -> None:
    """Check what a publisher sends; raises InvalidValue, and TooLong for its size."""
    if not update.topics:
        raise InvalidValue("", expected="one topic or several")
    if len(update.topics) > conf.MAX_TOPICS_PER_EVENT:
        raise TooLong(
            len(update.topics), expected=f"at most {conf.MAX_TOPICS_PER_EVENT} topics"
        )
    if len(update.data.encode()) > conf.MAX_PAYLOAD_BYTES:
        raise TooLong("data", expected=f"at most {conf.MAX_PAYLOAD_BYTES} bytes")
    for topic in update.topics:
        check_text(topic)
        if not topic or topic == WILDCARD or is_reserved(topic, hub):
            raise InvalidValue(topic, expected="a topic that is not reserved")
    _check_fields(update)


def _check_fields(update: Update) -> None:
    check_text(update.id)
    if update.id.startswith("#") or update.id == EARLIEST:
        raise InvalidValue(update.id, expected="an id that is not reserved")
    check_text(update.type)
    if update.type == HUB_TYPE:
        raise InvalidValue(update.type, expected="a type that is not reserved")


def append(update: Update) -> str:
    """Append an update that was checked, and return its id; raises LogUnavailable."""
    entry = UpdateEntry(
        uid=str(uuid.uuid4()),
        topics=tuple(map(of_mercure, update.topics)),
        data=update.data,
        id=update.id,
        type=update.type,
        retry=update.retry,
        private=update.private,
    )
    # Starts an empty log, whose first entry no replay includes.
    shared_log().position()
    [cursor] = shared_log().append([(entry.uid, encode(entry))])
    if not update.id:
        return f"#{cursor}"
    shared_log().name(uid_of(update.id), cursor)
    return update.id


def uid_of(update_id: str) -> str:
    """Return by which uid the log finds an update that has an id of its publisher."""
    return f"mercure:{update_id}"
