"""The rows of an inbox that a selection shows: one for each group of events.

As everywhere in the inbox, a bounded number of the newest events is read, and the
selection applied to those. A topic or a kind of topics is read by index.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping

from notifications.models.events import Event
from notifications.models.inbox import BATCH_TOPICS, Inbox
from notifications.models.inbox_events import InboxBatch, InboxEvent, Selection, View
from notifications.models.newest import Range
from notifications.models.row_states import RowStates
from notifications.protocol import topics
from notifications.protocol.cursor import LARGEST_POSITION
from notifications.protocol.entries import COUNT_LIMIT

# How many events of a group are looked at to find out whether it is on an earlier page.
NEWER_EVENTS = 8


class SelectedRows:
    """The rows of a person's inbox that a selection shows, for one request."""

    def __init__(self, inbox: Inbox, selection: Selection) -> None:
        self._inbox = inbox
        self._selection = selection
        self._states = RowStates(inbox.user)
        # The titles of events, by key, as far as they were searched.
        self._titles: dict[int, str] = {}

    def page(
        self, *, before: int | None, limit: int
    ) -> tuple[list[InboxEvent], int | None]:
        """Return the newest event of each row, and the position to read on from.

        `before` is the position at which the previous page ended. The position that is
        returned is None at the end of the inbox.
        """
        if not limit:
            return [], None
        if self._selection.view is View.SAVED:
            return self._saved_page(before=before, limit=limit)
        found: dict[str, InboxEvent] = {}
        end: int | None = None
        for batch in self._batches(before=before):
            end = batch.end
            wanted = self._select(batch.events)
            shown = set() if before is None else self._shown(wanted, before)
            for each in wanted:
                if each.group not in shown:
                    found.setdefault(each.group, each)
            if len(found) > limit:
                rows = list(found.values())[:limit]
                return rows, rows[-1].position
        return list(found.values()), end

    def newest(self, *, up_to: int) -> list[InboxEvent]:
        """Return the newest event up to a position of each row, as far as a page reads.

        Of the saved rows, these are those of the first pages.
        """
        if self._selection.view is View.SAVED:
            return self._saved_page(before=None, limit=BATCH_TOPICS)[0]
        found: dict[str, InboxEvent] = {}
        for batch in self._batches(before=up_to + 1):
            for each in self._select(batch.events):
                found.setdefault(each.group, each)
        return list(found.values())

    def of_groups(self, groups: Iterable[str]) -> Mapping[str, list[InboxEvent]]:
        """Return up to COUNT_LIMIT of the newest events of each row, newest first."""
        events = self._newest_of(groups, limit=COUNT_LIMIT)
        found: defaultdict[str, list[InboxEvent]] = defaultdict(list)
        for each in self._in_view(events):
            found[each.group].append(each)
        return found

    def is_saved(self, group: str) -> bool:
        """Tell whether a group whose events were read is saved."""
        return self._states.is_saved(group)

    def _batches(self, *, before: int | None) -> Iterator[InboxBatch]:
        start = LARGEST_POSITION if before is None else before
        return self._inbox.batches(before=start, selection=self._selection)

    def _saved_page(
        self, *, before: int | None, limit: int
    ) -> tuple[list[InboxEvent], int | None]:
        """Return a page of the saved rows, the last one that was saved first."""
        start = LARGEST_POSITION if before is None else before
        saved = self._states.saved(before=start, limit=BATCH_TOPICS)
        newest: dict[str, InboxEvent] = {}
        # The newest events of a row may be about what the person does not follow.
        for most in (NEWER_EVENTS, COUNT_LIMIT):
            if not (missing := {group for _, group in saved} - {*newest}):
                break
            for each in self._select(self._newest_of(missing, limit=most)):
                newest.setdefault(each.group, each)
        rows = [(time, newest[group]) for time, group in saved if group in newest]
        if len(rows) > limit:
            return [each for _, each in rows[:limit]], rows[limit - 1][0]
        end = saved[-1][0] if len(saved) >= BATCH_TOPICS else None
        return [each for _, each in rows], end

    def _newest_of(self, groups: Iterable[str], *, limit: int) -> list[InboxEvent]:
        ranges = {group: Range(0, LARGEST_POSITION) for group in groups}
        return self._inbox.of_groups(ranges, limit=limit)

    def _shown(self, events: list[InboxEvent], before: int) -> set[str]:
        """Return those of the events' groups that are on an earlier page."""
        ranges = {each.group: Range(before - 1, LARGEST_POSITION) for each in events}
        newer = self._inbox.of_groups(
            ranges, limit=NEWER_EVENTS, event_type=self._selection.event_type
        )
        return {each.group for each in self._select(newer)}

    def _select(self, events: list[InboxEvent]) -> list[InboxEvent]:
        """Return those of the events that match the selection."""
        wanted = self._selection
        if wanted.event_type:
            events = [
                each for each in events if each.addressed.type == wanted.event_type
            ]
        if wanted.topic:
            events = [each for each in events if wanted.topic in each.addressed.topics]
        if wanted.kind:
            events = [each for each in events if self._is_because_of_kind(each)]
        if wanted.unread:
            events = self._inbox.unread(events)
        events = self._in_view(events)
        return self._titled(events) if wanted.query else events

    def _in_view(self, events: list[InboxEvent]) -> list[InboxEvent]:
        done = self._states.done(events)
        if self._selection.view is View.SAVED:
            return events
        wanted = self._selection.view is View.DONE
        return [each for each in events if (each.pk in done) is wanted]

    def _is_because_of_kind(self, event: InboxEvent) -> bool:
        followed = self._inbox.subscriptions.followed_since
        return any(
            topics.parse(topic).kind == self._selection.kind
            for topic in event.addressed.topics
            if topic in followed or topic == topics.EVERYONE
        )

    def _titled(self, events: list[InboxEvent]) -> list[InboxEvent]:
        """Return those of the events whose titles contain the text that is searched.

        Not by the database: SQLite knows upper and lower case in ASCII only.
        """
        unknown = {each.pk for each in events} - self._titles.keys()
        titles = Event.objects.filter(pk__in=unknown).values_list(
            "pk", "payload__title"
        )
        self._titles |= {pk: str(title or "").casefold() for pk, title in titles}
        query = self._selection.query.casefold()
        return [each for each in events if query in self._titles.get(each.pk, "")]
