"""Why somebody is told of an event, or is not: the rule of the inbox in sentences.

The inbox itself is a query, `Event.objects.inbox`; a test holds the two together.
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
    Delivery,
    Event,
    Follow,
    Level,
    Preference,
    ReadState,
    now,
)
from notifications.models.times import truncate_to_milliseconds
from notifications.protocol.topics import EVERYONE
from notifications.publishing.followables import labels_of


class Effect(enum.Enum):
    """What a reason does to an event on its way to a person.

    It brings the event, keeps it away, keeps it from being told live, or changes
    nothing and is good to know.
    """

    BRINGS = "brings"
    KEEPS = "keeps"
    QUIETS = "quiets"
    NOTES = "notes"


@dataclass(frozen=True, slots=True)
class Reason:
    """One sentence of an explanation, and what it does."""

    effect: Effect
    text: str


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why a person is told of an event, or is not.

    `seen` and `read` say what they did with it. Which streams are open is not known.
    """

    user: Any
    reasons: tuple[Reason, ...]
    seen: bool = False
    read: bool = False

    @property
    def in_inbox(self) -> bool:
        """Whether the event is in the person's inbox."""
        return self._has(Effect.BRINGS) and not self._has(Effect.KEEPS)

    @property
    def live(self) -> bool:
        """Whether they are told live as well: whether the bell counts it."""
        return self.in_inbox and not self._has(Effect.QUIETS)

    def _has(self, effect: Effect) -> bool:
        return any(reason.effect is effect for reason in self.reasons)


def explain(event: Event, user: Any) -> Explanation:
    """Return why a person is told of an event, or why they are not."""
    address = _Address.of(event)
    [found] = _explain(address, [user])
    found = replace(found, reasons=(*found.reasons, *_notes(address, user)))
    if not found.in_inbox:
        return found
    read = not Event.objects.unread(user).filter(pk=event.pk).exists()
    seen = read or event.position <= ReadState.of(user).seen_up_to
    return replace(found, seen=seen, read=read)


def explain_all(event: Event, people: Iterable[Any]) -> list[Explanation]:
    """Return why each of these people is told of an event, in a few queries for all.

    What `explain` asks of each person by itself is left out: what they may see, and
    what they have seen and read.
    """
    return _explain(_Address.of(event), [*people])


@dataclass(frozen=True, slots=True)
class _Address:
    """To whom an event goes; read once, whoever it is explained for.

    `told` are the topics whose followers were told of the same before, and when.
    """

    event: Event
    topics: list[str]
    already_told: dict[str, datetime]
    labels: Mapping[str, str]

    @classmethod
    def of(cls, event: Event) -> "_Address":
        topics, already_told = event.topics, event.already_told
        labels = labels_of([*topics, *already_told])
        return cls(event, topics, already_told, labels)

    @property
    def by(self) -> datetime:
        """Up to when following counts."""
        return self.event.relayed or now()

    def name(self, topic: str) -> str:
        """Return a topic as people know it, and as it is written."""
        if topic == EVERYONE:
            return _("everybody")
        label = self.labels.get(topic)
        return f"{label} [{topic}]" if label else topic


def _explain(address: _Address, people: list[Any]) -> list[Explanation]:
    topics = [*address.topics, *address.already_told]
    follows: defaultdict[Any, dict[str, Follow]] = defaultdict(dict)
    for each in Follow.objects.filter(user__in=people, topic__in=topics):
        follows[each.user_id][each.topic] = each
    wishes = Preference.objects.filter(user__in=people, type=address.event.type)
    wanted = dict(wishes.values_list("user", "delivery"))
    cases = (
        _Case(address, each, follows[each.pk], wanted.get(each.pk, Delivery.LIVE))
        for each in people
    )
    return [Explanation(case.user, tuple(case.reasons())) for case in cases]


@dataclass(frozen=True, slots=True)
class _Case:
    """An event and a person: what they follow of its topics, how they want its type."""

    address: _Address
    user: Any
    follows: Mapping[str, Follow]
    delivery: str

    def reasons(self) -> Iterator[Reason]:
        """Yield every reason to tell the person, and every one not to."""
        brings = [*self._brings()]
        yield from brings or self._misses()
        if self.address.event.actor_id == self.user.pk:
            yield _keeps(_("It is their own: nobody is told of what they did."))
        yield from self._mutes()
        yield from self._repeats()
        if self.delivery != Delivery.LIVE:
            yield self._preference()

    def _brings(self) -> Iterator[Reason]:
        texts = {
            Level.WATCH: _("Watches %(topic)s (since %(time)s)."),
            Level.FOLLOW: _("Follows %(topic)s (since %(time)s)."),
        }
        for topic in self.address.topics:
            if follow := self._heard(topic, by=self.address.by):
                text = self._say(texts[Level(follow.level)], topic, follow.created)
                yield Reason(Effect.BRINGS, text)
        if EVERYONE in self.address.topics and self._was_there(
            self.address.event.created
        ):
            yield Reason(Effect.BRINGS, _("It is for everybody."))

    def _misses(self) -> Iterator[Reason]:
        """Yield why nothing brings the event to the person."""
        late = [
            each
            for topic, each in self.follows.items()
            if each.level != Level.MUTE and topic in self.address.topics
        ]
        text = _("Follows %(topic)s only since after the event (%(time)s).")
        for follow in late:
            yield _keeps(self._say(text, follow.topic, follow.created))
        if EVERYONE in self.address.topics:
            text = _("The account was made after the event (%(time)s).")
            yield _keeps(text % {"time": _shown(self.user.date_joined)})
        elif not late:
            yield _keeps(_("Follows nothing that the event is addressed to."))

    def _mutes(self) -> Iterator[Reason]:
        for topic, follow in self.follows.items():
            if follow.level == Level.MUTE:
                text = _("Has muted %(topic)s (since %(time)s).")
                yield _keeps(self._say(text, topic, follow.created))

    def _repeats(self) -> Iterator[Reason]:
        """Yield by which topics the person was told of the same before."""
        text = _("Was told of the same by an earlier event to %(topic)s (%(time)s).")
        for topic, time in self.address.already_told.items():
            everybody = topic == EVERYONE and self._was_there(time)
            if everybody or self._heard(topic, by=time):
                yield _keeps(self._say(text, topic, time))

    def _preference(self) -> Reason:
        """Return what a preference other than the default does."""
        off = self.delivery == Delivery.OFF
        for topic in self.address.topics:
            follow = self._heard(topic, by=self.address.by)
            if follow and follow.level == Level.WATCH:
                text = (
                    _("Has turned this type of event off, but watches %(topic)s.")
                    if off
                    else _("Wants this type only in the inbox, but watches %(topic)s.")
                )
                return Reason(Effect.NOTES, self._say(text, topic, follow.created))
        if off:
            return _keeps(_("Has turned this type of event off."))
        text = _("Wants this type of event only in the inbox.")
        return Reason(Effect.QUIETS, text)

    def _heard(self, topic: str, *, by: datetime) -> Follow | None:
        """Return the follow that brought this topic's events by then, if one did."""
        follow = self.follows.get(topic)
        if follow is None or follow.level == Level.MUTE or follow.created > by:
            return None
        return follow

    def _was_there(self, moment: datetime) -> bool:
        """Tell whether the person had an account then; yes, if nobody knows."""
        joined = getattr(self.user, "date_joined", None)
        return joined is None or truncate_to_milliseconds(joined) <= moment

    def _say(self, text: str, topic: str, time: datetime) -> str:
        return text % {"topic": self.address.name(topic), "time": _shown(time)}


def _notes(address: _Address, user: Any) -> Iterator[Reason]:
    """Yield what the inbox does not go by, and one would like to know."""
    for topic in address.topics:
        if topic != EVERYONE and not conf.AUTHORIZE(user, topic):
            text = _("May not see %(topic)s: no stream brings them its events.")
            yield Reason(Effect.NOTES, text % {"topic": address.name(topic)})
    if not user.is_active:
        yield Reason(Effect.NOTES, _("The account is not active: nobody can sign in."))
    if address.event.relayed is None:
        text = _("The event waits to be relayed: no stream has brought it yet.")
        yield Reason(Effect.NOTES, text)


def _keeps(text: str) -> Reason:
    return Reason(Effect.KEEPS, text)


def _shown(time: datetime) -> str:
    if timezone.is_aware(time):
        time = timezone.localtime(time)
    return formats.date_format(time, "DATETIME_FORMAT")
