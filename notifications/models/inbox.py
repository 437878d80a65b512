"""The inbox: the newest events of the topics that a person follows, by one rule.

A page or a count reads a bounded number of the newest events by index, and applies the
rule of `protocol/subscriptions.py` to those. Its cost does not grow with the number of
events. AUTHORIZE is asked once about each topic by which one of them is found.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any, NamedTuple

from django.db import connections
from django.http import HttpRequest

from notifications.models.event_topics import EventTopic
from notifications.models.events import Event
from notifications.models.followed import (
    Followed,
    FollowRow,
    make_subscriptions,
    read_follows,
)
from notifications.models.inbox_events import (
    InboxBatch,
    InboxEvent,
    Selection,
    read_event,
    read_events,
)
from notifications.models.newest import Found, NewestRows, Range
from notifications.models.permissions import TopicPermissions
from notifications.models.read_marks import ReadMarks
from notifications.models.reading import ReadState
from notifications.models.schedules import PersonalTime
from notifications.protocol.cursor import LARGEST_POSITION, Cursor
from notifications.protocol.entries import COUNT_LIMIT
from notifications.protocol.subscriptions import Subscriptions
from notifications.protocol.topics import EVERYONE, parse

# How many topics of events are read at a time, and how many times at most. A page of
# an inbox in which the rule leaves nearly nothing may have fewer rows because of that.
BATCH_TOPICS = 160
MAX_BATCHES = 8
SEARCHED_EVENTS = BATCH_TOPICS * MAX_BATCHES
ALL = Selection()


class UnreadRows(NamedTuple):
    """How many rows have unread events; with `at_least`, there may be more."""

    rows: int
    at_least: bool


_BY_TOPIC = NewestRows(
    EventTopic, key="topic", value="event_id", condition="told IS NULL"
)
_BY_GROUP = NewestRows(Event, key="group", value="id")
_NOT_OWN = "(actor_id IS NULL OR actor_id <> %s)"


class Inbox:
    """The inbox of a person, for one request: follows and read state are read once."""

    def __init__(self, user: Any) -> None:
        self.user = user
        self.permissions = TopicPermissions(user)
        self._marks = ReadMarks(user)
        # What was read from the database already: the newest topics of events, and
        # events by their keys.
        self._newest: list[Found] | None = None
        self._events: dict[int, InboxEvent] = {}

    @classmethod
    def of_request(cls, request: HttpRequest) -> "Inbox":
        """Return the inbox of the user who is signed in, the same one each time."""
        found: Inbox | None = getattr(request, "_notifications_inbox", None)
        if found is None:
            found = cls(request.user)
            request._notifications_inbox = found  # type: ignore[attr-defined]
        return found

    @cached_property
    def _followed(self) -> Followed:
        return read_follows(self.user)

    @cached_property
    def follows(self) -> dict[str, FollowRow]:
        """What the person follows or has muted, by topic."""
        return {each.topic: each for each in self._followed.follows}

    @property
    def personal_time(self) -> PersonalTime:
        """The person's time zone and quiet hours."""
        return self._followed.personal_time

    @cached_property
    def subscriptions(self) -> Subscriptions:
        """What the person follows, and how they want to be notified."""
        return make_subscriptions(self.user, self._followed)

    @property
    def state(self) -> ReadState:
        """How far the person has seen and read their inbox."""
        return self._marks.state

    def batches(
        self,
        *,
        live: bool = False,
        before: int = LARGEST_POSITION,
        after: int = 0,
        selection: Selection = ALL,
    ) -> Iterator[InboxBatch]:
        """Yield the events between two positions, both exclusive, newest first.

        With `live`, only events that the person is notified about live. Of a selection,
        the topic and the kind leave out events, and others may remain.
        """
        for _ in range(MAX_BATCHES):
            if selection.topic or selection.kind:
                ranges = self._ranges(before=before, after=after, selection=selection)
                rows = _BY_TOPIC.of_all(ranges, limit=BATCH_TOPICS)
            else:
                rows = self._newest_topics(before=before, after=after)
            events = self._load(row.value for row in rows)
            end = rows[-1].position if len(rows) >= BATCH_TOPICS else None
            yield InboxBatch(self._notified(events, live=live), end)
            if end is None:
                return
            before = end

    def _newest_topics(self, *, before: int, after: int) -> list[Found]:
        """Return the newest topics of events between two positions.

        The very newest are kept, since a page, its counts and its bell all read them.
        """
        if before < LARGEST_POSITION or (after and self._newest is None):
            ranges = self._ranges(before=before, after=after)
            return _BY_TOPIC.of_all(ranges, limit=BATCH_TOPICS)
        if self._newest is None:
            ranges = self._ranges(before=before, after=0)
            self._newest = _BY_TOPIC.of_all(ranges, limit=BATCH_TOPICS)
        return [each for each in self._newest if each.position > after]

    def _ranges(
        self, *, before: int, after: int, selection: Selection = ALL
    ) -> dict[str, Range]:
        """Return between which positions each topic brings events."""
        if wanted := selection.topic:
            # Another topic may have brought its events before it was followed.
            allowed = wanted == EVERYONE or self.permissions.may_see(wanted)
            return {wanted: Range(after, before)} if allowed else {}
        followed = self.permissions.without_refused(self.subscriptions)
        since = dict(followed.followed_since)
        if self.subscriptions.joined is not None:
            since[EVERYONE] = 0
        if wanted := selection.kind:
            since = {key: since[key] for key in since if parse(key).kind == wanted}
        return {
            topic: Range(max(Cursor(time, 0).position - 1, after), before)
            for topic, time in since.items()
        }

    def _notified(
        self, events: Sequence[InboxEvent], *, live: bool = False
    ) -> list[InboxEvent]:
        topics = {topic for each in events for topic in each.addressed.all_topics}
        allowed = self.permissions.restrict(self.subscriptions, topics)
        rule, user = allowed.notifies, str(self.user.pk)
        return [each for each in events if rule(each.addressed, user=user, live=live)]

    def events(self, *, live: bool = False) -> list[InboxEvent]:
        """Return the newest events, newest first."""
        return [each for batch in self.batches(live=live) for each in batch.events]

    def newest_position(self, *, up_to: int = LARGEST_POSITION - 1) -> int:
        """Return the position of the newest event that is relayed; 0 if there is none.

        Nothing that is relayed later is before it. The position of a pending event may
        be later than the log, by the clock of the process that recorded it. If all
        events that an inbox reads are pending, it is that of the last one.
        """
        end: int | None = None
        for batch in self.batches(before=up_to + 1):
            for each in batch.events:
                if each.relayed:
                    return each.position
            end = batch.end
        return end or 0

    def find(self, event: Event) -> InboxEvent | None:
        """Return an event as it is in the inbox, or None."""
        if event.failure:
            return None
        found = self._notified([read_event(event)])
        return found[0] if found else None

    def unread(self, events: Iterable[InboxEvent]) -> list[InboxEvent]:
        """Return those of the events that the person has not read; see ReadMark."""
        return self._marks.unread(events)

    def unread_about(self, topic: str, groups: Iterable[str]) -> list[InboxEvent]:
        """Return the unread events of a topic and of groups, newest first.

        Only the newest of each are read.
        """
        ranges = {topic: Range(0, LARGEST_POSITION)}
        rows = _BY_TOPIC.of_each(ranges, limit=BATCH_TOPICS)
        keys = {row.value for row in rows}
        groups_in_full = {group: Range(0, LARGEST_POSITION) for group in groups}
        events = self.of_groups(groups_in_full, limit=COUNT_LIMIT)
        keys.update(each.pk for each in events)
        return self.unread(self._notified(self._load(keys)))

    def _load(self, keys: Iterable[int]) -> list[InboxEvent]:
        """Return the events with these keys, newest first."""
        wanted = {*keys}
        if unknown := wanted - self._events.keys():
            self._events |= {each.pk: each for each in read_events(unknown)}
        found = [self._events[key] for key in wanted if key in self._events]
        return sorted(found, key=lambda each: (each.position, each.pk), reverse=True)

    def of_groups(
        self, ranges: Mapping[str, Range], *, limit: int, event_type: str = ""
    ) -> list[InboxEvent]:
        """Return up to `limit` of the newest events of each group, newest first.

        The person's own events, which there may be many of, are not read.
        """
        # As the database has it: a UUID is text in SQLite.
        connection = connections[Event.objects.db]
        field = Event._meta.get_field("actor")
        condition = _NOT_OWN
        params = [field.get_db_prep_value(self.user.pk, connection, prepared=False)]
        if event_type:
            condition += " AND type = %s"
            params.append(event_type)
        rows = _BY_GROUP.of_each(
            ranges, limit=limit, condition=condition, params=params
        )
        return self._notified(self._load(row.value for row in rows))

    def count_unread(self) -> int:
        """Return how many events are unread, counted up to COUNT_LIMIT."""
        return len(self._newest_unread())

    def count_unread_rows(self) -> UnreadRows:
        """Return how many groups of events have unread ones.

        They are counted among the newest COUNT_LIMIT unread events.
        """
        events = self._newest_unread()
        groups = {each.group for each in events}
        return UnreadRows(len(groups), at_least=len(events) >= COUNT_LIMIT)

    def _newest_unread(self) -> list[InboxEvent]:
        """Return up to COUNT_LIMIT of the newest unread events."""
        found: list[InboxEvent] = []
        for batch in self.batches(after=self._marks.all_read_up_to()):
            found += self.unread(batch.events)
            if len(found) >= COUNT_LIMIT:
                break
        return found[:COUNT_LIMIT]

    def unseen(self) -> Iterator[InboxEvent]:
        """Yield the live events that are neither seen nor read, newest first."""
        seen = self.state.seen_pending_keys
        for batch in self.batches(live=True, after=self._seen_or_read_up_to()):
            yield from self.unread(each for each in batch.events if each.pk not in seen)

    def _seen_or_read_up_to(self) -> int:
        """Return a position up to which everything is seen, or everything is read."""
        seen_up_to = self.state.seen_up_to
        if self.state.read_up_to <= seen_up_to:
            return seen_up_to
        return max(seen_up_to, self._marks.all_read_up_to())
