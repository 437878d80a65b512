"""Explains why a person is notified about an event, or why not, in sentences.

It puts the rule of `protocol/subscriptions.py` into words; a property test compares
the two.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from django.utils import formats, timezone
from django.utils.translation import gettext as _

from notifications.inbox.reasons import (
    Effect,
    Explanation,
    Reason,
    excludes,
    includes,
    note,
)
from notifications.models import (
    Delivery,
    Event,
    Follow,
    Inbox,
    Level,
    Preference,
    TopicPermissions,
    actors_of,
)
from notifications.models.times import truncate_to_milliseconds
from notifications.protocol.topics import EVERYONE
from notifications.publishing.followables import labels_of


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
        _Evaluation.of(
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

    `follows` are the person's follows of the event's topics, by topic, without the
    `refused` ones, and `delivery` is their preference for its type.
    """

    context: _EventContext
    user: Any
    follows: Mapping[str, Follow]
    refused: Mapping[str, Follow]
    delivery: str

    @classmethod
    def of(
        cls,
        context: _EventContext,
        user: Any,
        follows: dict[str, Follow],
        delivery: str,
    ) -> "_Evaluation":
        """Return the evaluation for a person, with what AUTHORIZE says about topics."""
        permissions = TopicPermissions(user)
        refused = {
            topic: follow
            for topic, follow in follows.items()
            if follow.level != Level.MUTE and not permissions.may_see(topic)
        }
        allowed = {
            topic: each for topic, each in follows.items() if topic not in refused
        }
        return cls(context, user, allowed, refused, delivery)

    def reasons(self) -> Iterator[Reason]:
        """Yield every reason for and against notifying the person."""
        inclusions = [*self._inclusions()]
        yield from inclusions or self._missing_inclusions()
        yield from self._refused(Effect.NOTE if inclusions else Effect.EXCLUDES)
        if self.context.event.failure:
            yield excludes(_("The event was set aside, since it cannot be sent."))
        if self.context.event.actor_id == self.user.pk:
            text = _("Caused the event: nobody is notified about their own actions.")
            yield excludes(text)
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
                yield includes(self._format(text, topic, follow.created))
        created = self.context.event.created
        if EVERYONE in self.context.topics and self._had_account(created):
            yield includes(_("The event is addressed to everyone."))

    def _missing_inclusions(self) -> Iterator[Reason]:
        """Yield why nothing includes the person."""
        late = [
            each
            for topic, each in self.follows.items()
            if each.level != Level.MUTE and topic in self.context.topics
        ]
        text = _("Started to follow %(topic)s after the event (%(time)s).")
        for follow in late:
            yield excludes(self._format(text, follow.topic, follow.created))
        if EVERYONE in self.context.topics:
            text = _("The account was created after the event (%(time)s).")
            yield excludes(text % {"time": _format_time(self.user.date_joined)})
        elif not late and not self._refused_topics():
            yield excludes(_("Follows none of the event's topics."))

    def _refused(self, effect: Effect) -> Iterator[Reason]:
        """Yield the topics of the event that the person follows and may not see."""
        text = _("Follows %(topic)s, but is not allowed to see it.")
        for topic in self._refused_topics():
            yield Reason(effect, text % {"topic": self.context.name(topic)})

    def _refused_topics(self) -> list[str]:
        return [topic for topic in self.context.topics if topic in self.refused]

    def _mutes(self) -> Iterator[Reason]:
        # A mute for a time is one also of a follow that is not allowed any more.
        for topic, follow in [*self.follows.items(), *self.refused.items()]:
            if follow.muted_until is not None:
                if follow.is_muted_at(self.context.relayed):
                    text = _("Has muted %(topic)s (until %(time)s).")
                    yield excludes(self._format(text, topic, follow.muted_until))
            elif follow.level == Level.MUTE:
                text = _("Has muted %(topic)s (since %(time)s).")
                yield excludes(self._format(text, topic, follow.created))

    def _earlier_events(self) -> Iterator[Reason]:
        """Yield the topics by which an earlier event notified the person already."""
        text = _("Was already notified by an earlier event to %(topic)s (%(time)s).")
        for topic, time in self.context.already_told.items():
            everyone = topic == EVERYONE and self._had_account(time)
            if everyone or self._follow_at(time, topic):
                yield excludes(self._format(text, topic, time))

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
                return note(text % {"topic": self.context.name(topic)})
        if off:
            return excludes(_("Has turned off this type of event."))
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
    if not user.is_active:
        yield note(_("The account is inactive and cannot sign in."))
    if context.event.relayed is None and not context.event.failure:
        yield note(_("The event is still pending and has not been streamed."))


def _format_time(time: datetime) -> str:
    if timezone.is_aware(time):
        time = timezone.localtime(time)
    return formats.date_format(time, "DATETIME_FORMAT")
