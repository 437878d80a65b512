"""What a person follows and prefers, read by one query for a page or a stream."""

from datetime import datetime
from functools import cache
from typing import Any, NamedTuple

from django.db import connections, models, router

from notifications.models.follows import NO_LEVEL, Follow, Level, span_of
from notifications.models.preferences import Delivery, Preference
from notifications.models.schedules import PersonalTime, Schedule
from notifications.models.times import now, truncate_to_milliseconds
from notifications.protocol.cursor import milliseconds
from notifications.protocol.subscriptions import Span, Subscriptions

# What the rows of the query are of, and how many columns they have beside that.
FOLLOW, PREFERENCE, SCHEDULE, SESSION = "follow", "preference", "schedule", "session"
COLUMNS = 5


class FollowRow(NamedTuple):
    """A follow as it is read for a page or a stream; see Follow."""

    topic: str
    level: str
    created: datetime
    muted_from: datetime | None = None
    muted_until: datetime | None = None

    @classmethod
    def of(cls, follow: Follow) -> "FollowRow":
        """Return a follow that is loaded already."""
        return cls(*(getattr(follow, name) for name in cls._fields))

    @property
    def muted_for(self) -> Span | None:
        """When the topic is muted, if that is for a time."""
        return span_of(self.muted_from, self.muted_until)


def paused_until(row: FollowRow | None) -> datetime | None:
    """Return when the mute of a topic ends that is muted for a time now, or None."""
    until = None if row is None else row.muted_until
    return until if until is not None and now() < until else None


def level_of(row: FollowRow | None) -> str:
    """Return the level of a follow now: `mute` while it is muted for a time."""
    if row is None:
        return NO_LEVEL
    if paused_until(row) is not None:
        return Level.MUTE
    # Of a mute that has ended, nothing is left.
    is_over = row.level == Level.MUTE and row.muted_until is not None
    return NO_LEVEL if is_over else row.level


class Followed(NamedTuple):
    """What a person follows, and their preferences."""

    follows: list[FollowRow]
    # The event type and the delivery of each preference.
    deliveries: list[tuple[str, str]]
    # When each session expires that was asked for.
    expiries: list[datetime]
    # The person's time zone and quiet hours, if they have set any.
    schedules: list[PersonalTime]

    @property
    def personal_time(self) -> PersonalTime:
        """The person's time zone and quiet hours."""
        return self.schedules[0] if self.schedules else PersonalTime()

    @property
    def muted_for(self) -> dict[str, Span]:
        """When the topics are muted that are muted for a time."""
        spans = {each.topic: each.muted_for for each in self.follows}
        return {topic: span for topic, span in spans.items() if span is not None}

    @property
    def not_live(self) -> list[str]:
        """The event types that the person is not notified about live."""
        return [name for name, how in self.deliveries if how != Delivery.LIVE]


def read_follows(user: Any, *, session: Any = None) -> Followed:
    """Return the follows and the preferences of a person, by one query.

    `session` is one of the sessions that Django keeps in the database, whose expiry is
    read along. Its table has to be in the database that the follows are read from.
    """
    connection = connections[router.db_for_read(Follow)]
    fields = Follow._meta
    pk = fields.get_field("user").get_db_prep_value(user.pk, connection)
    parameters = [pk] * 3 + ([] if session is None else [session.session_key])
    created = fields.get_field("created").get_col(fields.db_table)
    converters = connection.ops.get_db_converters(created)
    with connection.cursor() as cursor:
        cursor.execute(_sql(connection.alias, session and session.model), parameters)
        found: list[tuple[str, str, str, Any, Any, Any]] = cursor.fetchall()
    followed = Followed([], [], [], [])

    def converted(time: Any) -> Any:
        for convert in converters:
            time = convert(time, created, connection)
        return time

    for kind, name, how, time, *muted in found:
        if kind == FOLLOW:
            times = map(converted, (time, *muted) if muted[1] else (time,))
            followed.follows.append(FollowRow(name, how, *times))
        elif kind == PREFERENCE:
            followed.deliveries.append((name, how))
        elif kind == SCHEDULE:
            followed.schedules.append(PersonalTime(name, how))
        else:
            followed.expiries.append(converted(time))
    return followed


@cache
def _sql(alias: str, session: type[models.Model] | None) -> str:
    """Return the query of read_follows.

    Each stream and each page needs it, and Django takes ten times as long to write it
    as the database to run it.
    """
    quote = connections[alias].ops.quote_name

    def select(model: type[models.Model], kind: str, *columns: str, of: str) -> str:
        table = quote(model._meta.db_table)
        columns += ("NULL",) * (COLUMNS - len(columns))
        return (
            f"SELECT '{kind}', {', '.join(columns)} FROM {table} "  # noqa: S608
            f"WHERE {quote(of)} = %s"
        )

    follow = map(quote, ("topic", "level", "created", "muted_from", "muted_until"))
    preference = map(quote, ("type", "delivery"))
    schedule = map(quote, ("time_zone", "quiet_hours"))
    selects = [
        select(Follow, FOLLOW, *follow, of="user_id"),
        select(Preference, PREFERENCE, *preference, of="user_id"),
        select(Schedule, SCHEDULE, *schedule, of="user_id"),
    ]
    if session is not None:
        key = "session_key"
        expiry = (quote(key), "''", quote("expire_date"))
        selects.append(select(session, SESSION, *expiry, of=key))
    return " UNION ALL ".join(selects)


def make_subscriptions(user: Any, followed: Followed) -> Subscriptions:
    """Return what a person follows, and how they want to be notified."""
    joined = getattr(user, "date_joined", None)
    return Subscriptions.of(
        [
            (each.topic, each.level, milliseconds(each.created))
            for each in followed.follows
        ],
        muted_for=followed.muted_for,
        off=[name for name, how in followed.deliveries if how == Delivery.OFF],
        not_live=followed.not_live,
        joined=0 if joined is None else milliseconds(truncate_to_milliseconds(joined)),
    )
