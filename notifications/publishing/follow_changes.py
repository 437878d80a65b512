"""Changes of follows that their person can undo, by a signed token."""

from datetime import datetime
from typing import Any, NamedTuple

from django.core import signing

from notifications import databases
from notifications.exceptions import InvalidValue
from notifications.models import NO_LEVEL, Follow, FollowRow, level_of
from notifications.publishing.followables import follow, unfollow

# The number changes with the content of the tokens.
_SALT = "notifications.follow.1"
# How long a change can be undone.
UNDO_SECONDS = 24 * 60 * 60


class FollowChange(NamedTuple):
    """What a person changed: the follow of a topic before and after it, or None."""

    topic: str
    before: FollowRow | None
    after: FollowRow | None

    @property
    def level(self) -> str:
        """The level after the change."""
        return level_of(self.after)

    @property
    def level_before(self) -> str:
        """The level before the change."""
        return level_of(self.before)


@databases.write_path()
def change_level(
    user: Any, topic: str, level: str, *, until: datetime | None = None
) -> FollowChange:
    """Follow or mute a topic, or unfollow it at the level `none`.

    A mute may last `until` a time. Raises ValidationError.
    """
    before = _row(user, topic)
    if level == NO_LEVEL:
        unfollow(user, topic)
        return FollowChange(topic, before, None)
    after = follow(user, topic, level=level, until=until)
    return FollowChange(topic, before, FollowRow.of(after))


def undo_token(user: Any, change: FollowChange) -> str:
    """Return the token that undoes a change."""
    rows = [_dump(change.before), _dump(change.after)]
    return signing.dumps([change.topic, *rows], salt=_salt(user))


def read_undo_token(user: Any, token: str) -> FollowChange:
    """Return the change that a token undoes.

    Raises InvalidValue for a token that is invalid, another person's or older than
    UNDO_SECONDS.
    """
    try:
        topic, before, after = signing.loads(
            token, salt=_salt(user), max_age=UNDO_SECONDS
        )
    except signing.BadSignature:
        expected = "an undo token of this person"
        raise InvalidValue(token, expected=expected) from None
    return FollowChange(topic, _load(topic, before), _load(topic, after))


@databases.atomic()
def undo_change(user: Any, change: FollowChange) -> FollowRow | None:
    """Restore the follow from before a change, with its level and times; return it.

    Does nothing if the follow was changed again since.
    """
    topic, before, after = change
    current = _row(user, topic)
    if current != after:
        return current
    if before is None:
        unfollow(user, topic)
        return None
    rows = Follow.objects.filter(user=user, topic=topic)
    follow = rows.first() or Follow(user=user, topic=topic)
    follow.restore(before._asdict())
    return before


def _row(user: Any, topic: str) -> FollowRow | None:
    rows = Follow.objects.filter(user=user, topic=topic)
    found = rows.values_list(*FollowRow._fields).first()
    return found and FollowRow(*found)


def _salt(user: Any) -> str:
    return f"{_SALT}:{user.pk}"


def _dump(row: FollowRow | None) -> list[str | None] | None:
    if row is None:
        return None
    times = (row.created, row.muted_from, row.muted_until)
    return [row.level, *(time.isoformat() if time else None for time in times)]


def _load(topic: str, row: list[Any] | None) -> FollowRow | None:
    if row is None:
        return None
    level, *texts = row
    times = (text and datetime.fromisoformat(text) for text in texts)
    return FollowRow(topic, level, *times)
