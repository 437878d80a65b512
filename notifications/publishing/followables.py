"""Followables: which models people can follow, and the topics of their objects."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar, NamedTuple

from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from django.db import models
from django.utils.functional import Promise

from notifications import databases
from notifications.exceptions import AlreadyRegistered, NotFollowable
from notifications.lib.call_site import call_site
from notifications.models import Follow, Level, shown_names
from notifications.protocol import topics

# What a field or its database raises for a key that it cannot have.
KEY_ERRORS = (ValueError, TypeError, OverflowError, ValidationError)


class TopicName(NamedTuple):
    """What people read for a topic: `name` is that of its object, `noun` of its model.

    A topic whose kind has a label of its own has only that, as `name`; a user has only
    their name in texts where it is clear that it is one's.
    """

    noun: str
    name: str
    is_person: bool = False

    @property
    def label(self) -> str:
        """The names of the model and the object in one text."""
        return f"{self.noun} {self.name}" if self.noun else self.name


@dataclass(frozen=True, slots=True)
class Followable:
    """A model whose objects can be followed, under topics of one kind."""

    model: type[models.Model]
    kind: str
    key: str
    public: bool
    # What people read for all topics of the kind; empty for the names of the objects.
    label: str | Promise
    presence: bool
    # Where it was registered, as file:line.
    declared_at: str

    registry: ClassVar[dict[str, "Followable"]] = {}

    def find(self, key: str) -> models.Model | None:
        """Return the object whose topic has this key, or None."""
        try:
            found = self.model._default_manager.filter(**{self.key: key}).first()
        except KEY_ERRORS:
            return None
        # The database finds 7 by "07", but events are addressed to "7" only.
        return found if str(getattr(found, self.key, "")) == key else None

    def find_all(self, keys: Iterable[str]) -> dict[str, models.Model]:
        """Return the objects whose topics have these keys, by topic."""
        keys = [*keys]
        try:
            by_key = {f"{self.key}__in": keys}
            found = list(self.model._default_manager.filter(**by_key))
        except KEY_ERRORS:
            # At least one key is not a valid value of the field.
            found = [each for each in map(self.find, keys) if each is not None]
        return {f"{self.kind}:{getattr(each, self.key)}": each for each in found}

    def names(self, keys: Iterable[str]) -> dict[str, TopicName]:
        """Return the names of the topics with these keys, as far as objects exist."""
        found = self.find_all(keys)
        if self.label:
            return dict.fromkeys(found, TopicName("", str(self.label)))
        noun, names = str(self.model._meta.verbose_name), shown_names(found.values())
        is_person = issubclass(self.model, get_user_model())
        return {
            topic: TopicName(noun, names[each.pk], is_person)
            for topic, each in found.items()
        }


def followable(
    model: type[models.Model],
    *,
    kind: str,
    key: str = "pk",
    public: bool = False,
    label: str | Promise = "",
    presence: bool = False,
) -> None:
    """Let people follow the objects of a model, as topics `<kind>:<value of key>`.

    `key` names a unique field. By default, AUTHORIZE allows everyone, anonymous clients
    included, to stream and follow the topics of a public kind, and refuses all others.
    `label` is what people read for a topic of this kind, instead of the names of the
    model and the object. A model may have several kinds: `topic_of` returns the topic
    of the first one. With `presence`, those who may stream a topic are told who else
    has it open.

    Raises InvalidTopic for an invalid `kind`, and AlreadyRegistered for one that is
    taken.
    """
    topics.build(kind, "1")
    new = Followable(
        model,
        kind,
        key,
        public,
        label,
        presence,
        declared_at=call_site(frames_up=1),
    )
    first = Followable.registry.setdefault(kind, new)
    if first is not new:
        raise AlreadyRegistered(
            f"the topic kind {kind}",
            first=first.declared_at,
            second=new.declared_at,
        )


def topic_of(thing: models.Model) -> str:
    """Return the topic of an object; raises NotFollowable."""
    for found in Followable.registry.values():
        if isinstance(thing, found.model):
            return topics.build(found.kind, getattr(thing, found.key))
    raise NotFollowable(type(thing))


def object_of(topic: str) -> models.Model | None:
    """Return the object of a topic, or None."""
    kind, key = topics.parse(topic)
    found = Followable.registry.get(kind)
    return found.find(key) if found else None


def labels_of(names: Iterable[str]) -> dict[str, str]:
    """Return the labels of those topics that have an object.

    A label has the names of the model and of the object, as in "topic Milk", unless
    its kind has one of its own. This takes one query for each kind.
    """
    return {topic: each.label for topic, each in names_of(names).items()}


def names_of(names: Iterable[str]) -> dict[str, TopicName]:
    """Return the names of those topics that have an object; see `labels_of`."""
    kinds: defaultdict[str, list[str]] = defaultdict(list)
    for kind, key in map(topics.parse, names):
        kinds[kind].append(key)
    found: dict[str, TopicName] = {}
    for kind, keys in kinds.items():
        if followed := Followable.registry.get(kind):
            found |= followed.names(keys)
    return found


def public_topics(user: Any, topic: str) -> bool:
    """Allow everyone the topics of public kinds; the default of AUTHORIZE."""
    found = Followable.registry.get(topics.parse_selector(topic).kind)
    return found is not None and found.public


def follow(
    user: Any,
    topic: str,
    *,
    level: str = Level.FOLLOW,
    keep: bool = False,
    until: datetime | None = None,
) -> Follow:
    """Let a person follow a topic at a level, or change the level.

    `level` is `follow`, `watch` or `mute`. With `keep`, a person who follows or has
    muted the topic already does so as before. A `mute` may last `until` a time: what
    happens before that is never in the person's inbox, and a person who followed the
    topic goes on following it afterwards. Raises ValidationError for an invalid topic,
    level or time.
    """
    return Follow.objects.set_level(user, topic, level, keep=keep, until=until)


def unfollow(user: Any, topic: str) -> bool:
    """End a person's follow of a topic; tell whether there was one."""
    with databases.atomic():
        follows = Follow.objects.filter(user=user, topic=topic)
        return any(follow.delete()[0] for follow in follows)
