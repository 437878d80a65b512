"""What a person follows, as a list to read: with names, links and groups, by pages.

A page reads a bounded number of follows by the index of person and topic.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from django.contrib.auth import get_user_model
from django.db import models
from django.urls import NoReverseMatch

from notifications.models import Follow, TopicPermissions, actors_of, shown_names
from notifications.protocol import topics
from notifications.publishing.followables import Followable

PAGE_FOLLOWS = 50
# How many follows a search reads for one page, since names are not in the database's
# table of follows.
SEARCHED_FOLLOWS = 1_000


@dataclass(frozen=True, slots=True)
class FollowedThing:
    """A topic that a person follows or has muted.

    `name` is that of its object, and `label` has the noun as well; both are the topic
    if there is no object, or if the person may not see it. `url` may be empty.
    """

    topic: str
    name: str
    label: str
    url: str = ""

    def matches(self, query: str) -> bool:
        """Tell whether the label or the topic contains a text."""
        wanted = query.casefold()
        return wanted in self.label.casefold() or wanted in self.topic.casefold()


@dataclass(frozen=True, slots=True)
class FollowedGroup:
    """The things of one kind, under the plural of their model, or else the kind."""

    label: str
    things: list[FollowedThing]


@dataclass(frozen=True, slots=True)
class FollowedPage:
    """A page; `next` is the topic to read on after, empty at the end."""

    groups: list[FollowedGroup]
    next: str = ""


def followed_page(user: Any, *, query: str = "", after: str = "") -> FollowedPage:
    """Return a page of what a person follows, by topic.

    `query` selects those whose label or topic contains it. `after` is the `next` of the
    previous page. A page of a search may be empty although others follow.
    """
    limit = SEARCHED_FOLLOWS if query else PAGE_FOLLOWS
    rows = Follow.objects.filter(user=user, topic__gt=after).order_by("topic")
    rows = rows.without_ended_mutes()
    names = [*rows.values_list("topic", flat=True)[: limit + 1]]
    following = names[limit - 1] if len(names) > limit else ""
    found = _things(user, names[:limit])
    shown = [found[name] for name in names[:limit] if found[name].matches(query)]
    if len(shown) > PAGE_FOLLOWS:
        shown = shown[:PAGE_FOLLOWS]
        following = shown[-1].topic
    return FollowedPage([*_groups(shown)], following)


def _groups(things: Iterable[FollowedThing]) -> Iterator[FollowedGroup]:
    kinds: defaultdict[str, list[FollowedThing]] = defaultdict(list)
    for each in things:
        kinds[topics.parse(each.topic).kind].append(each)
    for kind, group in kinds.items():
        known = Followable.registry.get(kind)
        label = str(known.model._meta.verbose_name_plural) if known else kind
        yield FollowedGroup(label, sorted(group, key=lambda each: each.name.casefold()))


def _things(user: Any, names: list[str]) -> dict[str, FollowedThing]:
    """Return the things of these topics, by topic, in a few queries for each kind."""
    permissions = TopicPermissions(user)
    kinds: defaultdict[str, list[str]] = defaultdict(list)
    for name in names:
        # Those that are no longer allowed, such as mutes, are shown as the bare topic.
        if permissions.may_see(name):
            kind, key = topics.parse(name)
            kinds[kind].append(key)
    things = {name: FollowedThing(name, name, name) for name in names}
    for kind, keys in kinds.items():
        if known := Followable.registry.get(kind):
            things |= _of_kind(known, keys)
    return things


def _of_kind(known: Followable, keys: list[str]) -> dict[str, FollowedThing]:
    found, label = known.find_all(keys), str(known.label)
    noun, names = known.model._meta.verbose_name, shown_names(found.values())
    urls = _urls(found.values())
    return {
        topic: FollowedThing(
            topic,
            name=label or names[each.pk],
            label=label or f"{noun} {names[each.pk]}",
            url=urls[each.pk],
        )
        for topic, each in found.items()
    }


def _urls(objects: Iterable[models.Model]) -> dict[Any, str]:
    """Return the addresses of objects of one model, by primary key, or empty ones."""
    found = [*objects]
    urls = {each.pk: _url(each) for each in found}
    if found and isinstance(found[0], get_user_model()):
        urls |= {pk: each.url for pk, each in actors_of(found).items() if each.url}
    return urls


def _url(thing: Any) -> str:
    if hasattr(thing, "get_absolute_url"):
        with suppress(NoReverseMatch):
            return str(thing.get_absolute_url())
    return ""
