"""Followables: which models people can follow, and the topics of their objects."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, ClassVar

from django.core.exceptions import ValidationError
from django.db import models

from notifications.exceptions import NotFollowable
from notifications.models import Follow, Level
from notifications.protocol import topics


@dataclass(frozen=True, slots=True)
class Followable:
    """A model whose objects can be followed, under topics of one kind."""

    model: type[models.Model]
    kind: str
    key: str
    public: bool

    registry: ClassVar[dict[str, "Followable"]] = {}

    def find(self, key: str) -> models.Model | None:
        """Return the object whose topic has this key, or None."""
        try:
            found = self.model._default_manager.filter(**{self.key: key}).first()
        except (ValueError, TypeError, ValidationError):
            return None
        # The database finds 7 by 07, but events are addressed to one spelling only.
        return found if str(getattr(found, self.key, "")) == key else None

    def labels(self, keys: Iterable[str]) -> dict[str, str]:
        """Return labels for the topics of these keys that stand for an object."""
        try:
            wanted = {f"{self.key}__in": keys}
            found = list(self.model._default_manager.filter(**wanted))
        except (ValueError, TypeError, ValidationError):
            # At least one of them cannot be a key of this model.
            found = [each for each in map(self.find, keys) if each is not None]
        name = self.model._meta.verbose_name
        return {
            f"{self.kind}:{getattr(each, self.key)}": f"{name} {each}" for each in found
        }


def followable(
    model: type[models.Model], *, kind: str, key: str = "pk", public: bool = True
) -> None:
    """Let people follow the objects of a model, as topics `<kind>:<value of key>`.

    `key` names a unique field. Everybody may stream the topics of a public kind.
    Raises InvalidTopic when `kind` cannot be the kind of a topic.
    """
    topics.build(kind, "1")
    Followable.registry[kind] = Followable(model, kind, key, public)


def topic_of(thing: models.Model) -> str:
    """Return the topic of an object; raises NotFollowable."""
    for each in Followable.registry.values():
        if isinstance(thing, each.model):
            return topics.build(each.kind, getattr(thing, each.key))
    raise NotFollowable(type(thing))


def object_of(topic: str) -> models.Model | None:
    """Return the object that a topic stands for, or None."""
    kind, key = topics.parse(topic)
    found = Followable.registry.get(kind)
    return found.find(key) if found else None


def labels_of(names: Iterable[str]) -> dict[str, str]:
    """Return labels for those of these topics that stand for an object.

    A label is the name of the model and the object's own, as in "topic Espresso".
    Takes one query for each kind.
    """
    kinds: defaultdict[str, list[str]] = defaultdict(list)
    for kind, key in map(topics.parse, names):
        kinds[kind].append(key)
    labels: dict[str, str] = {}
    for kind, keys in kinds.items():
        if found := Followable.registry.get(kind):
            labels |= found.labels(keys)
    return labels


def public_topics(user: Any, topic: str) -> bool:
    """Allow everybody the topics of public kinds; the default of AUTHORIZE."""
    found = Followable.registry.get(topics.parse_selector(topic).kind)
    return found is not None and found.public


def follow(user: Any, topic: str, *, level: str = Level.FOLLOW) -> Follow:
    """Let a person follow a topic at a level, or change the level.

    `level` is `follow`, `watch` or `mute`. Raises ValidationError for an invalid
    topic or level.
    """
    return Follow.objects.set_level(user, topic, level)


def unfollow(user: Any, topic: str) -> bool:
    """End a person's follow of a topic; tell whether there was one."""
    follows = Follow.objects.filter(user=user, topic=topic)
    return any(follow.delete()[0] for follow in follows)
