"""Explains why a person is notified about an event, or why not, in sentences.

It puts the rule of `protocol/subscriptions.py` into words; a property test compares
the two.
"""

import enum
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from django.utils import formats, timezone
from django.utils.translation import gettext as _

from notifications.conf import conf
from notifications.models import (
    Actor,
    Delivery,
    Event,
    Follow,
    Inbox,
    Level,
    Preference,
    actors_of,
)
from notifications.models.times import truncate_to_milliseconds
from notifications.protocol.topics import EVERYONE
from notifications.publishing.followables import labels_of


class Effect(enum.Enum):
    """What a reason does: whether the event gets into the inbox, and whether live."""

    INCLUDES = "includes"
    EXCLUDES = "excludes"
    # The event is in the inbox, and the bell does not count it.
    INBOX_ONLY = "inbox_only"
    # No effect; useful to know.
    NOTE = "note"


@dataclass(frozen=True, slots=True)
class Reason:
    """One sentence of an explanation, and its effect."""

    effect: Effect
    text: str


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why a person is notified about an event, or why not.

    `shown_user` is the person as ACTOR shows them. `seen` and `read` are the state of
    the event in the person's inbox. Whether a stream was open is not known.
    """

    user: Any
    shown_user: Actor
    reasons: tuple[Reason, ...]
    seen: bool = False
    read: bool = False

    @property
    def in_inbox(self) -> bool:
        """Whether the event is in the person's inbox."""
        return self._has(Effect.INCLUDES) and not self._has(Effect.EXCLUDES)

    @property
    def live(self) -> bool:
        """Whether the person is also notified live, so that the bell counts it."""
        return self.in_inbox and not self._has(Effect.INBOX_ONLY)

    def _has(self, effect: Effect) -> bool:
        return any(reason.effect is effect for reason in self.reasons)


def explain(event: Event, user: Any) -> Explanation:
    """Return why a person is notified about an event, or why not."""
    context = _EventContext.of(event)
    [found] = _explain(context, [user])
    found = replace(found, reasons=(*found.reasons, *_notes(context, user)))
    if not found.in_inbox:
        return found
    inbox = Inbox(user)
    known = inbox.find(event)
    read = known is None or not inbox.unread([known])
    seen = read or inbox.state.has_seen(event.pk, event.position)
    return replace(found, seen=seen, read=read)


def explain_all(event: Event, people: Iterable[Any]) -> list[Explanation]:
    """Return why each person is notified, in a fixed number of queries.

    Unlike `explain`, it leaves out the notes, `seen` and `read`, which take queries
    for each person.
    """
    return _explain(_EventContext.of(event), [*people])


@dataclass(frozen=True, slots=True)
class _EventContext:
    """What an explanation needs to know of the event; read once for all people."""

    event: Event
    topics: list[str]
    # When earlier events about the same object were relayed, by their topics.
    already_told: dict[str, datetime]
    labels: Mapping[str, str]

    @classmethod
    def of(cls, event: Event) -> "_EventContext":
        topics, already_told = event.topics, event.already_told
        labels = labels_of([*topics, *already_told])
        return cls(event, topics, already_told, labels)

    @property
    def relayed(self) -> datetime:
        """When the event was relayed, or recorded while it is pending.

        Follows count that existed then.
        """
        return self.event.relayed or self.event.created

    def name(self, topic: str) -> str:
        """Return a topic with its label, if it has one."""
        if topic == EVERYONE:
            return _("everyone")
        label = self.labels.get(topic)
        return f"{label} [{topic}]" if label else topic


def _explain(context: _EventContext, people: list[Any]) -> list[Explanation]:
    topics = [*context.topics, *context.already_told]
    follows: defaultdict[Any, dict[str, Follow]] = defaultdict(dict)
    for each in Follow.objects.filter(user__in=people, topic__in=topics):
        follows[each.user_id][each.topic] = each
    preferences = Preference.objects.filter(user__in=people, type=context.event.type)
    deliveries = dict(preferences.values_list("user", "delivery"))
    shown = actors_of(people)
    evaluations = [
        _Evaluation(
            context, each, follows[each.pk], deliveries.get(each.pk, Delivery.LIVE)
        )
        for each in people
    ]
    return [
        Explanation(each.user, shown[each.user.pk], tuple(each.reasons()))
        for each in evaluations
    ]


@dataclass(frozen=True, slots=True)
class _Evaluation:
    """Applies the rule of the inbox to one event and one person.

    `follows` are the person's follows of the event's topics, by topic, and `delivery`
    is their preference for its type.
    """

    context: _EventContext
    user: Any
    follows: Mapping[str, Follow]
    delivery: str

    def reasons(self) -> Iterator[Reason]:
        """Yield every reason for and against notifying the person."""
        inclusions = [*self._inclusions()]
        yield from inclusions or self._missing_inclusions()
        if self.context.event.actor_id == self.user.pk:
            text = _("Caused the event: nobody is notified about their own actions.")
            yield _excludes(text)
        yield from self._mutes()
        yield from self._earlier_events()
        if self.delivery != Delivery.LIVE:
            yield self._preference()

    def _inclusions(self) -> Iterator[Reason]:
        texts = {
            Level.WATCH: _("Watches %(topic)s (since %(time)s)."),
            Level.FOLLOW: _("Follows %(topic)s (since %(time)s)."),
        }
        for topic in self.context.topics:
            if follow := self._follow_at(self.context.relayed, topic):
                text = texts[Level(follow.level)]
                yield _includes(self._format(text, topic, follow.created))
        created = self.context.event.created
        if EVERYONE in self.context.topics and self._had_account(created):
            yield _includes(_("The event is addressed to everyone."))

    def _missing_inclusions(self) -> Iterator[Reason]:
        """Yield why nothing includes the person."""
        late = [
            each
            for topic, each in self.follows.items()
            if each.level != Level.MUTE and topic in self.context.topics
        ]
        text = _("Started to follow %(topic)s after the event (%(time)s).")
        for follow in late:
            yield _excludes(self._format(text, follow.topic, follow.created))
        if EVERYONE in self.context.topics:
            text = _("The account was created after the event (%(time)s).")
            yield _excludes(text % {"time": _format_time(self.user.date_joined)})
        elif not late:
            yield _excludes(_("Follows none of the event's topics."))

    def _mutes(self) -> Iterator[Reason]:
        text = _("Has muted %(topic)s (since %(time)s).")
        for topic, follow in self.follows.items():
            if follow.level == Level.MUTE:
                yield _excludes(self._format(text, topic, follow.created))

    def _earlier_events(self) -> Iterator[Reason]:
        """Yield the topics by which an earlier event notified the person already."""
        text = _("Was already notified by an earlier event to %(topic)s (%(time)s).")
        for topic, time in self.context.already_told.items():
            everyone = topic == EVERYONE and self._had_account(time)
            if everyone or self._follow_at(time, topic):
                yield _excludes(self._format(text, topic, time))

    def _preference(self) -> Reason:
        """Return what a preference other than live does; watching overrides it."""
        off = self.delivery == Delivery.OFF
        for topic in self.context.topics:
            follow = self._follow_at(self.context.relayed, topic)
            if follow and follow.level == Level.WATCH:
                text = (
                    _("Has turned off this type of event, but watches %(topic)s.")
                    if off
                    else _(
                        "Wants this type of event only in the inbox, but watches "
                        "%(topic)s."
                    )
                )
                return _note(text % {"topic": self.context.name(topic)})
        if off:
            return _excludes(_("Has turned off this type of event."))
        text = _("Wants this type of event only in the inbox.")
        return Reason(Effect.INBOX_ONLY, text)

    def _follow_at(self, moment: datetime, topic: str) -> Follow | None:
        """Return the follow of a topic that was in effect at that time, if any."""
        follow = self.follows.get(topic)
        if follow is None or follow.level == Level.MUTE or follow.created > moment:
            return None
        return follow

    def _had_account(self, moment: datetime) -> bool:
        """Tell whether the account existed then; users may have no date_joined."""
        joined = getattr(self.user, "date_joined", None)
        return joined is None or truncate_to_milliseconds(joined) <= moment

    def _format(self, text: str, topic: str, time: datetime) -> str:
        return text % {"topic": self.context.name(topic), "time": _format_time(time)}


def _notes(context: _EventContext, user: Any) -> Iterator[Reason]:
    """Yield what does not decide about the inbox, and explains a silent stream."""
    for topic in context.topics:
        if topic != EVERYONE and not conf.AUTHORIZE(user, topic):
            text = _("May not see %(topic)s, so its events are not streamed to them.")
            yield _note(text % {"topic": context.name(topic)})
    if not user.is_active:
        yield _note(_("The account is inactive and cannot sign in."))
    if context.event.relayed is None:
        yield _note(_("The event is still pending and has not been streamed."))


def _includes(text: str) -> Reason:
    return Reason(Effect.INCLUDES, text)


def _excludes(text: str) -> Reason:
    return Reason(Effect.EXCLUDES, text)


def _note(text: str) -> Reason:
    return Reason(Effect.NOTE, text)


def _format_time(time: datetime) -> str:
    if timezone.is_aware(time):
        time = timezone.localtime(time)
    return formats.date_format(time, "DATETIME_FORMAT")
