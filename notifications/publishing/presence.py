"""Who is present on a topic, as others may see it: names, and a number.

`streams/presence.py` notes who has a stream of the topic open.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django.contrib.auth import get_user_model

from notifications.conf import conf
from notifications.exceptions import LogUnavailable
from notifications.log.presence import PresentKeys
from notifications.log.stream import shared_log
from notifications.models import Actor, Delivery, Preference
from notifications.models.actors import actors_of
from notifications.protocol import topics as topic_names
from notifications.protocol.sse import PRESENCE
from notifications.publishing.followables import Followable

# Of how many people the names are shown; the others are counted.
MOST_NAMES = 20


@dataclass(frozen=True, slots=True)
class Present:
    """Who is present on a topic.

    `people` are those who have an account and do not hide, by name and at most
    MOST_NAMES. `count` is how many are there, with those who are not named.
    """

    people: tuple[Actor, ...] = ()
    count: int = 0


NOBODY = Present()


def has_presence(selector: str) -> bool:
    """Tell whether it is noted who is present on this topic; no wildcard has it."""
    kind, key = topic_names.parse_selector(selector)
    found = Followable.registry.get(kind)
    return found is not None and found.presence and key != "*"


def presence(topic: str, *, viewer: Any = None) -> Present:
    """Return who has a stream of a topic open now, in all processes.

    With a `viewer`, the user who is shown it, nobody is present on a topic that
    AUTHORIZE refuses them. Nor is anybody while Redis is away, or if the topic's kind
    was not made `followable` with `presence`. Raises InvalidTopic.
    """
    topic_names.validate(topic)
    if not has_presence(topic):
        return NOBODY
    if viewer is not None and not conf.AUTHORIZE(viewer, topic):
        return NOBODY
    try:
        return present_on([topic])[topic]
    except LogUnavailable:
        return NOBODY


def present_on(topics: Iterable[str]) -> dict[str, Present]:
    """Return who is present on each of these topics; raises LogUnavailable."""
    found = shared_log().presence_store().read(topics, limit=MOST_NAMES)
    actors = _actors(key for each in found.values() for key in each.people)
    return {topic: _present(each, actors) for topic, each in found.items()}


def _present(found: PresentKeys, actors: Mapping[str, Actor]) -> Present:
    shown = (actors[key] for key in found.people if key in actors)
    people = sorted(shown, key=lambda each: each.name.casefold())
    return Present(tuple(people), found.count)


def _actors(keys: Iterable[str]) -> dict[str, Actor]:
    """Return the people with these primary keys who do not hide, as others see them."""
    distinct = set(keys)
    if not distinct:
        return {}
    hiding = _hiding().filter(user__in=distinct).values("user")
    users = get_user_model()._default_manager.filter(pk__in=distinct)
    shown = users.exclude(pk__in=hiding)
    return {str(pk): actor for pk, actor in actors_of(shown).items()}


def is_hidden(user: Any) -> bool:
    """Tell whether a person is counted only, and not named."""
    return bool(_hiding().filter(user=user).exists())


def set_hidden(user: Any, hidden: bool) -> None:
    """Name a person among those who are present, or count them only."""
    delivery = Delivery.OFF if hidden else Delivery.LIVE
    Preference.objects.set(user, PRESENCE, delivery)


def _hiding() -> Any:
    # No event type may have this name.
    return Preference.objects.filter(type=PRESENCE, delivery=Delivery.OFF)
